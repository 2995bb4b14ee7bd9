/** Conformance: creating, finding and listing runs. */
import { strict as assert } from 'node:assert'
import type { RunFilter, Store } from '../store/store.ts'
import { ChainBuilder, runDrafts, testFlow } from './chain-builder.ts'
import { hold, ids, row, session, start, type StoreCase } from './store-bed.ts'

/** Texts that stores are known to change. */
export const oddTexts: readonly string[] = [
  '',
  'a\u0000b',
  '\ud800',
  '\udfff\ud800',
  '\ufffd',
  '\u0001',
  '\u0001"x"',
  '__proto__',
  'constructor',
  "'; DROP TABLE runs; --",
  '%',
  '_',
  '\u{1f600} é é',
  'x'.repeat(5000),
]

const badIds = ['', 'x'.repeat(201), 'a b', 'a/b', '.a', '-a', 'é', 'a\u0000', 'a%', '\ud800']

const list = async (store: Store, filter: RunFilter): Promise<string[]> =>
  ids(await store.runs(filter))

export const runCases: readonly StoreCase[] = [
  {
    name: 'a new run is there, with all that was said of it',
    async run({ open }) {
      const store = await open()
      const chain = new ChainBuilder('r')
      const labels = { team: 'billing' }
      const run = chain.start({ queue: 'slow', labels, parent: 'p', wake: 1500, time: 1234 })
      const reply = await store.createRun(run)
      const expected = {
        id: 'r',
        flow: testFlow.name,
        version: testFlow.version,
        queue: 'slow',
        labels,
        parent: 'p',
        status: 'active',
        code: undefined,
        title: undefined,
        created: 1234,
        updated: 1234,
        seq: 1,
        hash: run.genesis.hash,
        epoch: 0,
        session: undefined,
        wake: 1500,
        crashes: 0,
        overtakes: 0,
        barren: 0,
        newest: 0,
      }
      assert.deepEqual(reply, { created: true, run: expected })
      assert.deepEqual(await store.run('r'), expected)
      assert.deepEqual(await store.entries('r'), [{ ...run.genesis, previous: '' }])
    },
  },
  {
    name: 'an existing run is left as it is, and returned',
    async run({ open }) {
      const store = await open()
      await start(store, 'r', { queue: 'one' })
      const before = await row(store, 'r')
      const second = new ChainBuilder('r').start({ queue: 'two', labels: { a: 'b' }, time: 9999 })
      assert.deepEqual(await store.createRun(second), { created: false, run: before })
      assert.deepEqual(await store.run('r'), before)
      assert.equal((await store.entries('r')).length, 1)
    },
  },
  {
    name: 'of many creations of one id at once, one creates',
    async run({ open }) {
      const stores = [await open(), await open()] as const
      const replies = await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          stores[i % 2 === 0 ? 0 : 1].createRun(new ChainBuilder('r').start({ time: 1000 + i })),
        ),
      )
      assert.equal(replies.filter(({ created }) => created).length, 1)
      assert.equal(new Set(replies.map(({ run }) => run.hash)).size, 1)
      assert.equal((await stores[0].entries('r')).length, 1)
    },
  },
  {
    name: 'an id may have 200 characters of its alphabet',
    async run({ open }) {
      const store = await open()
      for (const id of ['a', '0', 'A._:@-z', 'x'.repeat(200)]) {
        await start(store, id)
        assert.equal((await store.run(id))?.id, id)
      }
    },
  },
  {
    name: 'an impossible id is refused and leaves nothing behind',
    async run({ open }) {
      const store = await open()
      for (const id of badIds) {
        const run = new ChainBuilder(id).start()
        await assert.rejects(store.createRun(run), { code: 'BAD_NAME' }, JSON.stringify(id))
        assert.equal(await store.run(id), undefined)
      }
      assert.deepEqual(await store.follow(0, 10), [])
    },
  },
  {
    name: 'ids that differ in case are different runs',
    async run({ open }) {
      const store = await open()
      await start(store, 'Run')
      await start(store, 'run')
      assert.deepEqual(await list(store, {}), ['run', 'Run'])
    },
  },
  {
    name: 'an unknown run has nothing',
    async run({ open }) {
      const store = await open()
      await start(store, 'r')
      assert.equal(await store.run('x'), undefined)
      assert.deepEqual(await store.entries('x'), [])
      assert.deepEqual(await store.openEntries('x'), [])
      assert.deepEqual(await store.entriesAt('x', [1]), [])
      assert.deepEqual(await store.openScopes('x'), [])
      assert.deepEqual(await store.messages('x', ['go']), [])
      assert.deepEqual(await store.questions({ run: 'x' }), [])
    },
  },
  {
    name: 'odd texts come back as they were given',
    async run({ open }) {
      const store = await open()
      const labels = Object.fromEntries(oddTexts.map((text) => [text, text]))
      for (const [i, text] of oddTexts.entries()) {
        await start(store, `r${i}`, { flow: text, version: text, queue: text, labels })
      }
      for (const [i, text] of oddTexts.entries()) {
        const { flow, version, queue, labels: found } = await row(store, `r${i}`)
        assert.deepEqual({ flow, version, queue }, { flow: text, version: text, queue: text })
        assert.deepEqual(new Map(Object.entries(found)), new Map(Object.entries(labels)))
      }
    },
  },
  {
    name: 'odd texts are told apart when runs are looked for',
    async run({ open }) {
      const store = await open()
      for (const [i, text] of oddTexts.entries()) {
        await start(store, `r${i}`, { flow: text, queue: text, labels: { name: text } })
      }
      for (const [i, text] of oddTexts.entries()) {
        assert.deepEqual(await list(store, { flow: text }), [`r${i}`])
        assert.deepEqual(await list(store, { queue: text }), [`r${i}`])
        assert.deepEqual(await list(store, { labels: { name: text } }), [`r${i}`])
      }
      await session(store, 's')
      const { runs } = await store.claim({
        session: 's',
        flows: [{ name: '\ud800', version: '1' }],
        limit: 10,
      })
      assert.deepEqual(ids(runs), ['r2'])
    },
  },
  {
    name: 'runs are listed from the newest, page by page',
    async run({ open }) {
      const store = await open()
      for (let i = 1; i <= 12; i++) await start(store, `r${i}`)
      assert.deepEqual(await list(store, { limit: 3 }), ['r12', 'r11', 'r10'])
      assert.deepEqual(await list(store, { limit: 3, before: 'r10' }), ['r9', 'r8', 'r7'])
      assert.deepEqual(await list(store, { before: 'r2' }), ['r1'])
      assert.deepEqual(await list(store, { before: 'r1' }), [])
      assert.deepEqual(await list(store, { before: 'nobody' }), [])
      assert.deepEqual(await list(store, { limit: 0 }), [])
      assert.equal((await store.runs({})).length, 12)
    },
  },
  {
    name: 'runs are found by each part of a filter, and by all together',
    async run({ open }) {
      const store = await open()
      await start(store, 'a1', { flow: 'f', queue: 'p', labels: { k: 'v', l: 'w' }, time: 1000 })
      await start(store, 'a2', { flow: 'f', queue: 'q', labels: { k: 'x' }, time: 2000 })
      await start(store, 'b1', {
        flow: 'g',
        queue: 'q',
        labels: { k: 'v' },
        parent: 'a1',
        time: 3000,
      })
      assert.deepEqual(await list(store, { flow: 'f' }), ['a2', 'a1'])
      assert.deepEqual(await list(store, { queue: 'q' }), ['b1', 'a2'])
      assert.deepEqual(await list(store, { labels: { k: 'v' } }), ['b1', 'a1'])
      assert.deepEqual(await list(store, { labels: { k: 'v', l: 'w' } }), ['a1'])
      assert.deepEqual(await list(store, { labels: { toString: 'v' } }), [])
      assert.deepEqual(await list(store, { labels: {} }), ['b1', 'a2', 'a1'])
      assert.deepEqual(await list(store, { parent: 'a1' }), ['b1'])
      assert.deepEqual(await list(store, { id: 'a' }), ['a2', 'a1'])
      assert.deepEqual(await list(store, { id: '' }), ['b1', 'a2', 'a1'])
      assert.deepEqual(await list(store, { createdSince: 2000 }), ['b1', 'a2'])
      assert.deepEqual(await list(store, { createdSince: 2001 }), ['b1'])
      assert.deepEqual(await list(store, { createdSince: 9999 }), [])
      assert.deepEqual(await list(store, { flow: 'f', queue: 'q', id: 'a', limit: 1 }), ['a2'])
      assert.deepEqual(await list(store, { flow: 'f', before: 'a2' }), ['a1'])
      assert.deepEqual(await list(store, { queue: 'q', createdSince: 2500, limit: 5 }), ['b1'])
    },
  },
  {
    name: 'runs are found by several statuses, still from the newest',
    async run({ open }) {
      const store = await open()
      await session(store, 's')
      for (let i = 1; i <= 6; i++) {
        const chain = await start(store, `r${i}`)
        const held = await hold(store, 's', `r${i}`)
        if (i % 3 === 0) continue
        const end = i % 3 === 1 ? runDrafts.completed : runDrafts.failed()
        await store.append(chain.append(held, [end]))
      }
      assert.deepEqual(await list(store, { status: ['completed'] }), ['r4', 'r1'])
      assert.deepEqual(await list(store, { status: ['active'] }), ['r6', 'r3'])
      assert.deepEqual(await list(store, { status: ['failed', 'completed'] }), [
        'r5',
        'r4',
        'r2',
        'r1',
      ])
      const page = { status: ['failed', 'completed'], limit: 2, before: 'r5' } as const
      assert.deepEqual(await list(store, page), ['r4', 'r2'])
      assert.deepEqual(await list(store, { status: ['paused'] }), [])
      assert.deepEqual(await list(store, { status: [] }), [])
    },
  },
  {
    name: 'a prefix is only a prefix',
    async run({ open }) {
      const store = await open()
      for (const id of ['ab', 'abc', 'aB', 'b', 'a_c', 'a.c']) await start(store, id)
      assert.deepEqual(await list(store, { id: 'ab' }), ['abc', 'ab'])
      assert.deepEqual(await list(store, { id: 'a_' }), ['a_c'])
      for (const id of ['%', '*', 'a%', 'a?', '\ud800', '\u{10ffff}']) {
        assert.deepEqual(await list(store, { id }), [], id)
      }
    },
  },
]
