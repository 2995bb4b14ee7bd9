/** Runs that were in hand when their process died: one of them killed it, and the others did not. */
import assert from 'node:assert'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { EverloopError, flow, open } from 'everloop'
import { type Interceptor, memoryStore, testRuntime, type TestRuntime } from 'everloop/testing'

const child = fileURLToPath(new URL('suspects-child.ts', import.meta.url))

test('a run that kills its process is parked, and those that were beside it complete', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'everloop-suspects-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const store = `sqlite:${join(folder, 'ledger.db')}`
  const log = join(folder, 'log')
  const ends: string[] = []
  while (ends.at(-1) !== 'lived' && ends.length < 8) {
    const { signal, status, stderr } = spawnSync(process.execPath, [child, store, log], {
      encoding: 'utf8',
    })
    ends.push(signal ?? (status === 0 ? 'lived' : stderr))
  }
  expect(ends).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL', 'lived'])
  await using ever = await open({ store })
  const statusOf = async (id: string): Promise<object> => (await ever.get(id)).status()
  expect(await statusOf('killer')).toMatchObject({ status: 'paused', code: 'CRASH_LOOP' })
  for (const id of ['innocent-1', 'innocent-2']) {
    expect(await statusOf(id)).toMatchObject({ status: 'completed', crashes: 2 })
  }
  // Beside the killer twice; then each by itself, to its end.
  const executed = readFileSync(log, 'utf8').trim().split('\n')
  const innocent = executed.filter((name) => name !== 'killer').toSorted()
  expect(innocent).toEqual(['one', 'one', 'one', 'two', 'two', 'two'])
}, 60_000)

const killers = fileURLToPath(new URL('killers-child.ts', import.meta.url))

interface Ledger {
  /** Executes these runs, and those before, until the process is killed or has nothing left to do. */
  readonly life: (...ids: readonly string[]) => string
  readonly ended: () => Promise<readonly (readonly [id: string, status: string, crashes: number])[]>
}

