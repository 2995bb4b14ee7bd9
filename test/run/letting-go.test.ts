/** A pass lets go of what it has handed over: memory does not grow with what a run has done. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { flow } from 'everloop'
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
