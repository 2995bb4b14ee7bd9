/** Conformance: the rows made of entries equal the fold over them (S7). */
import { strict as assert } from 'node:assert'
import { type AnyDraft, emptyState, fold, isQuestion } from '../ledger/index.ts'
import type { Store } from '../store/store.ts'
import { anyDraft } from './alike/any-draft.ts'
import { sequence } from './alike/dice.ts'
import {
  type ChainBuilder,
  closed,
  question,
  runDrafts,
  step,
  testFlow,
  turn,
} from './chain-builder.ts'
import {
  heldRun,
  hold,
  ids,
  message,
  row,
  send,
  session,
  start,
  type StoreCase,
} from './store-bed.ts'

/** Compares everything that a store projects with the fold over the chain. */
async function checkProjections(store: Store, chain: ChainBuilder): Promise<void> {
  const state = fold(emptyState, chain.entries)
  const { status, code } = await row(store, chain.run)
  assert.equal(status, state.status.is)
  const expected =
    state.status.is === 'paused'
      ? state.status.code
      : state.status.is === 'failed'
        ? state.status.error.code
        : undefined
  assert.equal(code, expected)
  const scopes = await store.openScopes(chain.run)
  assert.deepEqual(new Map(scopes.map(({ path, from }) => [path, from])), new Map(state.scopes))
  const questions = await store.questions({ run: chain.run })
  const asked = Array.from(state.waits.values()).filter(isQuestion)
  assert.deepEqual(
    questions.map(({ wait }) => wait),
    asked.toSorted((a, b) => a.seq - b.seq),
  )
}

/** What a resume must be given, by the definition: nothing clever. */
async function checkOpenEntries(store: Store, chain: ChainBuilder): Promise<void> {
  const { scopes } = fold(emptyState, chain.entries)
  const expected = chain.entries.filter(
    ({ scope, seq }) => scope === '' || seq >= (scopes.get(scope) ?? Infinity),
  )
  assert.deepEqual(
    await store.openEntries(chain.run),
    expected.map((entry) => ({ ...entry, previous: chain.entries[entry.seq - 2]?.hash ?? '' })),
  )
}

/** Appends drafts one by one and compares after each. */
async function appendAll(
  store: Store,
  drafts: readonly AnyDraft[],
  id = 'r',
): Promise<ChainBuilder> {
  const { chain, held } = await heldRun(store, id, `session of ${id}`)
  for (const draft of drafts) {
    assert.equal((await store.append(chain.append(held, [draft]))).is, 'committed')
    await checkProjections(store, chain)
  }
  await checkOpenEntries(store, chain)
  return chain
}

const titled = (title: string, scope: string): AnyDraft => ({
  scope,
  kind: 'note.titled',
  key: `title ${title}`,
  record: { title },
})

const movedTo = (version: string, key: string): readonly AnyDraft[] => [
  { scope: '', kind: 'run.migrated', key: '', record: { version } },
  { scope: 'l', kind: 'turn.committed', key, record: { base: 1, live: 1, chain: 1, version } },
]

const keys = ['a', 'b', 'a b', 'q', '1', '0']

