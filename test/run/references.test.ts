/** What a scope leaves behind refers to what it was handed: nothing is stored twice, or wrongly. */
import { expect, test } from 'vitest'
import { flow } from 'everloop'
import { testRuntime, type TestRuntime } from 'everloop/testing'

/** Characters of all payloads of this kind. */
async function written(runtime: TestRuntime, run: string, kind: string): Promise<number> {
  const entries = await runtime.store.entries(run)
  return entries
    .filter((entry) => entry.kind === kind)
    .reduce((units, { payload }) => units + (payload?.length ?? 0), 0)
}

test.each([
  ['few', 3, 1000],
  ['more than are kept in memory', 40, 50_000],
  ['that stand in artifacts', 4, 400_000],
])('a state refers to the values of its turn: %s', async (_, count, units) => {
  const reading = flow('reading', (run) =>
    run.loop('l', { state: [] as readonly unknown[] }, async (turn, state) => {
      if (turn.turn === 3) return turn.done(state.length)
      const items: unknown[] = []
      for (let i = 0; i < count; i++) {
        const text = `${turn.turn} ${i} `.padEnd(units, 'x')
        items.push(await turn.step('object', () => ({ text })))
        items.push({ role: 'user', text: await turn.step('text', () => text) })
      }
      await turn.signal('go')
      return turn.next([...state, ...items])
    }),
  )
  await using runtime = await testRuntime({ flows: [reading], development: false })
  const run = await runtime.start(reading, undefined)
  await runtime.signal(run, 'go', 1)
  await runtime.signal(run, 'go', 1)
  expect(await runtime.result(run)).toBe(4 * count)
  expect(await written(runtime, run.id, 'turn.committed')).toBeLessThan(1000 * count)
  await runtime.verify()
})

test.each([
  ['what is kept', 1],
  ['what is not kept any more', 30],
])(
  'parts of a value are referred to only while they are what was recorded: %s',
  async (_, more) => {
    const changing = flow('changing', async (run) => {
      const result = await run.scope('s', async (inner) => {
        const make = (name: string): object => ({ name, text: name.repeat(300) })
        const whole = await inner.step('whole', () => ({ items: [make('a'), make('b')] }))
        const changed = await inner.step('changed', () => ({
          text: 'c'.repeat(300),
          rest: make('d'),
        }))
        changed.text = 'e'.repeat(300)
        for (let i = 0; i < more; i++) await inner.step('more', () => String(i).padEnd(50_000))
        return { first: whole.items[0], whole, changed, text: changed.text, rest: changed.rest }
      })
      await run.signal('go')
      return result
    })
    await using runtime = await testRuntime({ flows: [changing] })
    const run = await runtime.start(changing, undefined)
    await runtime.signal(run, 'go', 1)
    const [a, b, d] = ['a', 'b', 'd'].map((name) => ({ name, text: name.repeat(300) }))
    const text = 'e'.repeat(300)
    expect(await runtime.result(run)).toEqual({
      first: a,
      whole: { items: [a, b] },
      changed: { text, rest: d },
      text,
      rest: d,
    })
    await runtime.verify()
  },
)

test('a state refers to what an inner scope has left behind', async () => {
  const nested = flow('nested', (run) =>
    run.loop('l', { state: [] as readonly unknown[] }, async (turn, state) => {
      if (turn.turn === 3) return turn.done(state)
      const { item } = await turn.scope('s', async (inner) => ({
        item: await inner.step('v', () => ({ text: String(turn.turn).repeat(5000) })),
      }))
      await turn.signal('go')
      return turn.next([...state, item])
    }),
  )
  await using runtime = await testRuntime({ flows: [nested], development: false })
  const run = await runtime.start(nested, undefined)
  await runtime.signal(run, 'go', 1)
  await runtime.signal(run, 'go', 1)
  expect(await runtime.result(run)).toEqual([
    { text: '1'.repeat(5000) },
    { text: '2'.repeat(5000) },
  ])
  expect(await written(runtime, run.id, 'turn.committed')).toBeLessThan(1000)
})

/** Long enough to stand in an artifact. */
const pad = 'x'.repeat(300_000)

test('a large value that is handed out after a resume is the code’s own: what it changes counts', async () => {
  const changing = flow('changing', async (run) =>
    run.loop('l', { state: {} as { v?: { n: number; pad: string } } }, async (turn, { v }) => {
      if (turn.turn === 1) return turn.next({})
      if (v) {
        const live = v.n
        const said = await turn.step('said', () => live)
        await turn.signal('two')
        return turn.done([said, v.n])
      }
      const made = await turn.step('make', () => ({ n: 0, pad }))
      await turn.signal('one')
      made.n = 5
      return turn.next({ v: made })
    }),
  )
  await using runtime = await testRuntime({ flows: [changing] })
  const run = await runtime.start(changing, undefined)
  await runtime.signal(run, 'one')
  await runtime.signal(run, 'two')
  expect(await runtime.result(run)).toEqual([5, 5])
})

test('two large values that are equal are two objects after a resume too', async () => {
  const twice = flow('twice', async (run) =>
    run.loop('l', { state: {} as { v?: { n: number; pad: string } } }, async (turn, { v }) => {
      const made = await turn.step('make', () => ({ n: 0, pad }))
      const other = await turn.step('make', () => ({ n: 0, pad }))
      if (!v) return turn.next({ v: made })
      await turn.signal('go')
      made.n = 5
      return turn.done([v.n, made.n, other.n])
    }),
  )
  await using runtime = await testRuntime({ flows: [twice] })
  const run = await runtime.start(twice, undefined)
  await runtime.signal(run, 'go')
  expect(await runtime.result(run)).toEqual([0, 5, 0])
})
