/** What operators ask for in the very moment in which a run ends, stops or is about to wait. */
import { describe, expect, test } from 'vitest'
import { flow } from 'everloop'
import { type Interceptor, type TestRuntime, testRuntime } from 'everloop/testing'
import type { Append } from '../../src/store/store.ts'

/** Calls back once, before the first append that this fits reaches the store. */
function beforeAppend(
  fits: (append: Append) => boolean,
  call: () => Promise<unknown>,
): Interceptor & { readonly hasCalled: () => boolean } {
  let called = false
  const intercept: Interceptor = async ({ method, args }, proceed) => {
    if (method === 'append' && !called && fits(args[0] as Append)) {
      called = true
      await call()
    }
    return proceed()
  }
  return Object.assign(intercept, { hasCalled: () => called })
}

const writes =
  (kind: string) =>
  ({ entries }: Append): boolean =>
    entries.some((entry) => entry.kind === kind)

const kindsOf = async (runtime: TestRuntime, run: string): Promise<string[]> =>
  (await runtime.ledger(run)).map(({ kind }) => kind)

/** A run whose step fails while it is broken. */
function fragile() {
  const state = { broken: true, calls: 0 }
  const run = flow('fragile', (handle) =>
    handle.step('s', () => {
      state.calls++
      if (state.broken) throw new Error('broken')
      return 'done'
    }),
  )
  return { state, flow: run }
}

describe('a cancel that is accepted while a step fails', () => {
  /** The cancel is taken into the ledger behind the failure, before the code is told of either. */
  async function crossing(options: { readonly crashes: boolean; readonly deadline?: boolean }) {
    const { flow: failing, state } = fragile()
    let searched: () => void = () => {}
    let runtime: TestRuntime | undefined
    const cancelling = beforeAppend(writes('step.failed'), async () => {
      const search = new Promise<void>((resolve) => (searched = resolve))
      await runtime?.ever.cancel('r', 'enough')
      await search
    })
    const crashing = beforeAppend(
      ({ entries }) =>
        entries.some(({ kind }) => kind === 'run.failed' || kind === 'run.cancelled'),
      async () => void (options.crashes && runtime?.crash()),
    )
    const onCall: Interceptor = (call, proceed) =>
      crashing(call, () =>
        cancelling(call, async () => {
          const result = await proceed()
          if (call.method === 'messages') setImmediate(searched)
          return result
        }),
      )
    runtime = await testRuntime({ flows: [failing], onCall })
    await runtime.start(failing, undefined, { id: 'r' })
    expect(cancelling.hasCalled()).toBe(true)
    return { runtime, state }
  }

  test.each([false, true])('cancels the run, with a crash in between: %s', async (crashes) => {
    const { runtime } = await crossing({ crashes })
    await using _ = runtime
    const run = await runtime.ever.get('r')
    expect(await runtime.settled(run)).toEqual({ status: 'cancelled', reason: 'enough' })
    const kinds = await kindsOf(runtime, 'r')
    expect(kinds.filter((kind) => kind !== 'run.overtaken')).toEqual([
      'run.started',
      'step.failed',
      'run.cancelling',
      'run.cancelled',
    ])
    await runtime.verify()
  })
})