export const projectionCases: readonly StoreCase[] = [
  {
    name: 'the status follows the entries',
    async run({ open }) {
      await appendAll(await open(), [
        runDrafts.paused('CRASH_LOOP'),
        runDrafts.resumed,
        runDrafts.failed('STEP_FAILED'),
        runDrafts.retried([]),
        { scope: '', kind: 'run.cancelling', key: '', record: { reason: 'Enough.' } },
        runDrafts.paused(),
        runDrafts.failed(),
        runDrafts.retried([]),
        runDrafts.cancelled,
      ])
      await appendAll(await open(), [runDrafts.completed], 'other')
    },
  },
  {
    name: 'the title is the last one that was given, in a scope that has closed too',
    async run({ open }) {
      const store = await open()
      const chain = await appendAll(store, [step('a', 1)])
      assert.equal((await row(store, chain.run)).title, undefined)
      const other = await appendAll(
        store,
        [titled('One', ''), titled('Zwölf', 's'), closed('s')],
        'o',
      )
      assert.equal((await row(store, other.run)).title, 'Zwölf')
    },
  },
  {
    name: 'the version is the one that the run was moved to, and its workers claim it',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const drafts = [...movedTo('2', '1'), ...movedTo('3 äö', '2')]
      await store.append(chain.append(held, drafts, { release: { wake: 0, seen: 0 } }))
      assert.equal((await row(store, 'r')).version, '3 äö')
      const claimOf = async (version: string): Promise<readonly string[]> => {
        const flows = [{ name: testFlow.name, version }]
        return ids((await store.claim({ session: held.session, limit: 9, flows })).runs)
      }
      for (const version of [testFlow.version, '2']) assert.deepEqual(await claimOf(version), [])
      assert.deepEqual(await claimOf('3 äö'), ['r'])
    },
  },
  {
    name: 'a run that begins to undo asks nothing any more',
    async run({ open }) {
      const store = await open()
      const undoing: AnyDraft = {
        scope: '',
        kind: 'run.undoing',
        key: '',
        record: { because: 'failed' },
      }
      const chain = await appendAll(store, [question('a', 'Well?'), question('b', 'So?', 's')])
      assert.equal((await store.questions({ run: chain.run })).length, 2)
      const ended = await appendAll(store, [question('a', 'Well?', 's'), undoing], 'other')
      assert.deepEqual(await store.questions({ run: ended.run }), [])
      assert.equal((await row(store, ended.run)).status, 'active')
    },
  },
  {
    name: 'a loop leaves open only what its last whole state needs',
    async run({ open }) {
      const store = await open()
      const drafts: AnyDraft[] = []
      for (let i = 1; i <= 12; i++) {
        drafts.push(step('think', i, `loop/${i}`), turn('loop', i, i % 5 === 1))
      }
      const chain = await appendAll(store, drafts)
      assert.deepEqual(await store.openScopes('r'), [{ path: 'loop', from: 1 + 2 * 11 }])
      const open12 = (await store.openEntries('r')).map(({ key }) => key)
      assert.deepEqual(open12, ['', '11', '12'])
      assert.equal(chain.entries.length, 25)
    },
  },
  {
    name: 'a resume reads what is open, however many scopes that are, and jumps over the rest',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const paths = Array.from({ length: 100 }, (_, i) => `map/${i}`)
      for (const key of ['a', 'b', 'c']) {
        await store.append(
          chain.append(
            held,
            paths.map((path) => step(key, path, path)),
          ),
        )
        await checkOpenEntries(store, chain)
      }
      const done = paths.slice(1).map((_, i) => closed(String(i + 1), 'map'))
      await store.append(chain.append(held, done))
      await checkOpenEntries(store, chain)
      // A loop in there goes on for long, with a few entries of others in between.
      for (let i = 1; i <= 30; i++) {
        const turns = Array.from({ length: 60 }, (_, j) => step(`s${j}`, j, `map/0/${i}`))
        const drafts = [
          ...turns,
          turn('map/0', i, i === 20),
          ...(i % 7 === 0 ? [step(`r${i}`)] : []),
        ]
        await store.append(chain.append(held, drafts))
      }
      await checkOpenEntries(store, chain)
      await store.append(chain.append(held, [closed('0', 'map'), closed('map'), step('last')]))
      await checkOpenEntries(store, chain)
    },
  },
  {
    name: 'a scope closes with all that is inside it, and with nothing that only looks like it',
    async run({ open }) {
      const store = await open()
      const inside = ['a', 'a/0', 'a/0/x', 'a/1']
      const beside = ['a b', 'a!', 'a-b', 'a.b', 'a~2', 'a0', 'b/a', 'ab']
      const drafts = [...inside, ...beside].map((scope) => question('q', scope, scope))
      await appendAll(store, [...drafts, closed('a')])
      assert.deepEqual(
        new Set((await store.openScopes('r')).map(({ path }) => path)),
        new Set(beside),
      )
      assert.equal((await store.questions({ run: 'r' })).length, beside.length)
    },
  },
  {
    name: 'a retry opens scopes again',
    async run({ open }) {
      await appendAll(await open(), [
        step('x', 1, 'a'),
        step('y', 1, 'a/0'),
        step('z', 1, 'a'),
        {
          scope: '',
          kind: 'scope.failed',
          key: 'a',
          record: {
            error: { name: 'Error', message: 'No.' },
            scopes: [
              { path: 'a', from: 2 },
              { path: 'a/0', from: 3 },
            ],
          },
        },
        runDrafts.failed(),
        runDrafts.retried([
          { path: 'a', from: 2 },
          { path: 'a/0', from: 3 },
        ]),
        step('w', 1, 'a/0'),
      ])
    },
  },
  {
    name: 'questions come and go with their entries',
    async run({ open }) {
      await appendAll(await open(), [
        question('q'),
        question('p', 'Sure?', 'a'),
        { scope: '', kind: 'question.refused', key: 'q', record: { reason: 'Not a number.' } },
        { scope: '', kind: 'question.answered', key: 'q', record: { value: 1 } },
        question('o', 'Really?', 'a/0'),
        closed('a'),
        question('n'),
        runDrafts.failed(),
        runDrafts.retried([]),
        question('m'),
        { scope: '', kind: 'timer.set', key: 'm', record: { due: 5 } },
      ])
    },
  },
  {
    name: 'whatever the entries are, the rows equal their fold',
    async run({ open }) {
      const store = await open()
      for (let seed = 1; seed <= 12; seed++) {
        const pick = sequence(seed)
        const { chain, held } = await heldRun(store, `r${seed}`, `s${seed}`)
        for (let i = 0; i < 12; i++) {
          const drafts = Array.from({ length: 1 + pick(6) }, () => anyDraft(pick, keys))
          assert.equal((await store.append(chain.append(held, drafts))).is, 'committed')
          await checkProjections(store, chain)
        }
        await checkOpenEntries(store, chain)
      }
    },
  },
  {
    name: 'a question is answered when an answer was accepted, and open when it was refused',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      await store.append(chain.append(held, [question('q', 'Publish?')]))
      const [asked] = await store.questions({})
      assert.deepEqual([asked?.id, asked?.run, asked?.state], ['r/2', 'r', 'open'])
      assert.deepEqual(asked?.wait.record, { prompt: 'Publish?' })
      const number = await send(store, message('r', 'answer', { name: 'r/2' }))
      assert.equal((await store.questions({}))[0]?.state, 'answered')
      const refused: AnyDraft = {
        scope: '',
        kind: 'question.refused',
        key: 'q',
        record: { reason: 'No.' },
      }
      await store.append(chain.append(held, [refused], { taken: [number] }))
      assert.equal((await store.questions({}))[0]?.state, 'open')
      await send(store, message('r', 'answer', { name: 'r/2' }))
    },
  },
  {
    name: 'a call in doubt asks when it has a prompt, and no more when it is resolved',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const at = { scope: '', key: 'pay' } as const
      const doubt = { attempt: 1, why: 'crashed' } as const
      const effect: AnyDraft[] = [
        { ...at, kind: 'effect.intended', record: { effect: 'once', attempt: 1 } },
        { ...at, kind: 'effect.doubted', record: { ...doubt, due: 1 } },
      ]
      await store.append(chain.append(held, effect))
      assert.deepEqual(await store.questions({}), [])
      const asking: AnyDraft = {
        ...at,
        kind: 'effect.doubted',
        record: { ...doubt, prompt: 'Did it?' },
      }
      await store.append(chain.append(held, [asking]))
      assert.deepEqual(
        (await store.questions({})).map(({ id }) => id),
        ['r/4'],
      )
      await checkProjections(store, chain)
      const number = await send(store, message('r', 'answer', { name: 'r/4' }))
      const refused: AnyDraft = { ...at, kind: 'effect.refused', record: { reason: 'No.' } }
      await store.append(chain.append(held, [refused], { taken: [number] }))
      assert.equal((await store.questions({}))[0]?.state, 'open')
      await store.append(chain.append(held, [asking]))
      assert.deepEqual(
        (await store.questions({})).map(({ id }) => id),
        ['r/6'],
      )
      const old = await store.deliver(message('r', 'answer', { name: 'r/4' }))
      assert.deepEqual(old, { is: 'question-closed' })
      const resolved: AnyDraft = {
        ...at,
        kind: 'effect.resolved',
        record: { attempt: 1, verdict: 'notDone', via: 'person' },
      }
      await store.append(chain.append(held, [resolved]))
      assert.deepEqual(await store.questions({}), [])
      await checkProjections(store, chain)
    },
  },
  {
    name: 'questions are found by run, by id and by its beginning, the oldest first',
    async run({ open }) {
      const store = await open()
      await session(store, 's')
      for (const id of ['ab', 'abc', 'b']) {
        const chain = await start(store, id)
        const held = await hold(store, 's', id)
        const drafts = Array.from({ length: 12 }, (_, i) => question(`q${i}`))
        await store.append(chain.append(held, id === 'ab' ? drafts : drafts.slice(0, 2)))
      }
      const find = async (filter: Parameters<Store['questions']>[0]): Promise<string[]> =>
        (await store.questions(filter)).map(({ id }) => id)
      assert.equal((await find({})).length, 16)
      assert.deepEqual(await find({ limit: 2 }), ['ab/2', 'ab/3'])
      assert.deepEqual(await find({ run: 'abc' }), ['abc/2', 'abc/3'])
      assert.deepEqual(await find({ id: 'b' }), ['b/2', 'b/3'])
      assert.deepEqual(await find({ id: 'ab/1' }), ['ab/10', 'ab/11', 'ab/12', 'ab/13'])
      assert.deepEqual(await find({ id: 'ab/10' }), ['ab/10'])
      assert.deepEqual(await find({ id: 'abc/' }), ['abc/2', 'abc/3'])
      assert.deepEqual(await find({ run: 'ab', id: 'abc/' }), [])
      assert.deepEqual(await find({ run: 'ab', id: 'ab/2', limit: 1 }), ['ab/2'])
      for (const id of ['AB', '%', 'x', 'ab/2/']) assert.deepEqual(await find({ id }), [], id)
    },
  },
]
