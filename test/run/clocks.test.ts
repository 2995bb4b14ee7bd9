/** Processes whose clock is not that of the others, or is set while they work. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { open } from 'everloop'

const child = fileURLToPath(new URL('clocks-child.ts', import.meta.url))
const hour = String(3_600_000)

interface Scene {
  readonly start: (name: string) => ChildProcess
  readonly write: (file: string, text?: string) => void
  readonly log: () => readonly string[]
  readonly overtakes: (run: string) => Promise<number>
}

function scene(): Scene {
  const folder = mkdtempSync(join(tmpdir(), 'everloop-clocks-'))
  const workers: ChildProcess[] = []
  onTestFinished(() => {
    for (const worker of workers) worker.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  const log = join(folder, 'log')
  return {
    start(name) {
      const worker = spawn(process.execPath, [child, folder, name], { stdio: 'inherit' })
      workers.push(worker)
      return worker
    },
    write: (file, text = '') => writeFileSync(join(folder, file), text),
    log: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
    async overtakes(run) {
      await using ever = await open({ store: `sqlite:${join(folder, 'ledger.db')}` })
      return (await (await ever.get(run)).status()).overtakes
    },
  }
}

async function logged({ log }: Scene, line: string): Promise<void> {
  while (!log().includes(line)) await setTimeout(5)
}

/** Two leases, and a poll. */
const whileMs = 8000

test('a process that is an hour ahead leaves the runs of those alone that are alive', async () => {
  const here = scene()
  const right = here.start('right')
  await logged(here, 'run-right in right')
  here.write('ahead-ahead', hour)
  const ahead = here.start('ahead')
  await logged(here, 'run-ahead in ahead')
  await setTimeout(whileMs) // whatever it would do
  for (const run of ['run-right', 'run-ahead']) here.write(run)
  await Promise.all([once(right, 'exit'), once(ahead, 'exit')])
  expect(here.log()).toEqual(['run-right in right', 'run-ahead in ahead'])
  expect(await here.overtakes('run-right')).toBe(0)
}, 40_000)

test('a worker whose clock is set forward keeps its runs', async () => {
  const here = scene()
  const worker = here.start('one')
  await logged(here, 'run-one in one')
  here.write('one-ahead', hour)
  await setTimeout(whileMs) // whatever it would do
  here.write('run-one')
  await once(worker, 'exit')
  expect(here.log()).toEqual(['run-one in one'])
  expect(await here.overtakes('run-one')).toBe(0)
}, 40_000)
