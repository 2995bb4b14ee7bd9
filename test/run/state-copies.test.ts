/** The state that a turn is handed is what a resume would decode, and the code's own objects stay its own. */
import { expect, test } from 'vitest'
import { flow } from 'everloop'
import { testRuntime } from 'everloop/testing'

const mark = Symbol('mark')
const tick = Promise.resolve()

/** What can be seen of a state besides its values. */
function looks(state: unknown): unknown {
  if (typeof state === 'function') return 'function'
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

/** What code can do to a large value of a step that its text does not tell. */
const oddities: Readonly<Record<string, (value: Odd) => unknown>> = {
  'a symbol': (value) => ((value as unknown as Record<symbol, number>)[mark] = 1),
  'a getter': (value) =>
    Object.defineProperty(value, 'n', { get: () => 1, enumerable: true, configurable: true }),
  'a hidden field': ({ inner }) =>
    Object.defineProperty(inner, 'hidden', { value: 1, enumerable: false }),
  'a field of a list': ({ list }) => Object.assign(list, { [mark]: 1 }),
  'a hole in a list': ({ list }) => Reflect.deleteProperty(list, 1),
  'a field of a map': ({ map }) => Object.assign(map, { [mark]: 1, own: 1 }),
  'no prototype': ({ inner }) => Object.setPrototypeOf(inner, null),
}

interface Odd {
  readonly n: number
  readonly list: unknown[]
  readonly inner: object
  readonly map: Map<string, number>
  readonly pad: string
}

const made = (): Odd => ({
  n: 1,
  list: [1, undefined, 3],
  inner: { a: 1 },
  map: new Map([['a', 1]]),
  pad: 'x'.repeat(500),
})

test.each(Object.keys(oddities))(
  'a turn sees the same live and resumed of a large value of a step that was given %s',
  async (oddity) => {
    const seen: unknown[] = []
    const giving = flow('giving', (run) =>
      run.loop('l', { state: {} as { v?: Odd } }, async (turn, { v }) => {
        if (!v) {
          const handed = await turn.step('get', made)
          oddities[oddity]?.(handed)
          return turn.next({ v: handed })
        }
        if (turn.turn === 2) return turn.next({ v })
        seen.push([looks(v), Object.keys(v.map)])
        await turn.signal('go')
        return turn.done(0)
      }),
    )
    await using runtime = await testRuntime({ flows: [giving], development: false })
    const run = await runtime.start(giving, undefined)
    await runtime.signal(run, 'go', 1)
    await runtime.result(run)
    expect(seen).toHaveLength(2)
    expect(seen[0]).toEqual(seen[1])
  },
)

test('regression: what becomes of a large value of a step behind next changes no state', async () => {
  // The turn is committed some microtasks later, and nobody knows how many.
  for (let microtasks = 0; microtasks < 16; microtasks++) {
    const seen: unknown[] = []
    const going = flow('going', (run) =>
      run.loop('l', { state: {} as { v?: Odd } }, async (turn, { v }) => {
        if (v) {
          seen.push(looks(v), new Map(v.map))
          await turn.signal('go')
          return turn.done(0)
        }
        const handed = await turn.step('get', made)
        const goOn = async (): Promise<void> => {
          for (let i = 0; i < microtasks; i++) await tick
          handed.list.push('later')
          handed.map.set('later', 1)
        }
        void goOn()
        return turn.next({ v: handed })
      }),
    )
    await using runtime = await testRuntime({ flows: [going], development: false })
    const run = await runtime.start(going, undefined)
    await runtime.signal(run, 'go', 1)
    await runtime.result(run)
    expect(seen).toHaveLength(4)
    expect(seen.slice(2)).toEqual(seen.slice(0, 2))
  }
})

test('regression: a state is what it was when it was handed on, however long a call holds the turn', async () => {
  const handedOn = Promise.withResolvers<void>()
  const state = { list: [1], code: null as unknown }
  const holding = flow('holding', (run) =>
    run.loop('l', { state: {} as unknown }, async (turn, handed) => {
      if (turn.turn === 2) return turn.done(handed)
      const arrived = Promise.withResolvers<void>()
      void turn.signal('never')
      void turn.step('pay', { effect: 'once' }, async () => {
        arrived.resolve()
        await handedOn.promise
        for (let i = 0; i < 100; i++) await tick
        state.list.push(2)
        state.code = () => 'what cannot be kept'
        return 1
      })
      await arrived.promise
      handedOn.resolve()
      return turn.next(state)
    }),
  )
  await using runtime = await testRuntime({ flows: [holding], development: false })
  const run = await runtime.start(holding, undefined)
  expect(await runtime.result(run)).toEqual({ list: [1], code: null })
  const ledger = await runtime.store.entries(run.id, { after: 0, limit: 100 })
  expect(ledger.find(({ kind }) => kind === 'turn.committed')?.payload).toContain(
    '"abandoned":["never"]',
  )
  await runtime.verify()
})

test('regression: parts of a value whose names look like a path to others are told apart', async () => {
  const big = (name: string): object => ({ name, pad: name.repeat(300) })
  const telling = flow('telling', (run) =>
    run.loop('l', { state: {} as { x?: object; y?: object } }, async (turn, state) => {
      if (state.x) return turn.done(state)
      const v = await turn.step('get', () => ({ 'a/b': big('x'), a: { b: big('y') } }))
      return turn.next({ x: v['a/b'], y: v.a.b })
    }),
  )
  await using runtime = await testRuntime({ flows: [telling], development: false })
  const run = await runtime.start(telling, undefined)
  expect(await runtime.result(run)).toEqual({ x: big('x'), y: big('y') })
})

test('regression: what throws when it is read and is not handed on keeps nothing else from being so', async () => {
  const throwing = flow('throwing', (run) =>
    run.loop('l', { state: {} as { text?: string } }, async (turn, state) => {
      if (state.text !== undefined) return turn.done(state)
      const v = await turn.step('get', made)
      const get = (): never => {
        throw new Error('not now')
      }
      Object.defineProperty(v, 'late', { get, enumerable: true })
      return turn.next({ text: `${v.pad}.` })
    }),
  )
  await using runtime = await testRuntime({ flows: [throwing], development: false })
  const result = await runtime.result(await runtime.start(throwing, undefined))
  expect(result).toEqual({ text: `${made().pad}.` })
})

test('what is one object in a value of a step is one in the state, live and resumed', async () => {
  const same: boolean[] = []
  const picking = flow('picking', (run) =>
    run.loop(
      'l',
      { state: {} as { items?: object[]; current?: object | undefined } },
      async (turn, state) => {
        const { items, current } = state
        if (items) {
          same.push(items[0] === current)
          await turn.signal('go')
          return turn.done(0)
        }
        const list = await turn.step('list', () => [{ text: 'x'.repeat(300) }, { text: 'y' }])
        return turn.next({ current: list[0], items: list })
      },
    ),
  )
  await using runtime = await testRuntime({ flows: [picking], development: false })
  const run = await runtime.start(picking, undefined)
  await runtime.signal(run, 'go', 1)
  await runtime.result(run)
  expect(same).toEqual([true, true])
})

test('regression: a field named __proto__ that goes from a state freezes nothing that all objects inherit', async () => {
  const forgetting = flow('forgetting', (run) =>
    run.loop(
      'l',
      { state: { from: JSON.parse('{"__proto__":{"a":1},"b":2}') as object } },
      async (turn, state) =>
        turn.turn === 1 ? turn.next({ from: { b: 2 } }) : turn.done(Object.keys(state.from)),
    ),
  )
  await using runtime = await testRuntime({ flows: [forgetting] })
  const run = await runtime.start(forgetting, undefined)
  expect(await runtime.result(run)).toEqual(['b'])
  expect(Object.isFrozen(Object.prototype)).toBe(false)
})
