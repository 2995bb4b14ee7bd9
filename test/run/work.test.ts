/** Several calls of `work` on one runtime: each has what it asked for, whatever the others do. */
import { expect, test } from 'vitest'
import { flow } from 'everloop'
import { memoryStore, testRuntime, type TestRuntime } from 'everloop/testing'

const echo = flow('echo', (run, n: number) => run.step('s', () => n))

/** A runtime without workers, in whose store one method can be held up. */
async function slowIn(method: 'claim' | 'queues' | 'closeSession'): Promise<{
  readonly runtime: TestRuntime
  /** Holds the next call up. Resolves when it is there, with what lets it go on. */
  readonly holdUp: () => Promise<() => void>
}> {
  let onCall: ((proceed: () => void) => void) | undefined
  const runtime = await testRuntime({
    flows: [echo],
    workers: 0,
    store: (ports) =>
      new Proxy(memoryStore(ports), {
        get: (target, name) => {
          const held: unknown = Reflect.get(target, name, target)
          if (typeof held !== 'function') return held
          if (name !== method) return held.bind(target) as unknown
          return async (...args: readonly unknown[]): Promise<unknown> => {
            const tell = onCall
            onCall = undefined
            if (tell) await new Promise<void>(tell)
            return Reflect.apply(held, target, args)
          }
        },
      }),
  })
  return { runtime, holdUp: () => new Promise((resolve) => (onCall = resolve)) }
}

test('work() goes on when work({ until: "idle" }), which was called before it, is done', async () => {
  await using runtime = await testRuntime({ flows: [echo], workers: 0 })
  const { ever } = runtime
  const idle = ever.work({ until: 'idle' })
  let hasEnded = false
  const always = ever.work().then(() => (hasEnded = true))
  await runtime.runUntil(idle)
  const run = await ever.start(echo, 1)
  expect(await runtime.runUntil(run.result())).toBe(1)
  expect(hasEnded).toBe(false)
  await runtime.runUntil(ever.close())
  await always
})

test('work({ until: "idle" }) executes what is due although an earlier call is stopping', async () => {
  const { runtime, holdUp } = await slowIn('closeSession')
  await using scene = runtime
  const { ever } = scene
  const stopping = holdUp()
  const first = ever.work({ until: 'idle' })
  const goOn = await stopping
  const run = await ever.start(echo, 1)
  await ever.work({ until: 'idle' })
  expect((await run.status()).status).toBe('completed')
  goOn()
  await first
  expect(await scene.store.sessions()).toEqual([])
})

test('work({ until: "idle" }) executes what was started while it was found out for another', async () => {
  const { runtime, holdUp } = await slowIn('queues')
  await using scene = runtime
  const { ever } = scene
  const asking = holdUp()
  const first = ever.work({ until: 'idle' })
  const goOn = await asking
  const run = await ever.start(echo, 1)
  const second = ever.work({ until: 'idle' })
  goOn()
  await second
  expect((await run.status()).status).toBe('completed')
  await first
})

test('work({ until: "idle" }) executes what is due although its leases end while it asks', async () => {
  const { runtime, holdUp } = await slowIn('claim')
  await using scene = runtime
  const { ever, time } = scene
  const run = await ever.start(echo, 1)
  let leases = 0
  const leap = async (): Promise<void> => {
    const goOn = await holdUp()
    time.leap(time.clock.now() + 3_600_000) // its timers have told it nothing yet
    goOn()
    if (++leases < 3) await leap()
  }
  void leap()
  await scene.runUntil(ever.work({ until: 'idle' }))
  expect((await run.status()).status).toBe('completed')
  expect(leases).toBe(3)
})

test('work({ until: "idle" }) executes what another worker gives back while it is found out', async () => {
  const { runtime, holdUp } = await slowIn('queues')
  await using scene = runtime
  const { ever, store } = scene
  const run = await ever.start(echo, 1)
  await store.openSession({ token: 'other', leaseMs: 600_000, name: 'other' })
  await store.claim({ session: 'other', flows: [{ name: 'echo', version: '1' }], limit: 1 })
  const asking = holdUp()
  const working = ever.work({ until: 'idle' })
  const goOn = await asking
  await store.closeSession('other')
  goOn()
  await scene.runUntil(working)
  expect((await run.status()).status).toBe('completed')
})

test('work({ until: "idle" }) ends although something is due that others serve', async () => {
  const { runtime } = await slowIn('queues')
  await using scene = runtime
  const others = flow('others', () => 1)
  const run = await scene.ever.start(others, undefined)
  await scene.runUntil(scene.ever.work({ until: 'idle' }))
  expect((await run.status()).status).toBe('ready')
})

test('close waits for a worker that is stopping already', async () => {
  const { runtime, holdUp } = await slowIn('closeSession')
  const stopping = holdUp()
  const first = runtime.ever.work({ until: 'idle' })
  const goOn = await stopping
  const closing = runtime.ever.close()
  goOn()
  await Promise.all([first, closing])
  expect(runtime.troubles).toEqual([])
})
