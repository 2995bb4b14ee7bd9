/** Rejections that nobody handles: they concern their run, never the process. */
import { expect, test } from 'vitest'
import { flow } from 'everloop'
import { testRuntime } from 'everloop/testing'

test('a rejection that nobody handles is told, and the runs go on', async () => {
  const careless = flow('careless', async (run) => {
    await run.step('a', () => 1)
    void Promise.reject(new Error('nobody cares'))
    void run
      .step('b', () => {
        throw new Error('recorded')
      })
      .then(() => {})
    return run.step('c', () => 3)
  })
  await using runtime = await testRuntime({ flows: [careless] })
  const run = await runtime.start(careless, undefined)
  expect(await runtime.result(run)).toBe(3)
  const told = runtime.troubles.filter(({ run: id }) => id === run.id)
  expect(told.map(({ error }) => (error as Error).message)).toContain('nobody cares')
})

test('a rejection inside a step body that nobody awaits is told too', async () => {
  const careless = flow('careless', async (run) =>
    run.step('a', async () => {
      void (async () => {
        await Promise.resolve()
        throw new Error('left behind')
      })()
      await new Promise((resolve) => void setImmediate(resolve))
      return 1
    }),
  )
  await using runtime = await testRuntime({ flows: [careless] })
  const run = await runtime.start(careless, undefined)
  expect(await runtime.result(run)).toBe(1)
  expect(runtime.troubles.map(({ error, run: id }) => [(error as Error).message, id])).toEqual([
    ['left behind', run.id],
  ])
})

test('an operation that fails and is never awaited is recorded and tells nobody', async () => {
  const careless = flow('careless', async (run) => {
    void run.step('bad', () => {
      throw new Error('recorded')
    })
    await run.step('good', () => 1)
    return run.signal('go')
  })
  await using runtime = await testRuntime({ flows: [careless] })
  const run = await runtime.start(careless, undefined)
  await runtime.signal(run, 'go', 'went')
  expect(await runtime.result(run)).toBe('went')
  expect(runtime.troubles).toEqual([])
})

test('what refuses to be looked at ends a scope as any other error does', async () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const throwing = flow('throwing', (run) =>
    run
      .scope('s', () => {
        throw proxy
      })
      .catch((error: unknown) => (error as { code: string }).code),
  )
  await using runtime = await testRuntime({ flows: [throwing] })
  expect(await runtime.result(await runtime.start(throwing, undefined))).toBe('SCOPE_FAILED')
  expect(runtime.troubles).toEqual([])
})

test('what the code of one run throws does not touch another run of the same worker', async () => {
  const bad = flow('bad', async (run) => {
    await run.step('a', () => 1)
    throw new Error('bad')
  })
  const good = flow('good', async (run) => [await run.step('a', () => 1), await run.signal('go')])
  await using runtime = await testRuntime({ flows: [bad, good] })
  const [one, two] = [await runtime.start(good, undefined), await runtime.start(bad, undefined)]
  expect((await runtime.settled(two)).status).toBe('failed')
  await runtime.signal(one, 'go', 2)
  expect(await runtime.result(one)).toEqual([1, 2])
})