describe('a pause', () => {
  const twice = flow('twice', async (run) => {
    await run.signal('go')
    return 'gone'
  })

  test('that was asked for twice is over with one resume', async () => {
    await using runtime = await testRuntime({ flows: [twice] })
    const run = await runtime.start(twice, undefined)
    await runtime.ever.pause(run.id)
    await runtime.ever.pause(run.id)
    expect(await runtime.settled(run)).toMatchObject({ status: 'paused' })
    await runtime.ever.resume(run.id)
    expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
    await runtime.signal(run, 'go')
    expect(await runtime.result(run)).toBe('gone')
    await runtime.verify()
  })

  test('that comes while the run is being paused is over with one resume', async () => {
    let runtime: TestRuntime | undefined
    const onCall = beforeAppend(writes('run.paused'), async () => runtime?.ever.pause('r', 'too'))
    runtime = await testRuntime({ flows: [twice], onCall })
    await using _ = runtime
    const run = await runtime.start(twice, undefined, { id: 'r' })
    await runtime.ever.pause('r')
    expect(await runtime.settled(run)).toMatchObject({ status: 'paused' })
    expect(onCall.hasCalled()).toBe(true)
    await runtime.ever.resume('r')
    expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
  })

  test('that comes while the run is being paused does not outlive a cancel', async () => {
    let runtime: TestRuntime | undefined
    const onCall = beforeAppend(writes('run.paused'), async () => runtime?.ever.pause('r', 'too'))
    runtime = await testRuntime({ flows: [twice], onCall })
    await using _ = runtime
    const run = await runtime.start(twice, undefined, { id: 'r' })
    await runtime.ever.pause('r')
    await runtime.settle()
    await runtime.ever.cancel('r', 'enough')
    expect(await runtime.settled(run)).toMatchObject({ status: 'cancelled' })
  })

  test('that comes after the resume holds', async () => {
    await using runtime = await testRuntime({ flows: [twice] })
    const run = await runtime.start(twice, undefined)
    await runtime.ever.pause(run.id)
    await runtime.settle()
    await runtime.ever.resume(run.id)
    await runtime.settle()
    await runtime.ever.pause(run.id)
    expect(await runtime.settled(run)).toMatchObject({ status: 'paused' })
  })
})

test.each(['pause', 'cancel'] as const)(
  'a %s that comes while the run fails does not outlive a retry',
  async (what) => {
    const { flow: failing, state } = fragile()
    let runtime: TestRuntime | undefined
    const onCall = beforeAppend(writes('run.failed'), async () => runtime?.ever[what]('r'))
    runtime = await testRuntime({ flows: [failing], onCall })
    await using _ = runtime
    const run = await runtime.start(failing, undefined, { id: 'r' })
    expect(onCall.hasCalled()).toBe(true)
    expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
    state.broken = false
    await runtime.ever.retry('r')
    expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'done' })
  },
)

describe('what is asked for right behind a retry or a resume waits for what comes of it', () => {
  test('after a retry', async () => {
    const { flow: failing, state } = fragile()
    await using runtime = await testRuntime({ flows: [failing] })
    const run = await runtime.start(failing, undefined)
    expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
    const { entries } = await run.status()
    state.broken = false
    await runtime.ever.retry(run.id)
    const result = run.result()
    const settled = run.settled()
    const kinds = (async () => {
      const seen: string[] = []
      for await (const event of run.events({ from: entries })) seen.push(event.kind)
      return seen
    })()
    const all = Promise.all([result, settled, kinds])
    all.catch(() => {}) // it is looked at below, when time has passed
    await runtime.settle()
    expect(await runtime.runUntil(all)).toEqual([
      'done',
      { status: 'completed', output: 'done' },
      ['run.retried', 'step.completed', 'run.completed'],
    ])
  })

  test('after a resume', async () => {
    const waiting = flow('waiting', async (run) => run.signal('go'))
    await using runtime = await testRuntime({ flows: [waiting] })
    const run = await runtime.start(waiting, undefined)
    await runtime.ever.pause(run.id)
    expect(await runtime.settled(run)).toMatchObject({ status: 'paused' })
    await runtime.ever.resume(run.id)
    const settled = run.settled()
    settled.catch(() => {})
    await runtime.settle()
    expect(await runtime.runUntil(settled)).toMatchObject({ status: 'waiting' })
  })
})

describe('a message that comes while the run is given back', () => {
  test('wakes the run, which has not seen it', async () => {
    const waiting = flow('waiting', async (run) => run.signal('go'))
    let runtime: TestRuntime | undefined
    const onCall = beforeAppend(
      ({ release }) => release !== undefined,
      async () => runtime?.ever.signal('r', 'go', 7),
    )
    runtime = await testRuntime({ flows: [waiting], onCall })
    await using _ = runtime
    const run = await runtime.start(waiting, undefined, { id: 'r' })
    expect(onCall.hasCalled()).toBe(true)
    expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 7 })
  })
})
