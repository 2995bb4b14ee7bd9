/** Three processes started together on one new file, with 100 runs each: all work on all. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readLedger } from './ledger-file.ts'
import { type Granted, runsEach } from './one-of-three.ts'
import { storeOf } from './recover.ts'
import { unsound } from './soundness.ts'

const child = join(import.meta.dirname, 'one-of-three-child.ts')
const numbers = ['1', '2', '3']
let folder: string
let processes: ChildProcess[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'everloop-three-'))
  mkdirSync(join(folder, 'store'))
  processes = []
})

afterEach(() => {
  for (const process of processes) process.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

function granted(number: string): Granted[] {
  const path = join(folder, `granted-${number}`)
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Granted)
}

test('all runs complete, no lock is in the way, and every epoch has one owner', async () => {
  const ends = numbers.map(async (number) => {
    const running = spawn(process.execPath, [child, folder, number], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    processes.push(running)
    let said = ''
    running.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    const [code] = (await once(running, 'close')) as [number | null]
    return { code, said }
  })
  while (!numbers.every((number) => granted(number).length > 0)) await setTimeout(5)
  writeFileSync(join(folder, 'go'), '')
  expect(await Promise.all(ends)).toEqual(numbers.map(() => ({ code: 0, said: '' })))

  const lines = numbers.flatMap((number) => granted(number).map((line) => ({ number, ...line })))
  expect(lines.filter(({ is }) => is === 'trouble')).toEqual([])

  const ledger = readLedger(storeOf(folder), { integrity: true })
  expect(unsound(ledger)).toEqual([])
  expect(ledger.sessions).toEqual([])
  expect(ledger.runs.size).toBe(numbers.length * runsEach)
  expect(new Set(Array.from(ledger.runs.values(), ({ status }) => status))).toEqual(
    new Set(['completed']),
  )

  // One owner of each epoch, and only the owner wrote under it.
  const owners = new Map<string, string>()
  for (const line of lines) {
    if (line.is !== 'claimed') continue
    const epoch = `${line.run} ${line.epoch}`
    expect(owners.get(epoch), `two owners of ${epoch}`).toBeUndefined()
    owners.set(epoch, line.number)
  }
  const writers = new Map<string, string>()
  for (const line of lines) {
    if (line.is !== 'written') continue
    expect(owners.get(`${line.run} ${line.epoch}`)).toBe(line.number)
    writers.set(line.hash, line.number)
  }
  for (const { entries } of ledger.runs.values()) {
    for (const { hash, epoch } of entries) expect(writers.has(hash)).toBe(epoch > 0)
    expect(entries.filter(({ kind }) => kind === 'step.completed')).toHaveLength(2)
  }
}, 60_000)
