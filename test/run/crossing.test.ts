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
