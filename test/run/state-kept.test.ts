/**
 * Whatever code makes of a loop's state, each turn sees the same of it whether a worker has died or not: values
 * of every shape, handed over by steps and scopes, put in whole and in part, and changed before they are put in.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { flow, type Turn } from 'everloop'
import { crashAtEveryCommit } from 'everloop/testing'
import { keys, objectOf, values } from '../ledger/values.ts'

type Make = () => unknown

/** Made anew each time: code changes what it is handed, and what it is handed is frozen. */
const fresh = values.map(
  (value): Make =>
    () =>
      copyOf(value),
)

function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf)
  if (value instanceof Map) {
    return new Map(Array.from(value, ([k, v]) => [copyOf(k), copyOf(v)]))
  }
  if (value instanceof Set) return new Set(Array.from(value, copyOf))
  if (value instanceof Uint8Array) return value.slice()
  if (value instanceof Date) return new Date(value)
  if (value instanceof Error) {
    const error = new Error(value.message)
    Object.defineProperty(error, 'name', { value: value.name, configurable: true, writable: true })
    for (const [key, part] of Object.entries(value)) {
      Object.defineProperty(error, key, {
        value: copyOf(part),
        enumerable: true,
        configurable: true,
        writable: true,
      })
    }
    return error
  }
  if (typeof value !== 'object' || value === null) return value
  return objectOf(Object.entries(value).map(([key, part]) => [key, copyOf(part)]))
}

/** About as long as what is worth a reference, with what JSON and UTF-8 find hard. */
const longText = fc
  .tuple(fc.integer({ min: 253, max: 258 }), fc.constantFrom('', '\ud800', '\u0000', '"', '😀'))
  .map(
    ([units, odd]): Make =>
      () =>
        odd + 'x'.repeat(units - odd.length),
  )

const hugeText = fc.integer({ min: 20_000, max: 40_000 }).map(
  (units): Make =>
    () =>
      `${units} `.padEnd(units, 'long '),
)

const odd: fc.Arbitrary<Make> = fc.constantFrom<Make[]>(
  () => [1, , 3],
  () => ({ [Symbol('s')]: 1, a: 1 }),
  () => ({
    get now() {
      return 'then'
    },
  }),
  () => Object.assign(Object.create(null) as object, { b: 1 }),
  () => {
    const shared = { of: ['both'] }
    return { left: shared, right: shared, list: [shared, shared] }
  },
  () => new Map<unknown, unknown>([[{ key: 1 }, new Set([NaN, -0, undefined])]]),
  () => Array.from({ length: 60 }).reduce<unknown>((inner) => ({ inner }), 'deep'),
  () => Array.from({ length: 60 }).reduce<unknown>((inner) => [inner], 'x'.repeat(300)),
  () => Array.from({ length: 300 }, (_, i) => ({ i })),
  () => new Uint8Array([1, 2, 3]),
  () => ({ bytes: new Uint8Array(400), list: [new Uint8Array([1])] }),
)

const leaf = fc.oneof(
  { weight: 4, arbitrary: fresh },
  { weight: 3, arbitrary: longText },
  { weight: 1, arbitrary: hugeText },
  { weight: 4, arbitrary: odd },
)

const made: fc.Arbitrary<Make> = fc.oneof(
  leaf,
  fc.array(leaf, { maxLength: 4 }).map(
    (parts): Make =>
      () =>
        parts.map((part) => part()),
  ),
  fc.uniqueArray(fc.tuple(keys, leaf), { maxLength: 4, selector: ([key]) => key }).map(
    (parts): Make =>
      () =>
        objectOf(parts.map(([key, part]) => [key, part()])),
  ),
)

type Slot = 'a' | 'b' | 'c' | '__proto__' | 'toString' | '$'
const slot = fc.constantFrom<Slot[]>('a', 'b', 'c', '__proto__', 'toString', '$')

/** How code changes what it has. */
const mutation = fc.constantFrom<((value: object) => unknown)[]>(
  (value) => (Array.isArray(value) ? value.push('more') : setOwn(value, 'more', 1)),
  (value) => Reflect.deleteProperty(value, Object.keys(value)[0] ?? ''),
  (value) => setOwn(value, '__proto__', { own: 1 }),
  (value) => setOwn(value, 'text', 'y'.repeat(256)),
  (value) => Object.assign(value, { [Symbol('late')]: 1 }),
  (value) => (value instanceof Map ? value.set('late', 1) : 0),
  (value) => (value instanceof Uint8Array ? value.fill(9) : 0),
  (value) => ArrayBuffer.isView(value) || Object.freeze(value),
  (value) =>
    Object.values(value).forEach((part) => {
      if (typeof part === 'object' && part !== null) setOwn(part, 'within', -0)
    }),
  (value) => (Array.isArray(value) ? value.copyWithin(0, 1) : 0),
)

function setOwn(value: object, key: string, part: unknown): void {
  Reflect.defineProperty(value, key, {
    value: part,
    writable: true,
    enumerable: true,
    configurable: true,
  })
}

