/** Whatever a state in blocks holds, it is read back as it was handed on. */
import { deepStrictEqual } from 'node:assert'
import { expect, test } from 'vitest'
import { flow } from 'everloop'
import { testRuntime } from 'everloop/testing'
import { decode, encode } from '../../src/ledger/index.ts'

const pad = 'é\ud800"\\\u0000 '.repeat(3000)

/** One of each kind of data, in a list that lies in objects with names that need care. */
const made = (turn: number): unknown => ({
  turn,
  pad: `${turn}${pad}`,
  bytes: new Uint8Array([turn, 255]),
  map: new Map<unknown, unknown>([[{ turn }, new Set([turn, undefined, -0])]]),
  date: new Date(turn),
  none: undefined,
  holes: [, turn, ,],
  large: 2n ** 70n,
  numbers: [-0, Number.NaN, Infinity],
  nested: [[[turn]], []],
  $: { $$: 'ref', v: [0] },
  ['__proto__']: 1,
  error: Object.assign(new Error('no'), { code: 'E', list: [turn] }),
})

/** With holes as undefined. */
const decodedOf = (value: unknown): unknown => decode(encode(value))

type Fields = Readonly<Record<string, unknown>>
type List = readonly unknown[]

/** Objects around a list, from the outermost name to the innermost. */
const under = (...names: readonly string[]) => ({
  put: (list: List): unknown =>
    names.reduceRight<unknown>((value, name) => Object.fromEntries([[name, value]]), list),
  take: (state: unknown): List =>
    names.reduce<unknown>(
      (value, name) => Object.getOwnPropertyDescriptor(value, name)?.value as unknown,
      state,
    ) as List,
})

const first = (state: unknown): List => (state as Fields)['a'] as List

test.each([
  ['the state itself', under()],
  ['under names of dollar signs and numbers', under('1', '$', '0')],
  ['under __proto__', under('__proto__')],
  ['at two places', { put: (list: List) => ({ a: list, b: list }), take: first }],
  [
    'in a list and a map too',
    { put: (list: List) => ({ a: list, b: [list], c: new Map([['l', list]]) }), take: first },
  ],
])('values in a list: %s', async (_, { put, take }) => {
  const wrong: string[] = []
  const growing = flow('growing', (root) =>
    root.loop('l', { state: put([]) }, async (run, state) => {
      if (run.turn % 5 === 0) await run.sleep('1h') // what is behind it was read back
      const list = Array.from({ length: (run.turn - 1) * 3 }, (__, i) =>
        made(Math.floor(i / 3) + 1),
      )
      try {
        deepStrictEqual(state, decodedOf(put(list)))
      } catch (error) {
        wrong.push(`turn ${run.turn}: ${String(error).slice(0, 800)}`)
      }
      if (run.turn > 12) return run.done(list.length)
      const more = Array.from({ length: 3 }, () => made(run.turn))
      return run.next(put([...take(state), ...more]))
    }),
  )
  await using runtime = await testRuntime({ flows: [growing], development: false })
  expect(await runtime.result(await runtime.start(growing, undefined, { id: 'one' }))).toBe(36)
  expect(wrong).toEqual([])
  await runtime.verify()
  const entries = await runtime.store.entries('one')
  expect(entries.some(({ payload }) => payload?.includes('"zstd"'))).toBe(true)
})
