/** The state that a turn is handed is what a resume would decode, and the code's own objects stay its own. */
import { expect, test } from 'vitest'
import { flow } from 'everloop'
import { testRuntime } from 'everloop/testing'

const mark = Symbol('mark')

/** What can be seen of a state besides its values. */
function looks(state: unknown): unknown {
  if (typeof state !== 'object' || state === null) return state
  const names = Object.entries(Object.getOwnPropertyDescriptors(state)).map(([name, property]) => [
    name,
    'get' in property ? 'getter' : looks(property.value),
    property.enumerable,
    property.writable,
  ])
  const prototype = Object.getPrototypeOf(state) === null ? 'none' : state.constructor.name
  return [prototype, Object.getOwnPropertySymbols(state).map(String), names]
}

const odd = (): Record<string, unknown> => ({
  symbols: { [mark]: 1, a: 1 },
  getter: {
    get now() {
      return 'then'
    },
  },
  bare: Object.assign(Object.create(null) as object, { b: 1 }),
  hidden: Object.defineProperty({ c: 1 }, 'd', { value: 2, enumerable: false }),
  list: Object.assign([1, , 3], { [mark]: 1 }),
})

test.each(['in the state', 'as the state', 'in a list', 'put in the place of an equal one'])(
  'a turn sees the same of an odd object live and resumed: %s',
  async (place) => {
    const seen: unknown[] = []
    const next = (state: unknown): unknown => {
      const made = odd()
      switch (place) {
        case 'in the state':
          return { made }
        case 'as the state':
          return Object.assign(Object.create(null) as object, made, { [mark]: 1 })
        case 'in a list':
          return { items: [...((state as { items?: unknown[] }).items ?? []), made] }
        default:
          return { made, turn: Math.random() }
      }
    }
    const turning = flow('turning', (run) =>
      run.loop('l', { state: {} as unknown }, async (turn, state) => {
        if (turn.turn === 4) {
          seen.push(looks(state))
          await turn.signal('go')
          return turn.done(0)
        }
        return turn.next(next(state))
      }),
    )
    await using runtime = await testRuntime({ flows: [turning], development: false })
    const run = await runtime.start(turning, undefined)
    await runtime.signal(run, 'go', 1)
    await runtime.result(run)
    expect(seen).toHaveLength(2)
    expect(seen[1]).toEqual(seen[0])
  },
)

test('what the code puts into a state is not frozen, and changing it later changes no state', async () => {
  const shared = { names: ['a'], inner: { n: 1 } }
  const states: unknown[] = []
  const sharing = flow('sharing', (run) =>
    run.loop('l', { state: { shared, turn: 0 } as object }, async (turn, state) => {
      states.push(structuredClone(state))
      if (turn.turn === 3) return turn.done(state)
      const made = { shared: { ...shared, at: turn.turn }, turn: turn.turn }
      shared.names.push(`turn ${turn.turn}`)
      return turn.next(turn.turn === 1 ? made : { ...state, other: shared })
    }),
  )
  await using runtime = await testRuntime({ flows: [sharing], development: false })
  const result = await runtime.result(await runtime.start(sharing, undefined))
  expect(Object.isFrozen(shared) || Object.isFrozen(shared.names)).toBe(false)
  shared.names.push('later')
  expect(result).toEqual(states[2])
})

test('the state that a turn is handed is frozen all the way down', async () => {
  const frozen: boolean[] = []
  const freezing = flow('freezing', (run) =>
    run.loop('l', { state: { items: [{ n: [0] }] } }, async (turn, state) => {
      const parts = [state, state.items, ...state.items, ...state.items.map(({ n }) => n)]
      frozen.push(...parts.map((part) => Object.isFrozen(part)))
      if (turn.turn === 4) return turn.done(0)
      const item = await turn.step('s', () => ({ n: Array.from({ length: 300 }, (_, i) => i) }))
      return turn.next({ items: [...state.items, item, { n: [turn.turn] }] })
    }),
  )
  await using runtime = await testRuntime({ flows: [freezing], development: false })
  await runtime.result(await runtime.start(freezing, undefined))
  expect(new Set(frozen)).toEqual(new Set([true]))
})

/** Freezes or closes some part of a value that a step has handed over. */
const closings: Readonly<Record<string, (value: Handed) => unknown>> = {
  frozen: (value) => Object.freeze(value),
  sealed: (value) => Object.seal(value),
  'with a frozen list in it': ({ lists }) => Object.freeze(lists),
  'with a map that takes no fields': ({ map }) => Object.preventExtensions(map),
  'with a frozen map': ({ map }) => Object.freeze(map),
}

interface Handed {
  readonly lists: number[][]
  readonly map: Map<string, number>
  readonly pad: string
}

test.each(Object.keys(closings))(
  'a state with a large value that a step has returned and the code closed, %s, is frozen all the way down',
  async (how) => {
    const thrown: unknown[] = []
    const closing = flow('closing', (run) =>
      run.loop('l', { state: {} as { v?: Handed } }, async (turn, state) => {
        const { v } = state
        if (!v) {
          const handed = await turn.step('get', () => ({
            lists: [[1, 2, 3]],
            map: new Map([['a', 1]]),
            pad: 'x'.repeat(5000),
          }))
          closings[how]?.(handed)
          return turn.next({ v: handed })
        }
        if (turn.turn === 3) {
          await turn.signal('go')
          return turn.done(v)
        }
        for (const change of [() => v.lists[0]?.push(4), () => v.map.set('b', 2)]) {
          try {
            change()
          } catch (error) {
            thrown.push((error as Error).name)
          }
        }
        return turn.next({ ...state })
      }),
    )
    await using runtime = await testRuntime({ flows: [closing], development: false })
    const run = await runtime.start(closing, undefined)
    expect(thrown).toEqual(['TypeError', 'TypeError'])
    await runtime.signal(run, 'go', 1)
    expect(await runtime.result(run)).toMatchObject({
      lists: [[1, 2, 3]],
      map: new Map([['a', 1]]),
    })
    // It is kept once all the same.
    const ledger = await runtime.store.entries(run.id, { after: 0, limit: 100 })
    const turns = ledger.filter(({ kind }) => kind === 'turn.committed')
    expect(turns.map(({ payload }) => payload?.includes('xxx'))).toEqual([false, false])
  },
)
