/**
 * A pass lets go of what it has handed over: memory does not grow with what a run has done, nor with how many
 * there were. What Node 22 keeps of signals, this Node does not: the tests are executed on the oldest, too.
 */
import { getEventListeners } from 'node:events'
import { queryObjects, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { type EverloopError, flow, open } from 'everloop'
import { testRuntime } from 'everloop/testing'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** How many of these are still in memory. */
async function left(values: readonly WeakRef<object>[]): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => void setImmediate(resolve)) // what was looked at is kept until then
    collect()
  }
  return values.filter((value) => value.deref() !== undefined).length
}

const big = (i: number): object => ({ i, text: String(i).padEnd(50_000, 'x') })

test('a loop lets go of what its turns were handed', async () => {
  const handed: WeakRef<object>[] = []
  let alive = Infinity
  const turning = flow('turning', (run) =>
    run.loop('l', { state: 0 }, async (turn, n) => {
      if (n === 200) {
        alive = await left(handed)
        return turn.done(n)
      }
      handed.push(new WeakRef(await turn.step('s', () => big(n))))
      return turn.next(n + 1)
    }),
  )
  await using runtime = await testRuntime({ flows: [turning], development: false })
  expect(await runtime.result(await runtime.start(turning, undefined))).toBe(200)
  expect(alive).toBeLessThan(5)
})

test.each([
  ['large ones', 500_000],
  ['many of a few kilobytes', 50_000],
])('a scope lets go of the values it was handed: %s', async (_, units) => {
  const handed: WeakRef<object>[] = []
  let alive = Infinity
  const scoped = flow('scoped', (run) =>
    run.scope('long', async (inner) => {
      for (let i = 0; i < 100; i++) {
        const value = await inner.step('s', () => ({ i, text: String(i).padEnd(units, 'x') }))
        handed.push(new WeakRef(value))
      }
      alive = await left(handed)
      return handed.length
    }),
  )
  await using runtime = await testRuntime({ flows: [scoped] })
  expect(await runtime.result(await runtime.start(scoped, undefined))).toBe(100)
  expect(alive).toBeLessThan(50)
})

test('steps with a time limit let go of what listens to their signals', async () => {
  const listening: WeakRef<object>[] = []
  const limited = flow('limited', async (run, isLate: boolean) => {
    return run
      .step('s', { timeout: isLate ? 5 : '1h' }, ({ signal }) => {
        const listener = (): void => {}
        listening.push(new WeakRef(listener))
        signal.addEventListener('abort', listener)
        return isLate ? new Promise(() => {}) : undefined
      })
      .then(
        () => 'in time',
        (error: EverloopError) => error.code,
      )
  })
  await using runtime = await testRuntime({ flows: [limited] })
  for (let i = 0; i < 20; i++) {
    const run = await runtime.start(limited, i % 2 === 0)
    expect(await runtime.result(run)).toBe(i % 2 === 0 ? 'STEP_FAILED' : 'in time')
  }
  expect(listening).toHaveLength(20)
  expect(await left(listening)).toBeLessThan(5)
})

test('a scope lets go of the signals of its steps, and aborts those that somebody still has', async () => {
  const given: WeakRef<AbortSignal>[] = []
  const kept: AbortSignal[] = []
  let heard = 0
  let alive = Infinity
  const limited = flow('limited', async (run) => {
    await run.scope('long', async (inner) => {
      for (let i = 0; i < 300; i++) {
        await inner.step('s', { timeout: '1h' }, ({ signal }) => {
          given.push(new WeakRef(signal))
          if (i % 50 === 0) kept.push(signal)
          if (i % 50 === 1) signal.addEventListener('abort', () => heard++)
        })
      }
      alive = await left(given)
      expect(kept.some(({ aborted }) => aborted)).toBe(false)
    })
    expect(kept.every(({ aborted }) => aborted)).toBe(true)
    return heard
  })
  await using runtime = await testRuntime({ flows: [limited] })
  expect(await runtime.result(await runtime.start(limited, undefined))).toBe(6)
  expect(kept).toHaveLength(6)
  expect(alive).toBeLessThan(20)
})

test('a signal that outlives many who watch keeps nothing of those that are gone', async () => {
  const waiting = flow('waiting', (run) => run.signal('go'))
  await using runtime = await testRuntime({ flows: [waiting] })
  const shutdown = new AbortController()
  const run = await runtime.start(waiting, undefined)
  for (let i = 0; i < 5; i++) {
    for await (const _ of run.events({ signal: shutdown.signal })) break
    for await (const _ of run.stream({ signal: shutdown.signal })) break
  }
  expect(getEventListeners(shutdown.signal, 'abort')).toEqual([])
  const last = run.events({ signal: shutdown.signal })
  await last.next()
  shutdown.abort()
  expect((await last.next()).done).toBe(true)
})

test('a process that works until it is idle, again and again, keeps nothing of the times before', async () => {
  await using ever = await open({ store: 'memory:' })
  const work = async (times: number): Promise<number> => {
    for (let i = 0; i < times; i++) await ever.work({ until: 'idle' })
    return queryObjects(Array, { format: 'count' })
  }
  const before = await work(20)
  expect((await work(500)) - before).toBeLessThan(250)
})
