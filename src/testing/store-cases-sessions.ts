/** Conformance: sessions, their leases, and what becomes of the runs they hold (S6). */
import { strict as assert } from 'node:assert'
import type { Store } from '../store/store.ts'
import { step } from './chain-builder.ts'
import {
  claim,
  heldRun,
  hold,
  ids,
  leaseMs,
  message,
  row,
  send,
  session,
  start,
  type StoreCase,
} from './store-bed.ts'
import { oddTexts } from './store-cases-runs.ts'

const claimed = async (store: Store, token: string, limit?: number): Promise<string[]> =>
  ids((await claim(store, token, limit)).runs)

export const sessionCases: readonly StoreCase[] = [
  {
    name: 'an unknown session gets nothing',
    async run({ open }) {
      const store = await open()
      await start(store, 'r')
      assert.deepEqual(await claimed(store, 'nobody'), [])
      await session(store, 's')
      await store.closeSession('s')
      assert.deepEqual(await claimed(store, 's'), [])
      assert.equal((await row(store, 'r')).epoch, 0)
    },
  },
  {
    name: 'a session token serves once',
    async run({ open }) {
      const store = await open()
      await session(store, 's')
      await assert.rejects(session(store, 's'), { code: 'INTERNAL' })
      assert.equal((await store.sessions()).length, 1)
    },
  },
  {
    name: 'sessions are listed with what they hold',
    async run({ open, clock }) {
      const store = await open()
      assert.deepEqual(await store.sessions(), [])
      await session(store, 'a', { name: 'host-1 \ud800' })
      const since = clock.now()
      clock.advance(5)
      await session(store, 'b', { leaseMs: 500 })
      await start(store, 'r1')
      await start(store, 'r2')
      await claim(store, 'b')
      assert.deepEqual(await store.sessions(), [
        { token: 'a', name: 'host-1 \ud800', leaseMs, since, expires: since + leaseMs, holds: 0 },
        {
          token: 'b',
          name: 'worker b',
          leaseMs: 500,
          since: clock.now(),
          expires: clock.now() + 500,
          holds: 2,
        },
      ])
    },
  },
  {
    name: 'a token may be any text, by which its runs are found',
    async run({ open }) {
      const store = await open()
      for (const [i, token] of oddTexts.filter((text) => text !== '').entries()) {
        await start(store, `r${i}`)
        await session(store, token)
        assert.equal((await hold(store, token, `r${i}`)).session, token)
        assert.deepEqual(ids(await store.runs({ session: token })), [`r${i}`])
      }
    },
  },
  {
    name: 'a lease that ran out frees its runs, counts it, and fences the old holder',
    async run({ open, clock }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      await session(store, 'other', { leaseMs: 1e9 })
      clock.advance(leaseMs - 1)
      assert.deepEqual(await claimed(store, 'other'), [])
      clock.advance(1)
      assert.deepEqual(await claimed(store, 'other'), ['r'])
      const { session: holder, epoch, overtakes, crashes, barren } = await row(store, 'r')
      assert.deepEqual(
        { holder, epoch, overtakes, crashes, barren },
        { holder: 'other', epoch: 2, overtakes: 1, crashes: 0, barren: 1 },
      )
      assert.equal((await store.append(chain.append(held, [step('a')]))).is, 'fenced')
      assert.equal(await store.renewSession('s'), false)
      assert.deepEqual(
        (await store.sessions()).map(({ token }) => token),
        ['other'],
      )
    },
  },
  {
    name: 'a claim with no room still frees what was lost',
    async run({ open, clock }) {
      const store = await open()
      await heldRun(store)
      clock.advance(leaseMs)
      await session(store, 'other')
      assert.equal((await claim(store, 'other', 0)).nextDue, clock.now())
      assert.equal((await row(store, 'r')).session, undefined)
    },
  },
  {
    name: 'a renewed lease lasts from now on',
    async run({ open, clock }) {
      const store = await open()
      await heldRun(store)
      await session(store, 'other', { leaseMs: 1e9 })
      for (let i = 0; i < 4; i++) {
        clock.advance(leaseMs - 1)
        assert.equal(await store.renewSession('s'), true)
        assert.deepEqual(await claimed(store, 'other'), [])
      }
      assert.equal(await store.renewSession('nobody'), false)
    },
  },
  {
    name: 'a holder whose lease ran out goes on as long as nobody has taken over',
    async run({ open, clock }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      clock.advance(leaseMs * 3)
      assert.equal((await store.append(chain.append(held, [step('a')]))).is, 'committed')
      assert.equal(await store.renewSession('s'), true)
      await session(store, 'other')
      assert.deepEqual(await claimed(store, 'other'), [])
    },
  },
  {
    name: 'a session whose own lease ran out claims nothing more',
    async run({ open, clock }) {
      const store = await open()
      await heldRun(store)
      clock.advance(leaseMs)
      assert.deepEqual(await claimed(store, 's'), [])
      assert.equal(await store.renewSession('s'), false)
    },
  },
  {
    name: 'a closed session gives its runs back and counts nothing',
    async run({ open, clock }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      await store.closeSession('s')
      await store.closeSession('s')
      const { session: holder, wake, overtakes, crashes, barren } = await row(store, 'r')
      assert.deepEqual(
        { holder, wake, overtakes, crashes, barren },
        { holder: undefined, wake: clock.now(), overtakes: 0, crashes: 0, barren: 0 },
      )
      assert.equal((await store.append(chain.append(held, [step('a')]))).is, 'fenced')
      assert.deepEqual(await store.sessions(), [])
    },
  },
  {
    name: 'a run that was freed keeps its messages',
    async run({ open, clock }) {
      const store = await open()
      await heldRun(store)
      await send(store, message('r'))
      clock.advance(leaseMs)
      await session(store, 'other')
      await hold(store, 'other', 'r')
      assert.equal((await store.messages('r', ['go'])).length, 1)
      assert.equal((await store.news('other')).length, 1)
    },
  },
]
