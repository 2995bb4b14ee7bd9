/**
 * A worker that is frozen beyond its lease, as by a laptop's lid or a stalled machine: another takes
 * its run over, and when it thaws it is fenced off and writes nothing more.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { open } from '../../src/index.ts'
import { lease, slowFlow, steps } from './frozen.ts'
import { readLedger } from './ledger-file.ts'
import { storeOf } from './recover.ts'
import { unsound } from './soundness.ts'
import { type Line, readWorld, World } from './world.ts'

let folder: string
let worker: ChildProcess | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'everloop-frozen-'))
  mkdirSync(join(folder, 'store'))
})

afterEach(() => {
  worker?.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

const lines = (): Line[] => readWorld(join(folder, 'world'))

async function until(holds: (lines: readonly Line[]) => boolean): Promise<void> {
  while (!holds(lines())) await setTimeout(5)
}

test.skipIf(process.platform === 'win32')(
  'a frozen worker is taken over, and fenced off when it thaws',
  async () => {
    const world = new World(join(folder, 'world'), 'after')
    const slow = slowFlow(world)
    await using ever = await open({ store: `sqlite:${storeOf(folder)}`, flows: [slow], lease })
    const run = await ever.start(slow, undefined, { id: 'frozen-1' })
    worker = spawn(process.execPath, [join(import.meta.dirname, 'frozen-child.ts'), folder], {
      stdio: 'ignore',
    })
    await until((told) => told.some((line) => line.is === 'executed' && line.path === 'step 2'))
    worker.kill('SIGSTOP')
    writeFileSync(join(folder, 'go'), '')
    void ever.work()
    expect(await run.result()).toBe(10)

    worker.kill('SIGCONT')
    await until((told) => told.some((line) => line.is === 'trouble' && line.life === 'victim'))
    await setTimeout(300) // whatever it would still do

    const troubles = lines().flatMap((line) => (line.is === 'trouble' ? [line.what] : []))
    for (const what of troubles) expect(what).toMatch(/taken over|ran out/)
    const ledger = readLedger(storeOf(folder), { integrity: true })
    expect(unsound(ledger)).toEqual([])
    const entries = ledger.runs.get('frozen-1')?.entries ?? []
    const kinds = entries.map(({ kind }) => kind)
    expect(kinds.filter((kind) => kind === 'run.overtaken')).toHaveLength(1)
    for (let i = 1; i <= steps; i++) {
      const executions = lines().filter(
        (line) => line.is === 'executed' && line.path === `step ${i}`,
      )
      expect(executions.length).toBeLessThanOrEqual(i === 2 ? 2 : 1)
      const outcomes = entries.filter(
        ({ kind, key }) => kind === 'step.completed' && key === `step ${i}`,
      )
      expect(outcomes).toHaveLength(1)
    }
    // Nothing of the first holder behind the second one's first entry.
    const takenOver = kinds.indexOf('run.overtaken')
    expect(entries.slice(takenOver).every(({ epoch }) => epoch === 2)).toBe(true)
  },
  30_000,
)
