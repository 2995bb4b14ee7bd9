/** Bytes in a loop's state: they have no frozen form, so each turn is handed its own. */
import { expect, test } from 'vitest'
import { flow } from 'everloop'
import { crashAtEveryCommit, testRuntime } from 'everloop/testing'

/** A state with bytes in every place they may stand in. */
interface State {
  readonly n: number
  readonly last: Uint8Array
  readonly pages: readonly { readonly page: number; readonly image: Uint8Array }[]
  readonly byName: ReadonlyMap<string, readonly Uint8Array[]>
}

const first: State = { n: 0, last: new Uint8Array(0), pages: [], byName: new Map() }

test.each<[string, (state: State, bytes: Uint8Array) => Partial<State>]>([
  ['in a field', (_, last) => ({ last })],
  [
    'in an item that is added to a list',
    ({ n, pages }, image) => ({ pages: [...pages, { page: n, image }] }),
  ],
  [
    'in an item of a list, changed in its place',
    ({ n, pages }, image) => ({
      pages:
        pages.length === 3 ? pages.with(1, { page: 1, image }) : [...pages, { page: n, image }],
    }),
  ],
  ['in a list in a map', ({ byName }, bytes) => ({ byName: new Map([...byName, ['a', [bytes]]]) })],
])('a loop keeps bytes %s, whenever the worker dies', async (_, change) => {
  const keeping = flow('keeping', (run) =>
    run.loop('l', { state: first }, async (turn, state: State) => {
      const bytes = await turn.step('read', () => new Uint8Array(300).fill(state.n + 1))
      return state.n === 5
        ? turn.done(state)
        : turn.next({ ...state, ...change(state, bytes), n: state.n + 1 })
    }),
  )
  const report = await crashAtEveryCommit(keeping, undefined)
  expect(report.flaws).toEqual([])
  expect(report.outcomes).toHaveLength(1)
  expect(report.outcomes).toMatchObject([{ status: 'completed', output: { n: 5 } }])
})

test('bytes are the whole state of a loop', async () => {
  const counting = flow('counting', (run) =>
    run.loop('l', { state: new Uint8Array(1) }, async (turn, state) => {
      await turn.step('s', () => 1)
      return state[0] === 4 ? turn.done(state) : turn.next(state.map((n) => n + 1))
    }),
  )
  const report = await crashAtEveryCommit(counting, undefined)
  expect(report.outcomes).toEqual([{ status: 'completed', output: new Uint8Array([4]) }])
})

test.each<[string, (made: Uint8Array) => unknown, (state: never) => Uint8Array]>([
  ['a field', (buf) => ({ buf }), ({ buf }: { buf: Uint8Array }) => buf],
  ['a list', (buf) => [{ buf }, 1], ([{ buf }]: [{ buf: Uint8Array }]) => buf],
  [
    'a map',
    (buf) => new Map([['a', buf]]),
    (map: Map<string, Uint8Array>) => map.get('a') as Uint8Array,
  ],
])(
  'bytes in %s that a turn changes in place and hands on are changed',
  async (_, made, bytesOf) => {
    const changing = flow('changing', (run) =>
      run.loop(
        'l',
        { state: { n: 0, part: made(new Uint8Array(4)) } },
        async (turn, { n, part }) => {
          const bytes = bytesOf(part as never)
          bytes[0] = (bytes[0] ?? 0) + 1
          await turn.step('s', () => n)
          return n === 4 ? turn.done(bytes[0]) : turn.next({ n: n + 1, part })
        },
      ),
    )
    const report = await crashAtEveryCommit(changing, undefined)
    expect(report.outcomes).toEqual([{ status: 'completed', output: 5 }])
  },
)

test('bytes that a turn changes and does not hand on stay as they were kept', async () => {
  const dropping = flow('dropping', (run) =>
    run.loop('l', { state: { n: 0, buf: new Uint8Array(1) } }, async (turn, { n, buf }) => {
      const kept = buf.slice()
      buf[0] = 9
      await turn.step('s', () => n)
      return n === 4 ? turn.done(kept) : turn.next({ n: n + 1, buf: kept })
    }),
  )
  const report = await crashAtEveryCommit(dropping, undefined)
  expect(report.outcomes).toEqual([{ status: 'completed', output: new Uint8Array(1) }])
})

test('bytes of a step that the code goes on changing change no state', async () => {
  const states: number[] = []
  const later = flow('later', (run) => {
    let held: Uint8Array<ArrayBuffer> | undefined
    return run.loop('l', { state: { n: 0, buf: new Uint8Array(0) } }, async (turn, { n, buf }) => {
      held?.fill(9)
      if (n === 3) {
        await turn.signal('go')
        return turn.done(Array.from(new Set(buf)))
      }
      if (n > 0) return turn.next({ n: n + 1, buf })
      held = await turn.step('read', () => new Uint8Array(1000).fill(1))
      states.push(held.length)
      return turn.next({ n: 1, buf: held })
    })
  })
  await using runtime = await testRuntime({ flows: [later], development: false })
  const run = await runtime.start(later, undefined)
  await runtime.signal(run, 'go', 1)
  expect(await runtime.result(run)).toEqual([1])
})
