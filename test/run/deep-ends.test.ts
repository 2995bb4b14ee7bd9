/** Outputs and values at the edge of what can be kept: a run ends with them, or fails, but ends. */
import { expect, test } from 'vitest'
import { EverloopError, flow } from 'everloop'
import { type Interceptor, testRuntime } from 'everloop/testing'

const nested = (levels: number): unknown => {
  let value: unknown = 1
  for (let i = 0; i < levels; i++) value = [value]
  return value
}

test.each([499, 500, 501])(
  'a child whose output is %i levels deep ends, and so does its parent',
  async (levels) => {
    const child = flow('child', async () => nested(levels))
    const parent = flow('parent', async (run) => {
      const output = await run.child(child, undefined).catch((error: unknown) => error)
      await run.signal('go')
      return JSON.stringify(output).length
    })
    await using runtime = await testRuntime({ flows: [child, parent] })
    const run = await runtime.start(parent, undefined)
    expect((await run.status()).status).toBe('waiting')
    await runtime.signal(run, 'go', 1)
    await runtime.result(run)
    expect(runtime.troubles).toEqual([])
    await runtime.verify()
  },
)

test.each([498, 499, 500, 501])(
  'an error with data %i levels deep fails its step and its run',
  async (levels) => {
    const failing = flow('failing', async (run) => {
      await run.scope('s', (inner) =>
        inner.step('s', () => {
          throw Object.assign(new Error('deep'), { deep: nested(levels) })
        }),
      )
    })
    const parent = flow('parent', (run) => run.child(failing, undefined))
    await using runtime = await testRuntime({ flows: [failing, parent] })
    const run = await runtime.start(parent, undefined)
    expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
    expect(runtime.troubles).toEqual([])
    await runtime.verify()
  },
)

test('a value just below the limit of a payload is handed over', async () => {
  const size = 64 * 1024 * 1024 - 4
  const large = flow('large', async (run) => {
    const value = await run.step('s', () => 'x'.repeat(size))
    return value.length
  })
  await using runtime = await testRuntime({ flows: [large] })
  expect(await runtime.result(await runtime.start(large, undefined))).toBe(size)
  expect(runtime.troubles).toEqual([])
})

test('what is handed over of a large value is what was recorded, whatever the body does to it later', async () => {
  const seen: unknown[] = []
  const shared = { text: 'x'.repeat(400_000), n: 0 }
  const changing = flow('changing', async (run) => {
    const handed = run.step('s', () => {
      queueMicrotask(() => queueMicrotask(() => queueMicrotask(() => shared.n++)))
      return shared
    })
    for (let i = 0; i < 50; i++) {
      await Promise.resolve()
      shared.n++
    }
    seen.push((await handed).n)
    await run.signal('go')
  })
  await using runtime = await testRuntime({ flows: [changing] })
  const run = await runtime.start(changing, undefined)
  await runtime.signal(run, 'go', 1)
  await runtime.result(run)
  expect(seen).toHaveLength(2)
  expect(seen[1]).toBe(seen[0])
})

test('an artifact is read when the store is back', async () => {
  let failures = 3
  const onCall: Interceptor = async ({ method }, proceed) => {
    if (method !== 'artifact' || failures === 0) return proceed()
    failures--
    throw new EverloopError('STORE_UNAVAILABLE', 'The store cannot be reached.')
  }
  const reading = flow('reading', async (run) => {
    const artifact = await run.artifacts.put('a', 'hello')
    return Buffer.from(await run.artifacts.get(artifact)).toString()
  })
  await using runtime = await testRuntime({ flows: [reading], onCall })
  expect(await runtime.result(await runtime.start(reading, undefined))).toBe('hello')
  expect(failures).toBe(0)
  expect(runtime.troubles).toHaveLength(3)
})
