/** How many runs a worker has in hand, and what a run that is given back is due at. */
import { expect, test } from 'vitest'
import { flow } from 'everloop'
import { testRuntime } from 'everloop/testing'

test('runs whose code waits for something else than an operation count against the concurrency', async () => {
  let begun = 0
  let open: () => void = () => {}
  const gate = new Promise<void>((resolve) => (open = resolve))
  const slow = flow('slow', async (run) => {
    begun++
    await gate
    return run.step('s', () => 1)
  })
  await using runtime = await testRuntime({ flows: [slow], concurrency: 2 })
  for (let i = 0; i < 10; i++) {
    await runtime.ever.start(slow, undefined)
    await runtime.time.settle()
  }
  await runtime.time.advance('10s')
  expect(begun).toBe(2)
  open()
  await runtime.settle()
  expect(begun).toBe(10)
})

test('a run that waits and lingers leaves its place to the next at once', async () => {
  const waiting = flow('waiting', (run) => run.signal('go'))
  const quick = flow('quick', (run) => run.step('s', () => 'done'))
  await using runtime = await testRuntime({ flows: [waiting, quick], concurrency: 1 })
  const first = await runtime.ever.start(waiting, undefined)
  await runtime.time.settle()
  const second = await runtime.ever.start(quick, undefined)
  await runtime.time.settle() // no time passes, so the first still lingers
  expect((await first.status()).status).toBe('running')
  expect((await second.status()).status).toBe('completed')
})

test('a wait that the code has not come to again still wakes the run', async () => {
  let passes = 0
  const never = new Promise<void>(() => {})
  const both = flow('both', async (run) => {
    passes++
    const signal = run.signal('go')
    const other = run.signal('other')
    const timer = run.scope('sleeps', async (inner) => {
      // Only in the second pass.
      if (passes === 2) await never
      await inner.sleep('1h')
      return 'slept'
    })
    return Promise.race([timer, Promise.all([signal, other])])
  })
  await using runtime = await testRuntime({ flows: [both] })
  const run = await runtime.start(both, undefined)
  await runtime.signal(run, 'go', 1)
  expect(passes).toBe(2)
  await runtime.advance('2h')
  expect(await runtime.result(run)).toBe('slept')
  expect(passes).toBe(3)
})

test('a thousand waits that begin together set a handful of timers, not one each', async () => {
  const many = flow('many', (run) =>
    run.map('m', Array.from({ length: 1000 }), async (inner) => {
      await inner.sleep('1h')
      return 1
    }),
  )
  await using runtime = await testRuntime({ flows: [many] })
  const timersSet = (): number => {
    const timer = runtime.time.setTimer(1, () => {})
    timer.cancel()
    return timer.order
  }
  const before = timersSet()
  const run = await runtime.start(many, undefined)
  expect((await run.status()).status).toBe('waiting')
  expect(timersSet() - before).toBeLessThan(200)
})
