/** Conformance: messages, and that no wake-up is lost. */
import { strict as assert } from 'node:assert'
import type { AnyDraft } from '../ledger/index.ts'
import {
  type DeliverResult,
  type MessageKind,
  type NewMessage,
  reception,
  type RunRow,
  type Store,
} from '../store/store.ts'
import { type ChainBuilder, question, runDrafts, step } from './chain-builder.ts'
import {
  heldRun,
  hold,
  message,
  row,
  send,
  session,
  start,
  type StoreCase,
  never,
} from './store-bed.ts'
import { oddTexts } from './store-cases-runs.ts'

const kinds: readonly MessageKind[] = [
  'signal',
  'answer',
  'cancel',
  'pause',
  'resume',
  'retry',
  'child',
]

/** How a run gets into each status. */
const ways: Readonly<Record<RunRow['status'], readonly AnyDraft[]>> = {
  active: [],
  paused: [runDrafts.paused()],
  completed: [runDrafts.completed],
  failed: [runDrafts.failed()],
  cancelled: [runDrafts.cancelled],
}

/** A free run in this status, due only at the end of time. */
async function runIn(store: Store, id: string, status: RunRow['status']): Promise<ChainBuilder> {
  const chain = await start(store, id)
  const held = await hold(store, 's', id)
  const release = { wake: status === 'active' || status === 'paused' ? never : undefined, seen: 0 }
  await store.append(chain.append(held, ways[status], { release }))
  return chain
}

