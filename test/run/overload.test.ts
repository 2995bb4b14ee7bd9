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
  /** What the processes have told, line by line: a line for each execution of the step. */
  readonly log: () => readonly string[]
  /** Lets the step end. */
  readonly go: () => void
}

type How = 'waits' | 'blocks'

/** A process for each `how`. */
function scene(...how: readonly How[]): Scene {
  const folder = mkdtempSync(join(tmpdir(), 'everloop-overload-'))
  const [store, log, go] = ['ledger.db', 'log', 'go'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  const workers = how.map((each) =>
    spawn(process.execPath, [child, `sqlite:${store}`, log, go, each], {
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
    log: () => (existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : []),
    go: () => writeFileSync(go, ''),
  }
}

const isOver = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode !== null || signalCode !== null

/** Waits until so many lines have been told, or nobody is there to do it. */
async function until({ workers, log }: Scene, lines: number): Promise<void> {
  while (log().length < lines && !workers.every(isOver)) await setTimeout(5)
}

async function ended(workers: readonly ChildProcess[]): Promise<void> {
  for (const worker of workers) if (!isOver(worker)) await once(worker, 'exit')
}

test.skipIf(process.platform === 'win32').for([1, 2])(
  'of a machine that stands still again and again, with %i processes on it, no run is parked',
  { timeout: 60_000 },
  async (processes) => {
    const here = scene(...Array.from({ length: processes }, () => 'waits' as const))
    const { store, workers, log, go } = here
    for (let stops = 1; stops <= 5; stops++) {
      await until(here, stops)
      await setTimeout(200) // or it is stopped in the middle of its code, and looks as if that kept it busy
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
    expect(log()).toHaveLength(6)
  },
)

test('a run whose code keeps its process from renewing the lease each time is parked', async () => {
  const { store, workers } = scene('blocks')
  await ended(workers)
  await using ever = await open({ store })
  const run = await ever.get('work')
  expect(await run.status()).toMatchObject({ status: 'paused', code: 'CRASH_LOOP', overtakes: 3 })
}, 40_000)