function ledger(): Ledger {
  const folder = mkdtempSync(join(tmpdir(), 'everloop-killers-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const store = `sqlite:${join(folder, 'ledger.db')}`
  return {
    life(...ids) {
      const argv = [killers, store, ...ids]
      const { signal, status, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' })
      return signal ?? (status === 0 ? 'lived' : stderr)
    },
    async ended() {
      await using ever = await open({ store })
      const runs = await ever.list({ limit: 1000 })
      return runs.map(({ id, status, crashes }) => [id, status, crashes] as const)
    },
  }
}

test('a run that was beside another killer each time is not taken for one', async () => {
  const { life, ended } = ledger()
  for (let i = 1; i <= 6; i++) expect(life('innocent', `killer-${i}`)).toBe('SIGKILL')
  while (life() === 'SIGKILL');
  const runs = await ended()
  expect(runs.find(([id]) => id === 'innocent')).toEqual([
    'innocent',
    'completed',
    expect.any(Number),
  ])
  expect(runs.filter(([id]) => id !== 'innocent')).toEqual(
    [6, 5, 4, 3, 2, 1].map((i) => [`killer-${i}`, 'paused', 3]),
  )
}, 120_000)

test('of two hundred runs beside one that kills its process, none but that one is parked', async () => {
  const { life, ended } = ledger()
  const ids = ['killer', ...Array.from({ length: 200 }, (_, i) => `innocent-${i}`)]
  expect(Array.from({ length: 4 }, () => life(...ids))).toEqual([
    'SIGKILL',
    'SIGKILL',
    'SIGKILL',
    'lived',
  ])
  const runs = await ended()
  expect(runs.filter(([, status]) => status !== 'completed')).toEqual([['killer', 'paused', 3]])
  expect(runs).toHaveLength(201)
}, 120_000)

/** A step that hangs in the first process, and after it as long as the test says. */
function gates(): {
  readonly body: (name: string) => Promise<string>
  readonly begun: string[]
  readonly open: (name: string) => void
} {
  const begun: string[] = []
  const release = new Map<string, () => void>()
  return {
    begun,
    body: (name) =>
      new Promise((resolve) => {
        begun.push(name)
        release.set(name, () => resolve(name))
      }),
    open: (name) => release.get(name)?.(),
  }
}

/** Lets time pass while steps hang. */
function pass(runtime: TestRuntime, ms: number): Promise<unknown> {
  const until = runtime.time.clock.now() + ms
  return runtime.runUntil(() => runtime.time.clock.now() >= until)
}

/** Runs that hang in every worker until the test lets them go, all of them lost so many times. */
async function lostTogether(
  runtime: TestRuntime,
  begun: readonly string[],
  { runs, times }: { readonly runs: number; readonly times: number },
): Promise<void> {
  for (let i = 1; i <= times; i++) {
    await runtime.runUntil(() => begun.length === runs * i)
    runtime.workers.at(-1)?.crash()
    runtime.addWorker()
  }
}

test('runs that were lost together once go on together', async () => {
  const { body, begun, open: release } = gates()
  const work = flow('work', (run, name: string) => run.step('hangs', () => body(name)))
  await using runtime = await testRuntime({ flows: [work] })
  const lost = await Promise.all(['a', 'b'].map((id) => runtime.ever.start(work, id, { id })))
  await lostTogether(runtime, begun, { runs: 2, times: 1 })
  await runtime.runUntil(() => begun.length === 4)
  for (const name of ['a', 'b']) release(name)
  expect(await Promise.all(lost.map((run) => runtime.result(run)))).toEqual(['a', 'b'])
})

test('of runs that were lost together twice one is executed at a time, until it has got further', async () => {
  const { body, begun, open: release } = gates()
  const work = flow('work', async (run, name: string) => {
    await run.step('first', () => body(name))
    return run.step('second', () => body(`${name} again`))
  })
  await using runtime = await testRuntime({ flows: [work] })
  const lost = await Promise.all(['a', 'b'].map((id) => runtime.ever.start(work, id, { id })))
  await lostTogether(runtime, begun, { runs: 2, times: 2 })
  await runtime.runUntil(() => begun.length === 5)
  await pass(runtime, 10_000)
  expect(begun.slice(4)).toEqual(['a'])
  // It has got further, but has come lately: what is beside it is not executed by itself.
  release('a')
  await runtime.runUntil(() => begun.length === 6)
  release('a again')
  await runtime.runUntil(() => begun.length === 7)
  expect(begun.slice(5)).toEqual(['a again', 'b'])
  release('b')
  await runtime.runUntil(() => begun.length === 8)
  release('b again')
  expect(await Promise.all(lost.map((run) => runtime.result(run)))).toEqual(['a again', 'b again'])
  await runtime.verify()
})

test('a run that was lost twice and now hangs keeps others waiting for a minute only', async () => {
  const { body, begun } = gates()
  const work = flow('work', (run, name: string) => run.step('hangs', () => body(name)))
  await using runtime = await testRuntime({ flows: [work] })
  for (const id of ['a', 'b']) await runtime.ever.start(work, id, { id })
  await lostTogether(runtime, begun, { runs: 2, times: 2 })
  await runtime.runUntil(() => begun.length === 5)
  await pass(runtime, 50_000)
  expect(begun).toHaveLength(5)
  await pass(runtime, 20_000)
  expect(begun.slice(4)).toEqual(['a', 'b'])
})

test('a run that was lost twice and now hangs keeps others waiting for a minute only, also when the clock is set back', async () => {
  const { body, begun } = gates()
  const work = flow('work', (run, name: string) => run.step('hangs', () => body(name)))
  let set = 0
  await using runtime = await testRuntime({
    flows: [work],
    store: ({ clock }) => memoryStore({ clock: { now: () => clock.now() + set } }),
  })
  for (const id of ['a', 'b']) await runtime.ever.start(work, id, { id })
  await lostTogether(runtime, begun, { runs: 2, times: 2 })
  await runtime.runUntil(() => begun.length === 5)
  set = -3_600_000
  await runtime.ever.start(work, 'c', { id: 'c' })
  await pass(runtime, 70_000)
  expect(begun.slice(4)).toEqual(['a', 'c'])
})

test('a run that would be parked for one more loss is executed by itself, when what is in hand has been so for a minute', async () => {
  const { body, begun, open: release } = gates()
  const work = flow('work', (run, name: string) => run.step('hangs', () => body(name)))
  await using runtime = await testRuntime({ flows: [work] })
  const lost = await runtime.ever.start(work, 'lost', { id: 'lost' })
  await lostTogether(runtime, begun, { runs: 1, times: 2 })
  // It has 10 seconds before the lost run is free.
  await runtime.ever.start(work, 'before', { id: 'before' })
  await runtime.runUntil(() => begun.length === 3)
  await pass(runtime, 20_000)
  await runtime.ever.start(work, 'behind', { id: 'behind' })
  await pass(runtime, 35_000)
  expect(begun).toEqual(['lost', 'lost', 'before'])
  await pass(runtime, 10_000)
  expect(begun.slice(3)).toEqual(['lost'])
  release('lost')
  await runtime.runUntil(() => begun.length === 5)
  expect(begun.slice(4)).toEqual(['behind'])
  for (const name of ['before', 'behind']) release(name)
  expect(await runtime.result(lost)).toBe('lost')
})

/** Loses the reply of each claim that hands out a run that this says of. */
function losingClaims(isLost: (run: string) => boolean): Interceptor {
  return async ({ method }, proceed) => {
    const result = await proceed()
    if (method !== 'claim') return result
    const { runs } = result as { readonly runs: readonly { readonly id: string }[] }
    if (!runs.some(({ id }) => isLost(id))) return result
    throw new EverloopError('STORE_UNAVAILABLE', 'The reply was lost.')
  }
}

test('a run that would be parked for one more loss is executed by itself, also when the reply of its claim was lost', async () => {
  const { body, begun, open: release } = gates()
  const work = flow('work', (run, name: string) => run.step('hangs', () => body(name)))
  let losses = 0
  const onCall = losingClaims((run) => run === 'lost' && begun.length === 3 && losses++ === 0)
  await using runtime = await testRuntime({ flows: [work], onCall })
  const lost = await runtime.ever.start(work, 'lost', { id: 'lost' })
  await lostTogether(runtime, begun, { runs: 1, times: 2 })
  await runtime.ever.start(work, 'before', { id: 'before' })
  await runtime.runUntil(() => begun.length === 3)
  await pass(runtime, 50_000)
  expect(losses).toBeGreaterThan(0)
  expect(begun).toEqual(['lost', 'lost', 'before'])
  await pass(runtime, 20_000)
  expect(begun.slice(3)).toEqual(['lost'])
  for (const name of ['before', 'lost']) release(name)
  expect(await runtime.result(lost)).toBe('lost')
  await runtime.verify()
})

test('no more runs than a worker may have are executed, also when the reply of a claim was lost', async () => {
  const { body, begun, open: release } = gates()
  const work = flow('work', (run, name: string) => run.step('hangs', () => body(name)))
  let losses = 0
  const onCall = losingClaims((run) => run === 'a' && losses++ === 0)
  await using runtime = await testRuntime({ flows: [work], concurrency: 1, onCall })
  const runs = ['a', 'b'].map((id) => runtime.ever.start(work, id, { id }))
  const [, b] = await Promise.all(runs)
  assert(b)
  await runtime.runUntil(() => begun.length > 0)
  await pass(runtime, 30_000)
  expect(begun).toEqual(['a'])
  release('a')
  await runtime.runUntil(() => begun.length === 2)
  release('b')
  expect(await runtime.result(b)).toBe('b')
})

test('a run that waits to be executed by itself keeps to the limit of its queue', async () => {
  const { body, begun, open: release } = gates()
  const work = flow('work', (run, name: string) => run.step('hangs', () => body(name)))
  await using runtime = await testRuntime({ flows: [work] })
  const lost = await runtime.ever.start(work, 'lost', { id: 'lost', queue: 'slow' })
  await lostTogether(runtime, begun, { runs: 1, times: 2 })
  await runtime.ever.start(work, 'before', { id: 'before' })
  await runtime.runUntil(() => begun.length === 3)
  await pass(runtime, 20_000)
  await runtime.ever.limitQueue('slow', 0)
  await runtime.ever.start(work, 'behind', { id: 'behind' })
  await pass(runtime, 70_000)
  expect(begun.slice(2)).toEqual(['before', 'behind'])
  await runtime.ever.limitQueue('slow', 1)
  for (const name of ['before', 'behind']) release(name)
  await runtime.runUntil(() => begun.length === 5)
  release('lost')
  expect(await runtime.result(lost)).toBe('lost')
})

test('a run that waits to be executed by itself keeps its place in its queue', async () => {
  const { body, begun, open: release } = gates()
  const work = flow('work', (run, name: string) => run.step('hangs', () => body(name)))
  await using runtime = await testRuntime({ flows: [work] })
  const queue = 'narrow'
  await runtime.ever.limitQueue(queue, 1)
  await runtime.ever.start(work, 'lost', { id: 'lost', queue })
  await lostTogether(runtime, begun, { runs: 1, times: 2 })
  await runtime.ever.start(work, 'before', { id: 'before' })
  await runtime.ever.start(work, 'first', { id: 'first', queue })
  await pass(runtime, 20_000)
  await runtime.ever.start(work, 'second', { id: 'second', queue })
  await pass(runtime, 1000)
  release('first')
  await pass(runtime, 1000)
  expect(begun).toEqual(['lost', 'lost', 'before', 'first'])
  runtime.addWorker()
  await runtime.runUntil(() => begun.length === 5)
  expect(begun[4]).toBe('lost')
})
