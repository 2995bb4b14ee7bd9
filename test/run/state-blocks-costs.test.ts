/** What it costs to look whether a state is worth blocks, and what becomes of states that are not. */
import { expect, test } from 'vitest'
import { flow } from 'everloop'
import { testRuntime } from 'everloop/testing'
import { LoopState } from '../../src/run/operations/loop-state.ts'
import { HandedValues } from '../../src/run/replay/handed-values.ts'

type Fields = Readonly<Record<string, unknown>>

const text = (turn: number): string => `${turn} `.padEnd(200, `turn ${turn} of the loop; `)

test.each<readonly [string, Fields, (state: Fields, turn: number) => Fields]>([
  ['a dictionary that grows', {}, (state, turn) => ({ ...state, [`k${turn}`]: text(turn) })],
  [
    'a list beside a dictionary that is too large for blocks to be worth it',
    { list: [] },
    ({ list, ...rest }, turn) => ({
      list: [...(list as string[]), text(turn)],
      ...rest,
      [`k${turn}`]: text(turn).slice(0, 80),
    }),
  ],
])('what is written out for %s stays in proportion to it', (_, first, next) => {
  let looked = 0
  const redact = (written: string): string => {
    looked += written.length
    return written
  }
  const kept = LoopState.initial(first, { redact, sizes: { closed: 4000, least: 500 } })
  for (let turn = 1; turn <= 1000; turn++) {
    kept.change(next(kept.handed() as Fields, turn), new HandedValues()).accept(turn)
  }
  expect(looked).toBeLessThan(8 * JSON.stringify(kept.handed()).length)
})

test('a state that is longer than a payload may be goes on by what its turns write', async () => {
  const large = flow('large', (root) =>
    root.loop('l', { state: {} as Fields }, (run, state) => {
      if (run.turn > 6) return run.done(Object.keys(state).length)
      return run.next({ ...state, [`k${run.turn}`]: 'x'.repeat(12 * 1024 * 1024) })
    }),
  )
  await using runtime = await testRuntime({ flows: [large], development: false })
  expect(await runtime.result(await runtime.start(large, undefined))).toBe(6)
})