export const messageCases: readonly StoreCase[] = [
  {
    name: 'a message to nobody is refused',
    async run({ open }) {
      const store = await open()
      assert.deepEqual(await store.deliver(message('r')), { is: 'unknown-run' })
    },
  },
  {
    name: 'messages are numbered over the whole store and keep what they were',
    async run({ open, clock }) {
      const store = await open()
      await start(store, 'a')
      await start(store, 'b')
      const first = await send(store, message('a', 'signal', { payload: '{"n":1}', id: 'x' }))
      clock.advance(5)
      const second = await send(store, message('b', 'child', { name: 'c' }))
      assert.ok(first > 0 && second > first)
      const [one] = await store.messages('a', ['go'])
      assert.equal(one?.id, 'x')
      const { run, kind, name, payload, number, time } = one
      assert.deepEqual(
        { run, kind, name, payload, number, time },
        {
          run: 'a',
          kind: 'signal',
          name: 'go',
          payload: '{"n":1}',
          number: first,
          time: clock.now() - 5,
        },
      )
      const [two] = await store.messages('b', [])
      assert.deepEqual(
        [two?.kind, two?.name, two?.number, two?.id],
        ['child', 'c', second, undefined],
      )
      assert.equal((await row(store, 'b')).newest, second)
    },
  },
  {
    name: 'numbers grow although messages are taken',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      let last = 0
      for (let i = 0; i < 5; i++) {
        const number = await send(store, message('r'))
        assert.ok(number > last)
        last = number
        await store.append(chain.append(held, [step(`k${i}`)], { taken: [number] }))
      }
      assert.equal((await row(store, 'r')).newest, last)
    },
  },
  {
    name: 'a second message of an id is dropped, even after the first was taken',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      await start(store, 'other', { wake: never })
      const sent = message('r', 'signal', { id: 'once' })
      const replies = await Promise.all([store.deliver(sent), store.deliver(sent)])
      assert.deepEqual(
        replies.map(({ is }) => is),
        ['delivered', 'duplicate'],
      )
      assert.deepEqual(await store.deliver({ ...sent, name: 'else' }), { is: 'duplicate' })
      const { newest } = await row(store, 'r')
      await store.append(chain.append(held, [step('a')], { taken: [newest] }))
      assert.deepEqual(await store.deliver(sent), { is: 'duplicate' })
      assert.equal((await row(store, 'r')).newest, newest)
      await send(store, { ...sent, run: 'other' })
      await send(store, { ...sent, id: 'twice' })
    },
  },
  {
    name: 'a message that was refused does not use up its id',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const sent = message('r', 'resume', { id: 'once' })
      assert.equal((await store.deliver(sent)).is, 'refused')
      await store.append(chain.append(held, [runDrafts.paused()]))
      assert.equal((await store.deliver(sent)).is, 'delivered')
    },
  },
  {
    name: 'every kind is taken, kept or refused as the table says, in every status',
    async run({ open, clock }) {
      const store = await open()
      await session(store, 's')
      for (const status of Object.keys(ways) as RunRow['status'][]) {
        for (const kind of kinds.filter((one) => one !== 'answer')) {
          const id = `${status}-${kind}`
          await runIn(store, id, status)
          const before = await row(store, id)
          const result = await store.deliver(message(id, kind))
          const after = await row(store, id)
          const welcome = reception(kind, status)
          if (welcome === 'refuse') assert.deepEqual(result, { is: 'refused', status }, id)
          else assert.equal(result.is, 'delivered', id)
          assert.equal(after.wake, welcome === 'wake' ? clock.now() : before.wake, id)
          assert.equal(after.newest > 0, welcome !== 'refuse', id)
          // Out of the way of the next one.
          if (welcome === 'wake') await hold(store, 's', id)
        }
      }
    },
  },
  {
    name: 'a failed run takes what an active one does while a retry of it lies untaken',
    async run({ open, clock }) {
      const store = await open()
      await session(store, 's')
      for (const kind of kinds.filter((one) => one !== 'answer')) {
        const chain = await runIn(store, kind, 'failed')
        const retry = await send(store, message(kind, 'retry'))
        const isWelcome = kind === 'retry' || reception(kind, 'active') === 'wake'
        const result = await store.deliver(message(kind, kind))
        assert.equal(result.is, isWelcome ? 'delivered' : 'refused', kind)
        assert.equal((await row(store, kind)).wake, clock.now(), kind)
        // The holder decides that it stays failed.
        const held = await hold(store, 's', kind)
        const all = (await store.messages(kind, ['go'])).map(({ number }) => number)
        assert.equal(all.length, isWelcome ? 2 : 1, kind)
        const taken = kind === 'retry' ? all : [retry]
        const release = { wake: undefined, seen: Infinity }
        await store.append(chain.append(held, [], { taken, release }))
        const late = await store.deliver(message(kind, 'cancel'))
        assert.deepEqual(late, { is: 'refused', status: 'failed' }, kind)
      }
    },
  },
  {
    name: 'a message is taken once',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      await start(store, 'other', { wake: never })
      const number = await send(store, message('r'))
      const foreign = await send(store, message('other'))
      await store.append(chain.append(held, [step('a')], { taken: [number] }))
      for (const taken of [[number], [foreign], [number + 1000]]) {
        const append = chain.fork().append(held, [step('b')], { taken })
        await assert.rejects(store.append(append), { code: 'INTERNAL' })
      }
      assert.equal((await row(store, 'r')).seq, 2)
      assert.equal((await store.messages('other', ['go'])).length, 1)
    },
  },
  {
    name: 'a holder is shown everything but signals, and the oldest of each name it asks for',
    async run({ open }) {
      const store = await open()
      await start(store, 'r')
      const numbers: number[] = []
      for (const [kind, name] of [
        ['signal', 'b'],
        ['cancel', ''],
        ['signal', 'a'],
        ['signal', 'b'],
        ['child', 'c'],
        ['signal', 'z'],
        ['pause', ''],
      ] as const) {
        numbers.push(await send(store, message('r', kind, { name })))
      }
      const shown = async (signals: readonly string[]): Promise<number[]> =>
        (await store.messages('r', signals)).map(({ number }) => numbers.indexOf(number))
      assert.deepEqual(await shown([]), [1, 4, 6])
      assert.deepEqual(await shown(['b', 'a', 'b', 'none']), [0, 1, 2, 4, 6])
    },
  },
  {
    name: 'thousands of buffered signals stay where they are',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      await Promise.all(Array.from({ length: 3000 }, () => store.deliver(message('r'))))
      const [oldest, ...more] = await store.messages('r', ['go'])
      assert.ok(oldest && more.length === 0)
      await store.append(chain.append(held, [step('a')], { taken: [oldest.number] }))
      const [next] = await store.messages('r', ['go'])
      assert.ok(next && next.number > oldest.number)
      assert.deepEqual(await store.messages('r', []), [])
    },
  },
  {
    name: 'the names of signals that nobody has taken are told, the oldest first',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      assert.deepEqual(await store.untakenSignals('nobody', 9), [])
      assert.deepEqual(await store.untakenSignals('r', 9), [])
      const [first] = await Promise.all(
        ['b', 'a', 'b', ...oddTexts].map((name) => send(store, message('r', 'signal', { name }))),
      )
      await send(store, message('r', 'child', { name: 'c' }))
      const odd = oddTexts.map((name) => ({ name, count: 1 }))
      const a = { name: 'a', count: 1 }
      assert.deepEqual(await store.untakenSignals('r', 99), [{ name: 'b', count: 2 }, a, ...odd])
      assert.deepEqual(await store.untakenSignals('r', 2), [{ name: 'b', count: 2 }, a])
      await store.append(chain.append(held, [step('a')], { taken: [first ?? 0] }))
      assert.deepEqual(await store.untakenSignals('r', 2), [a, { name: 'b', count: 1 }])
    },
  },
  {
    name: 'odd names are told apart',
    async run({ open }) {
      const store = await open()
      await start(store, 'r')
      for (const name of oddTexts) await send(store, message('r', 'signal', { name, id: name }))
      for (const name of oddTexts) {
        const [found, ...more] = await store.messages('r', [name])
        assert.deepEqual([found?.name, found?.id, more.length], [name, name, 0])
      }
    },
  },
  {
    name: 'messages of an append that nobody takes do not disturb it',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      await start(store, 'peer', { wake: never })
      const deliver = [
        message('missing'),
        message('peer', 'retry'),
        message('peer', 'answer', { name: 'peer/1' }),
        message('peer', 'signal', { id: 'x' }),
        message('peer', 'signal', { id: 'x' }),
      ]
      const result = await store.append(chain.append(held, [step('a')], { deliver }))
      assert.equal(result.is, 'committed')
      assert.equal((await store.messages('peer', ['go'])).length, 1)
    },
  },
  {
    name: 'an answer needs a question of the same run that is open',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const other = await start(store, 'other')
      const heldOther = await hold(store, 's', 'other')
      await store.append(other.append(heldOther, [question('q')]))
      await store.append(chain.append(held, [step('a'), question('q'), question('p')]))
      const answer = async (name: string): Promise<string> =>
        (await store.deliver(message('r', 'answer', { name }))).is
      for (const name of ['', 'r', 'r/', 'r/0', 'r/2', 'r/99', 'other/2', 'r/03', 'r/3.0', 'R/3']) {
        assert.equal(await answer(name), 'unknown-question', name)
      }
      assert.equal(await answer('r/3'), 'delivered')
      assert.equal(await answer('r/3'), 'question-closed')
      assert.equal(await answer('r/4'), 'delivered')
      assert.equal((await store.messages('r', [])).length, 2)
    },
  },
  {
    name: 'an answer that keeps its question open is followed by others, until one does not',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      await store.append(chain.append(held, [question('q')]))
      const answer = (rest: Partial<NewMessage> = {}): Promise<DeliverResult> =>
        store.deliver(message('r', 'answer', { name: 'r/2', ...rest }))
      const state = async (): Promise<string | undefined> => (await store.questions({}))[0]?.state
      for (const id of ['a', 'b']) {
        assert.equal((await answer({ id, keepsOpen: true })).is, 'delivered')
        assert.equal(await state(), 'open')
      }
      assert.equal((await answer({ id: 'b', keepsOpen: true })).is, 'duplicate')
      assert.equal((await answer()).is, 'delivered')
      assert.equal(await state(), 'answered')
      for (const keepsOpen of [true, false]) {
        assert.equal((await answer({ keepsOpen })).is, 'question-closed')
      }
      const inbox = await store.messages('r', [])
      assert.deepEqual(
        inbox.map(({ id }) => id),
        ['a', 'b', undefined],
      )
      for (const one of inbox) assert.ok(!('keepsOpen' in one) && !('unlessNewerThan' in one))
    },
  },
  {
    name: 'a message that was judged by others is not delivered behind newer ones',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      await store.append(chain.append(held, [question('q')]))
      const answer = (unlessNewerThan: number, id?: string): Promise<DeliverResult> =>
        store.deliver(message('r', 'answer', { name: 'r/2', unlessNewerThan, id }))
      const newest = await send(store, message('r', 'signal'))
      assert.deepEqual(await answer(newest - 1), { is: 'news', newest })
      assert.equal((await store.questions({}))[0]?.state, 'open')
      assert.equal((await store.run('r'))?.newest, newest)
      await store.append(chain.append(held, [step('a')], { taken: [newest] }))
      assert.deepEqual(await answer(newest - 1), { is: 'news', newest })
      assert.equal((await answer(newest, 'a')).is, 'delivered')
      assert.equal((await answer(newest, 'a')).is, 'duplicate')
    },
  },
  {
    name: 'an answered, expired or withdrawn question takes no answer',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      await store.append(chain.append(held, [question('q'), question('p'), question('o')]))
      const number = await send(store, message('r', 'answer', { name: 'r/2' }))
      const drafts: AnyDraft[] = [
        { scope: '', kind: 'question.answered', key: 'q', record: { value: 1 } },
        { scope: '', kind: 'question.expired', key: 'p', record: {} },
      ]
      await store.append(chain.append(held, drafts, { taken: [number] }))
      for (const name of ['r/2', 'r/3']) {
        const result = await store.deliver(message('r', 'answer', { name }))
        assert.deepEqual(result, { is: 'question-closed' })
      }
      await send(store, message('r', 'answer', { name: 'r/4' }))
    },
  },
]
