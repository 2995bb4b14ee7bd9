/** Fake timers of a test runner hold time, and not what needs none. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { flow, open } from 'everloop'
import { testRuntime } from 'everloop/testing'

const branches = flow('branches', async (run) => {
  const items = Array.from({ length: 500 }, (_, i) => i)
  const done = await run.map('items', items, (branch, i) => branch.step('one', async () => i))
  return done.length
})
const sleeper = flow('sleeper', async (run) => {
  await run.sleep('30d')
  return 'woken'
})

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'setImmediate', 'Date'] })
  vi.stubGlobal('queueMicrotask', () => {}) // as that of jest is until time passes
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

test('runs are executed', async () => {
  const ever = await open({ store: 'memory:', flows: [branches], work: {} })
  for (const id of ['first', 'second']) {
    const run = await ever.start(branches, undefined, { id })
    expect(await run.result()).toBe(500)
  }
  await ever.close()
})

test('the test runtime has its own', async () => {
  await using runtime = await testRuntime({ flows: [sleeper] })
  const run = await runtime.start(sleeper, undefined)
  await runtime.advance('30d')
  expect(await runtime.result(run)).toBe('woken')
})
