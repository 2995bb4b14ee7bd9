/** Leases that run out: because the whole process stood still, or because a run's code kept it from all else. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { open } from 'everloop'

const child = fileURLToPath(new URL('overload-child.ts', import.meta.url))

interface Scene {
  readonly store: string
  readonly workers: readonly ChildProcess[]
  /** How often the step has been executed. */
  readonly executions: () => number
  /** Lets the step end. */
  readonly go: () => void
}

function scene(how: 'waits' | 'blocks', processes: number): Scene {
  const folder = mkdtempSync(join(tmpdir(), 'everloop-overload-'))
  const [store, log, go] = ['ledger.db', 'log', 'go'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  const workers = Array.from({ length: processes }, () =>
    spawn(process.execPath, [child, `sqlite:${store}`, log, go, how], {
      stdio: ['ignore', 'ignore', 'inherit'],
    }),
  )
  onTestFinished(() => {
    for (const worker of workers) worker.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    store: `sqlite:${store}`,
    workers,
    executions: () => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').length - 1 : 0),
    go: () => writeFileSync(go, ''),
  }
}

const isOver = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null

/** Waits until the step has been executed so often, or nobody is there to do it. */
async function until({ workers, executions }: Scene, times: number): Promise<void> {
  while (executions() < times && !workers.every(isOver)) await setTimeout(5)
}

async function ended(workers: readonly ChildProcess[]): Promise<void> {
  for (const worker of workers) if (!isOver(worker)) await once(worker, 'exit')
}

test.skipIf(process.platform === 'win32').for([1, 2])(
  'of a machine that stands still again and again, with %i processes on it, no run is parked',
  { timeout: 60_000 },
  async (processes) => {
    const here = scene('waits', processes)
    const { store, workers, executions, go } = here
    for (let stops = 1; stops <= 5; stops++) {
      await until(here, stops)
      for (const worker of workers) worker.kill('SIGSTOP')
      await setTimeout(1500)
      for (const worker of workers) worker.kill('SIGCONT')
    }
    await until(here, 6)
    go()
    await ended(workers)
    await using ever = await open({ store })
    const run = await ever.get('work')
    expect(await run.status()).toMatchObject({ status: 'completed', crashes: 0 })
    expect(executions()).toBe(6)
  },
)

test('a run whose code keeps its process from renewing the lease each time is parked', async () => {
  const { store, workers } = scene('blocks', 1)
  await ended(workers)
  await using ever = await open({ store })
  const run = await ever.get('work')
  expect(await run.status()).toMatchObject({ status: 'paused', code: 'CRASH_LOOP', overtakes: 3 })
}, 40_000)
