/**
 * States that have grown large are kept in blocks. Nobody outside notices but by how little a resume reads:
 * the state is the same whatever becomes of its lists, wherever a worker dies and whatever is read back.
 */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { type Ever, flow, open } from 'everloop'
import { crashAtEveryCommit, testRuntime } from 'everloop/testing'
import { testFolder } from '../test-folder.ts'

interface Item {
  readonly id: number
  readonly text: string
}

interface State {
  readonly notes: string
  readonly a: readonly Item[]
  readonly deep: { readonly b: readonly Item[] }
}

type Change =
  | { readonly is: 'append'; readonly to: 'a' | 'b'; readonly count: number }
  | { readonly is: 'remove' | 'put' | 'edit'; readonly at: number; readonly to: 'a' | 'b' }
  | { readonly is: 'swap' | 'note' | 'drop' }

const which = fc.constantFrom('a' as const, 'b' as const)
const append: fc.Arbitrary<Change> = fc.record({
  is: fc.constant('append'),
  to: which,
  count: fc.integer({ min: 1, max: 6 }),
})
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 12, arbitrary: append },
  {
    weight: 3,
    arbitrary: fc.record({
      is: fc.constantFrom('remove' as const, 'put', 'edit'),
      at: fc.nat(60),
      to: which,
    }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constantFrom('swap' as const, 'note', 'drop') }) },
)

const item = (id: number): Item => ({
  id,
  text: `${id} `.padEnd(24_000, `item ${id} of the list; `),
})

const listOf = (state: State, name: 'a' | 'b'): readonly Item[] =>
  name === 'a' ? state.a : state.deep.b

const withList = (state: State, name: 'a' | 'b', list: readonly Item[]): State =>
  name === 'a' ? { ...state, a: list } : { ...state, deep: { b: list } }

function changed(state: State, wish: Change, turn: number): State {
  switch (wish.is) {
    case 'append': {
      const made = Array.from({ length: wish.count }, (_, i) => item(turn * 100 + i))
      return withList(state, wish.to, [...listOf(state, wish.to), ...made])
    }
    case 'remove':
      return withList(state, wish.to, listOf(state, wish.to).toSpliced(wish.at, 2))
    case 'put':
      return withList(state, wish.to, listOf(state, wish.to).toSpliced(wish.at, 0, item(turn)))
    case 'edit':
      return withList(
        state,
        wish.to,
        listOf(state, wish.to).map((one, i) => (i === wish.at ? { ...one, id: -turn } : one)),
      )
    case 'swap':
      return { ...state, a: state.deep.b, deep: { b: state.a } }
    case 'note':
      return { ...state, notes: `note of turn ${turn}` }
    case 'drop':
      return { ...state, a: [] }
  }
}

const first: State = { notes: '', a: [], deep: { b: [] } }

test('a turn is handed the state that was handed on, whatever becomes of its lists and whenever it is read back', async () => {
  let blocks = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ changes: fc.array(change, { maxLength: 3 }), sleeps: fc.boolean() }), {
        minLength: 8,
        maxLength: 24,
      }),
      async (turns) => {
        const wrong: number[] = []
        const growing = flow('growing', (root) =>
          root.loop('l', { state: first }, async (run, state) => {
            const wish = turns[run.turn - 1]
            // Waiting gives the run back: what is behind it sees what was read.
            if (wish?.sleeps !== false) await run.sleep('1h')
            const expected = turns
              .slice(0, run.turn - 1)
              .reduce(
                (now, { changes }, i) => changes.reduce((s, c) => changed(s, c, i + 1), now),
                first,
              )
            if (JSON.stringify(state) !== JSON.stringify(expected)) wrong.push(run.turn)
            if (!wish) return run.done(state.a.length)
            return run.next(wish.changes.reduce((s, c) => changed(s, c, run.turn), state))
          }),
        )
        await using runtime = await testRuntime({ flows: [growing], development: false })
        const run = await runtime.start(growing, undefined, { id: 'one' })
        await runtime.result(run)
        await runtime.verify()
        for (const { payload } of await runtime.store.entries('one')) {
          if (payload?.includes('"zstd"')) blocks++
        }
        expect(wrong).toEqual([])
      },
    ),
    { numRuns: 24 },
  )
  expect(blocks).toBeGreaterThan(8)
})