type Act =
  | {
      readonly is: 'put' | 'step' | 'part' | 'both' | 'scope'
      readonly make: Make
      readonly at: Slot
    }
  | {
      readonly is: 'changed'
      readonly make: Make
      readonly at: Slot
      readonly change: (value: object) => unknown
    }
  | { readonly is: 'share'; readonly at: Slot; readonly from: Slot }
  | { readonly is: 'edit'; readonly at: Slot; readonly change: (value: object) => unknown }
  | { readonly is: 'append' | 'splice'; readonly make: Make; readonly at: number }
  | { readonly is: 'drop'; readonly at: Slot }
  | { readonly is: 'clone' }

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({
    is: fc.constantFrom('put' as const, 'step', 'part', 'both', 'scope'),
    make: made,
    at: slot,
  }),
  fc.record({ is: fc.constant('changed' as const), make: made, at: slot, change: mutation }),
  fc.record({ is: fc.constant('share' as const), at: slot, from: slot }),
  fc.record({ is: fc.constant('edit' as const), at: slot, change: mutation }),
  fc.record({ is: fc.constantFrom('append' as const, 'splice'), make: made, at: fc.nat(4) }),
  fc.record({ is: fc.constant('drop' as const), at: slot }),
  fc.constant({ is: 'clone' } as const),
)

interface State {
  readonly slots: Readonly<Record<string, unknown>>
  readonly list: readonly unknown[]
}

const withSlot = (state: State, at: string, value: unknown): State => {
  const slots = { ...state.slots }
  setOwn(slots, at, value)
  return { ...state, slots }
}

const own = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined

const firstPart = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value
  const [first] = Object.values(value)
  return typeof first === 'object' && first !== null ? (Object.values(first)[0] ?? first) : first
}

async function acted(run: Turn<State>, state: State, wish: Act): Promise<State> {
  switch (wish.is) {
    case 'put':
      return withSlot(state, wish.at, wish.make())
    case 'step':
      return withSlot(state, wish.at, await run.step('s', wish.make))
    case 'part': {
      const value = await run.step('s', wish.make)
      return withSlot(state, wish.at, { part: firstPart(value) })
    }
    case 'both': {
      const value = await run.step('s', wish.make)
      return { ...withSlot(state, wish.at, value), list: [...state.list, firstPart(value), value] }
    }
    case 'scope': {
      const value = await run.scope('scope', async (inner) => {
        const got = await inner.step('s', wish.make)
        return { got, n: 1 }
      })
      return withSlot(state, wish.at, { part: value.got, whole: value })
    }
    case 'changed': {
      const value = await run.step('s', wish.make)
      if (typeof value === 'object' && value !== null) wish.change(value)
      return withSlot(state, wish.at, value)
    }
    case 'share':
      return withSlot(state, wish.at, own(state.slots, wish.from))
    case 'edit': {
      const value = copyOf(own(state.slots, wish.at))
      if (typeof value === 'object' && value !== null) wish.change(value)
      return withSlot(state, wish.at, value)
    }
    case 'append':
      return { ...state, list: [...state.list, wish.make()] }
    case 'splice':
      return { ...state, list: state.list.toSpliced(wish.at, 1, wish.make(), wish.make()) }
    case 'drop': {
      const { [wish.at]: _, ...slots } = state.slots
      return { ...state, slots }
    }
    case 'clone':
      return copyOf(state) as State
  }
}

/** All that code can see of a value, as a text, but for what is one object at several places. */
function looks(value: unknown): string {
  if (typeof value === 'function') return 'function'
  if (typeof value === 'string') return JSON.stringify(value)
  if (Object.is(value, -0)) return '-0'
  if (typeof value !== 'object' || value === null) return `${typeof value} ${String(value)}`
  const prototype: unknown = Object.getPrototypeOf(value)
  const name = prototype === null ? 'none' : (prototype as object).constructor.name
  const parts: string[] = []
  if (value instanceof Uint8Array) parts.push(value.join(' '))
  else {
    for (const key of Reflect.ownKeys(value)) {
      const property = Object.getOwnPropertyDescriptor(value, key)
      const flags = `${property?.enumerable} ${property?.writable} ${property?.configurable}`
      parts.push(
        `${JSON.stringify(String(key))} ${flags} ${property?.get ? 'getter' : looks(property?.value)}`,
      )
    }
    if (value instanceof Map) for (const pair of value) parts.push(pair.map(looks).join(' => '))
    if (value instanceof Set) for (const one of value) parts.push(looks(one))
    if (value instanceof Date) parts.push(String(value.getTime()))
  }
  return `${name}${Object.isFrozen(value) ? ' frozen' : ''}{${parts.join(',')}}`
}

test('each turn sees the same of a state, live and behind a crash at any commit', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(act, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 6 }),
      async (turns) => {
        const seen = new Map<number, string>()
        const strange: string[] = []
        const turning = flow('turning', (root) =>
          root.loop('l', { state: { slots: {}, list: [] } as State }, async (run, state) => {
            const look = looks(state)
            const before = seen.get(run.turn)
            if (before === undefined) seen.set(run.turn, look)
            else if (before !== look) strange.push(`turn ${run.turn}\n${before}\n${look}`)
            const wishes = turns[run.turn - 1]
            if (!wishes) return run.done(state)
            let next = state
            for (const wish of wishes) next = await acted(run, next, wish)
            return run.next(next)
          }),
        )
        const report = await crashAtEveryCommit(turning, undefined, { development: false })
        expect(strange).toEqual([])
        expect(report.live.status).toBe('completed')
        expect(report.strays).toEqual([])
        expect(report.flaws).toEqual([])
      },
    ),
    { numRuns: 10 },
  )
}, 120_000)
