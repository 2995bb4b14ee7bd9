/**
 * Long lists of a loop's state are kept in a second form for comparing them quickly, which goes on
 * from turn to turn. It must never say anything else than the list itself, however the lists are
 * changed, shared, shortened and swapped: otherwise a resume would read another state.
 */
import { test, expect } from 'vitest'
import fc from 'fast-check'
import { flow } from 'everloop'
import { testRuntime } from 'everloop/testing'

interface State {
  readonly a: readonly unknown[]
  readonly b: readonly unknown[]
  readonly inner: { readonly list: readonly unknown[] }
}

type List = 'a' | 'b' | 'inner'
type Change =
  | {
      readonly is: 'append' | 'cut' | 'remove' | 'replace' | 'nest'
      readonly list: List
      at: number
    }
  | { readonly is: 'share'; readonly list: List; readonly from: List; at: number }

const lists = fc.constantFrom<List>('a', 'b', 'inner')
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    is: fc.constantFrom('append' as const, 'cut', 'remove', 'replace', 'nest'),
    list: lists,
    at: fc.nat(320),
  }),
  fc.record({ is: fc.constant('share' as const), list: lists, from: lists, at: fc.nat(320) }),
)

const get = (state: State, list: List): readonly unknown[] =>
  list === 'inner' ? state.inner.list : state[list]

const put = (state: State, list: List, items: readonly unknown[]): State =>
  list === 'inner' ? { ...state, inner: { list: items } } : { ...state, [list]: items }

function apply(state: State, todo: Change, turn: number): State {
  const items = get(state, todo.list)
  const at = Math.min(todo.at, items.length - 1)
  switch (todo.is) {
    case 'append':
      return put(state, todo.list, [...items, { turn }, turn])
    case 'cut':
      return put(state, todo.list, items.slice(0, Math.max(at, 1)))
    case 'remove':
      return put(state, todo.list, items.toSpliced(at, 3, { put: turn }))
    case 'replace':
      return put(state, todo.list, items.with(at, { replaced: turn }))
    case 'nest':
      return put(
        state,
        todo.list,
        items.with(
          at,
          Array.from({ length: 300 }, () => ({ turn })),
        ),
      )
    case 'share':
      return put(state, todo.list, get(state, todo.from))
  }
}

const long = Array.from({ length: 300 }, (_, i) => ({ i }))
const first: State = { a: long, b: long, inner: { list: long } }

test('a resume reads the state that was handed over, whatever becomes of long lists', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 12 }),
      async (turns) => {
        const expected = turns.reduce(
          (state, changes, i) => changes.reduce((next, todo) => apply(next, todo, i + 1), state),
          first,
        )
        const looping = flow('looping', async (run) =>
          run.loop('l', { state: first }, async (turn, state) => {
            const changes = turns[turn.turn - 1]
            if (changes) {
              return turn.next(changes.reduce((next, todo) => apply(next, todo, turn.turn), state))
            }
            // Waiting gives the run back, so that what is behind it sees what was read.
            await turn.sleep('1h')
            return turn.done(state)
          }),
        )
        await using runtime = await testRuntime({ flows: [looping] })
        const run = await runtime.start(looping, undefined)
        expect(await runtime.result(run)).toEqual(expected)
      },
    ),
    { numRuns: 60 },
  )
})