/** Appends four texts a turn, for so many turns; then asks whether to go on. */
const growing = (turns: number) =>
  flow('growing', (root) =>
    root.loop('l', { state: first }, async (run, state) => {
      if (run.turn <= turns) {
        return run.next(changed(state, { is: 'append', to: 'a', count: 4 }, run.turn))
      }
      await run.ask('Go on?')
      return run.done(state.a.map(({ id, text }) => `${id} ${text.length}`))
    }),
  )

const output = (turns: number): string[] =>
  Array.from({ length: turns * 4 }, (_, i) => `${(Math.floor(i / 4) + 1) * 100 + (i % 4)} 24000`)

interface Bed {
  readonly ever: Ever
  readonly edit: (sql: string) => void
}

/** A run of 40 turns with 3.8 MB that waits, in a file. */
async function grown(): Promise<Bed> {
  const location = join(testFolder(), 'ledger.db')
  const many = growing(40)
  const ever = await open({ store: `sqlite:${location}`, flows: [many] })
  onTestFinished(() => ever.close())
  await ever.start(many, undefined, { id: 'one' })
  await ever.work({ until: 'idle' })
  const edit = (sql: string): void => {
    const database = new DatabaseSync(location)
    database.exec(sql)
    database.close()
  }
  return { ever, edit }
}

/** How the waiting run comes to rest when it is told to go on. */
async function endOf(ever: Ever): Promise<unknown> {
  const [question] = await ever.questions()
  await ever.answer(question?.id ?? '', true)
  await ever.work({ until: 'idle' })
  return (await ever.get('one')).settled()
}

test('a resume reads the last few turns of a state of megabytes, and goes on with all of it', async () => {
  const { ever } = await grown()
  const open = await ever.store.openEntries('one')
  expect(open.filter(({ kind }) => kind === 'turn.committed').length).toBeLessThan(8)
  expect(open.reduce((units, { payload }) => units + (payload?.length ?? 0), 0)).toBeLessThan(
    800_000,
  )
  expect(await endOf(ever)).toMatchObject({ output: output(40) })
  expect(await ever.verify('one')).toMatchObject({ ok: true })
})

test.each([
  ['edited', "UPDATE artifacts SET bytes = CAST('d' || substr(bytes, 2) AS BLOB)"],
  ['removed', 'DELETE FROM artifacts'],
])('a block that was %s is named by verify, and pauses the run that reads it', async (_, sql) => {
  const { ever, edit } = await grown()
  edit(sql)
  const verdict = await ever.verify('one')
  expect(verdict.ok ? [] : verdict.violations.map(({ id }) => id)).toContain('artifact')
  expect(await endOf(ever)).toMatchObject({ status: 'paused', code: 'BROKEN_CHAIN' })
})

test('an exported run brings its blocks along', async () => {
  const { ever } = await grown()
  await endOf(ever)
  const there = await open({ store: `sqlite:${join(testFolder(), 'there.db')}` })
  onTestFinished(() => there.close())
  await there.import(ever.export('one'))
  expect(await there.verify('one')).toMatchObject({ ok: true })
})

test('no block holds a secret', async () => {
  const telling = flow('telling', (root) =>
    root.loop('l', { state: first }, async (run, state) => {
      if (run.turn > 30) return run.done(state.a.length)
      const told = { id: run.turn, text: 'the key is open-sesame-1234; '.repeat(1200) }
      return run.next({ ...state, a: [...state.a, told] })
    }),
  )
  const secrets = { secrets: { KEY: 'open-sesame-1234' } }
  await using runtime = await testRuntime({ flows: [telling], ...secrets })
  const run = await runtime.start(telling, undefined, { id: 'one' })
  await runtime.result(run)
  const text: string[] = []
  for await (const line of runtime.ever.export('one')) text.push(line)
  // Not as matchers of texts, which would print megabytes.
  expect(text.some((line) => line.includes('\\"zstd\\"'))).toBe(true)
  expect(text.some((line) => line.includes('open-sesame-1234'))).toBe(false)
})

test('a loop in blocks has one outcome wherever its worker dies', async () => {
  const report = await crashAtEveryCommit(growing(14), undefined, {
    drive: (runtime) => runtime.answer('Go on?', true),
    every: 1,
  })
  expect(report.flaws).toEqual([])
  expect(report.outcomes).toEqual([{ status: 'completed', output: output(14) }])
})
