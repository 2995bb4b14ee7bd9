/** Conformance: sessions, claims and queues. */
import { strict as assert } from 'node:assert'
import type { ClaimResult, Store } from '../store/store.ts'
import { step, testFlow } from './chain-builder.ts'
import { claim, heldRun, ids, leaseMs, row, session, start, type StoreCase } from './store-bed.ts'

const claimed = async (store: Store, token: string, limit?: number): Promise<string[]> =>
  ids((await claim(store, token, limit)).runs)

export const claimCases: readonly StoreCase[] = [
  {
    name: 'a claim hands out what is due, with the holder and a new epoch',
    async run({ open, clock }) {
      const store = await open()
      await session(store, 's')
      await start(store, 'due', { wake: clock.now() })
      await start(store, 'later', { wake: clock.now() + 10 })
      const { runs, nextDue } = await claim(store, 's')
      assert.deepEqual(runs, [await row(store, 'due')])
      assert.deepEqual([runs[0]?.session, runs[0]?.epoch], ['s', 1])
      assert.equal(nextDue, clock.now() + 10)
      assert.deepEqual(await claimed(store, 's'), [])
      clock.advance(10)
      assert.deepEqual(await claimed(store, 's'), ['later'])
    },
  },
  {
    name: 'rows are the own ones of whoever gets them',
    async run({ open }) {
      const store = await open()
      await session(store, 's')
      await start(store, 'r', { labels: { team: 'one' } })
      const rows = [
        await row(store, 'r'),
        ...(await store.runs({})),
        ...(await claim(store, 's')).runs,
      ]
      for (const { labels } of rows) Object.assign(labels, { team: 'two' })
      assert.equal(rows.length, 3)
      assert.deepEqual((await row(store, 'r')).labels, { team: 'one' })
    },
  },
  {
    name: 'two that claim at the same time never get the same run',
    async run({ open }) {
      const stores = [await open(), await open()] as const
      await session(stores[0], 'a')
      await session(stores[1], 'b')
      await Promise.all(Array.from({ length: 30 }, (_, i) => start(stores[0], `r${i}`)))
      const claims = await Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          claimed(stores[i % 2 === 0 ? 0 : 1], i % 2 === 0 ? 'a' : 'b', 4),
        ),
      )
      const all = claims.flat()
      assert.equal(all.length, 30)
      assert.equal(new Set(all).size, 30)
    },
  },
  {
    name: 'a claim of one run gets it whatever its flow, due time, status or queue, unless it is held',
    async run({ open, clock }) {
      const store = await open()
      await session(store, 's')
      await session(store, 'other')
      await start(store, 'later', { flow: 'gone', queue: 'closed', wake: clock.now() + 10 })
      await start(store, 'due', { wake: clock.now() })
      await store.limitQueue('closed', 0)
      const ask = (token: string, run: string): Promise<ClaimResult> =>
        store.claim({ session: token, flows: [], limit: 1, run })
      const { runs } = await ask('s', 'later')
      assert.deepEqual(runs, [await row(store, 'later')])
      assert.deepEqual([runs[0]?.session, runs[0]?.epoch], ['s', 1])
      assert.equal(runs[0]?.wake, clock.now() + 10)
      assert.deepEqual((await ask('other', 'later')).runs, [])
      assert.deepEqual((await ask('s', 'unknown')).runs, [])
      assert.deepEqual((await ask('nobody', 'due')).runs, [])
      assert.equal((await row(store, 'due')).session, undefined)
      clock.advance(leaseMs)
      await session(store, 'next')
      const taken = (await ask('next', 'later')).runs[0]
      assert.deepEqual([taken?.session, taken?.epoch, taken?.barren], ['next', 2, 1])
    },
  },
  {
    name: 'a worker gets only the flows and versions that it names',
    async run({ open }) {
      const store = await open()
      await session(store, 's')
      for (const [flow, version] of [
        ['f', '1'],
        ['f', '2'],
        ['g', '1'],
        ['F', '1'],
      ] as const) {
        await start(store, `${flow}${version}`, { flow, version })
      }
      const ask = async (flows: readonly (readonly [string, string])[]): Promise<string[]> =>
        ids(
          (
            await store.claim({
              session: 's',
              flows: flows.map(([name, version]) => ({ name, version })),
              limit: 10,
            })
          ).runs,
        )
      assert.deepEqual(await ask([]), [])
      assert.deepEqual(
        await ask([
          ['f', '3'],
          ['x', '1'],
        ]),
        [],
      )
      assert.deepEqual(await ask([['f', '1']]), ['f1'])
      assert.deepEqual(
        await ask([
          ['g', '1'],
          ['f', '2'],
        ]),
        ['f2', 'g1'],
      )
      assert.deepEqual(
        await ask([
          ['F', '1'],
          ['F', '1'],
        ]),
        ['F1'],
      )
    },
  },
  {
    name: 'the longest due comes first, of equals the oldest, and no more than asked for',
    async run({ open, clock }) {
      const store = await open()
      await session(store, 's')
      const now = clock.now()
      const wakes = { a: now, b: now - 20, c: now, d: now - 300, e: now - 20 }
      for (const [id, wake] of Object.entries(wakes)) await start(store, id, { wake })
      await start(store, 'f', { wake: now - 100, queue: 'other' })
      assert.deepEqual(await claimed(store, 's', 0), [])
      assert.deepEqual(await claimed(store, 's', 3), ['d', 'f', 'b'])
      assert.deepEqual(await claimed(store, 's', 1), ['e'])
      assert.deepEqual(await claimed(store, 's'), ['a', 'c'])
    },
  },
  {
    name: 'who has no session any more is handed nothing, and told no time to ask again',
    async run({ open, clock }) {
      const store = await open()
      await session(store, 's')
      await start(store, 'r', { wake: clock.now() + 500 })
      const { nextDue } = await claim(store, 's')
      assert.equal(nextDue, clock.now() + 500)
      await store.closeSession('s')
      for (const token of ['s', 'nobody']) {
        assert.deepEqual(await claim(store, token), { runs: [], nextDue: undefined })
      }
    },
  },
  {
    name: 'a claim says when to ask again',
    async run({ open, clock }) {
      const store = await open()
      await session(store, 's')
      const next = async (limit: number): Promise<number | undefined> =>
        (await claim(store, 's', limit)).nextDue
      assert.equal(await next(1), undefined)
      await start(store, 'a', { wake: clock.now() + 500 })
      await start(store, 'b', { wake: clock.now() + 100 })
      await start(store, 'c', { wake: clock.now() + 5, flow: 'unknown' })
      assert.equal(await next(1), clock.now() + 100)
      clock.advance(600)
      assert.equal(await next(1), clock.now() - 100) // one is left that is due
      assert.equal(await next(1), undefined)
    },
  },
  {
    name: 'a claim asks again when the lease of another holder ends',
    async run({ open, clock }) {
      const store = await open()
      await heldRun(store)
      await session(store, 'other', { leaseMs: 500 })
      await session(store, 'idle', { leaseMs: 50 })
      assert.equal((await claim(store, 'other')).nextDue, clock.now() + leaseMs)
      assert.equal((await claim(store, 's')).nextDue, undefined)
    },
  },
  {
    name: 'a queue holds no more runs than its limit, over all sessions',
    async run({ open }) {
      const store = await open()
      await session(store, 'a')
      await session(store, 'b')
      await store.limitQueue('q', 3)
      const chains = await Promise.all(
        Array.from({ length: 6 }, (_, i) => start(store, `r${i}`, { queue: 'q' })),
      )
      assert.equal((await claimed(store, 'a', 2)).length, 2)
      const { runs, nextDue } = await claim(store, 'b')
      assert.equal(runs.length, 1)
      assert.equal(await claimed(store, 'b').then(({ length }) => length), 0)
      const [first] = runs
      const chain = chains.find(({ run }) => run === first?.id)
      assert.ok(first && chain && nextDue !== undefined)
      const release = { wake: undefined, seen: 0 }
      const held = { session: 'b', epoch: first.epoch }
      await store.append(chain.append(held, [step('a')], { release }))
      assert.equal((await claimed(store, 'b')).length, 1)
      await store.limitQueue('q', null)
      assert.equal((await claimed(store, 'b')).length, 2)
    },
  },
  {
    name: 'a full queue holds up no other',
    async run({ open }) {
      const store = await open()
      await session(store, 's')
      await store.limitQueue('full', 1)
      await store.limitQueue('closed', 0)
      for (let i = 0; i < 4; i++) await start(store, `f${i}`, { queue: 'full' })
      await start(store, 'c', { queue: 'closed' })
      await start(store, 'x', { queue: 'free' })
      await start(store, 'y', { flow: 'g', queue: 'full' })
      const flows = [testFlow, { name: 'g', version: '1' }]
      const { runs, nextDue } = await store.claim({ session: 's', flows, limit: 10 })
      assert.deepEqual(ids(runs), ['f0', 'x'])
      assert.equal(nextDue, undefined) // only a release or another limit can bring more
    },
  },
  {
    name: 'a claim hands out no more runs that were lost twice without progress than it asks for',
    async run({ open, clock }) {
      const store = await open()
      const lost = ['a', 'b', 'c']
      const chains = await Promise.all(lost.map((id) => start(store, id)))
      // What was lost once is nobody's suspect.
      for (const token of ['dies', 'dies-too']) {
        await session(store, token, { leaseMs: 100 })
        const request = { session: token, flows: [testFlow], limit: 10, suspects: 0 }
        assert.deepEqual(ids((await store.claim(request)).runs).toSorted(), lost)
        clock.advance(200)
      }
      await session(store, 's')
      const ask = (suspects?: number, limit = 10): Promise<ClaimResult> =>
        store.claim({ session: 's', flows: [testFlow], limit, suspects })
      assert.deepEqual(await ask(0), { runs: [], nextDue: undefined })
      await start(store, 'sound', { wake: clock.now() + 20 })
      await start(store, 'sound-too', { wake: clock.now() + 10, queue: 'other' })
      assert.equal((await ask(0)).nextDue, clock.now() + 10)
      clock.advance(30)
      // The one that has been due for longest; the others hold up nothing.
      const { runs, nextDue } = await ask(1, 2)
      assert.equal(runs.filter(({ barren }) => barren === 2).length, 1)
      assert.deepEqual([runs.length, runs[1]?.id], [2, 'sound-too'])
      assert.equal(nextDue, clock.now() - 10)
      assert.deepEqual(ids((await ask(0)).runs), ['sound'])
      assert.deepEqual(await ask(0), { runs: [], nextDue: undefined })
      // Who asks for two gets two.
      const more = await ask(2)
      assert.deepEqual([more.runs.length, more.nextDue], [2, undefined])
      // What has written something is no suspect any more.
      const [first] = runs
      const chain = chains.find(({ run }) => run === first?.id)
      assert.ok(first && chain)
      const release = { wake: clock.now(), seen: 0 }
      const held = { session: 's', epoch: first.epoch }
      await store.append(chain.append(held, [step('a')], { release }))
      assert.deepEqual(ids((await ask(0)).runs), [first.id])
    },
  },
  {
    name: 'queues are listed with their limit and load',
    async run({ open, clock }) {
      const store = await open()
      await session(store, 's')
      await store.limitQueue('limited', 5)
      await start(store, 'a', { queue: 'q' })
      await start(store, 'b', { queue: 'q', flow: 'other' })
      await start(store, 'c', { queue: 'q', flow: 'other', version: '9' })
      await start(store, 'd', { queue: 'q', wake: clock.now() + 1 })
      await claim(store, 's')
      assert.deepEqual(await store.queues(), [
        { name: 'limited', concurrency: 5, held: 0, due: 0 },
        { name: 'q', concurrency: null, held: 1, due: 2 },
      ])
      clock.advance(1)
      await store.limitQueue('q', 7)
      await store.limitQueue('limited', null)
      assert.deepEqual(await store.queues(), [
        { name: 'limited', concurrency: null, held: 0, due: 0 },
        { name: 'q', concurrency: 7, held: 1, due: 3 },
      ])
    },
  },
]
