/** Conformance: no wake-up is lost, and nobody is woken for nothing (S4). */
import { strict as assert } from 'node:assert'
import { runDrafts, step } from './chain-builder.ts'
import {
  claim,
  heldRun,
  hold,
  ids,
  message,
  never,
  row,
  send,
  session,
  start,
  type StoreCase,
} from './store-bed.ts'

export const wakeCases: readonly StoreCase[] = [
  {
    name: 'a message makes a waiting run due at once, but not later than it was',
    async run({ open, clock }) {
      const store = await open()
      await start(store, 'soon', { wake: clock.now() - 50 })
      await start(store, 'late', { wake: clock.now() + 50 })
      await send(store, message('soon'))
      await send(store, message('late'))
      assert.equal((await row(store, 'soon')).wake, clock.now() - 50)
      assert.equal((await row(store, 'late')).wake, clock.now())
    },
  },
  {
    name: 'a run that only a message can wake is woken by it',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      await store.append(chain.append(held, [step('a')], { release: { wake: undefined, seen: 0 } }))
      assert.deepEqual(await claim(store, 's'), { runs: [], nextDue: undefined })
      await send(store, message('r'))
      assert.deepEqual(ids((await claim(store, 's')).runs), ['r'])
    },
  },
  {
    name: 'a release that has not seen the newest message makes the run due at once',
    async run({ open, clock }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const seen = await send(store, message('r'))
      await send(store, message('r'))
      await store.append(chain.append(held, [step('a')], { release: { wake: undefined, seen } }))
      assert.equal((await row(store, 'r')).wake, clock.now())
      assert.deepEqual(ids((await claim(store, 's')).runs), ['r'])
    },
  },
  {
    name: 'a release that has seen every message waits as it was told',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const seen = await send(store, message('r'))
      await store.append(chain.append(held, [step('a')], { release: { wake: 7777, seen } }))
      assert.equal((await row(store, 'r')).wake, 7777)
    },
  },
  {
    name: 'messages that the append itself takes do not wake the run it releases',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const number = await send(store, message('r'))
      const release = { wake: undefined, seen: 0 }
      await store.append(chain.append(held, [step('a')], { taken: [number], release }))
      assert.equal((await row(store, 'r')).wake, undefined)
    },
  },
  {
    name: 'a release of an ended or paused run heeds only what that status takes',
    async run({ open, clock }) {
      const store = await open()
      await session(store, 's')
      const wakes: Record<string, number | undefined> = {}
      for (const [id, kind, draft] of [
        ['ended', 'signal', runDrafts.completed],
        ['paused', 'signal', runDrafts.paused()],
        ['failed', 'signal', runDrafts.failed()],
        ['stopped', 'cancel', runDrafts.paused()],
      ] as const) {
        const chain = await start(store, id)
        const held = await hold(store, 's', id)
        await send(store, message(id, kind))
        const release = { wake: undefined, seen: 0 }
        await store.append(chain.append(held, [draft], { release }))
        wakes[id] = (await row(store, id)).wake
      }
      assert.deepEqual(wakes, {
        ended: undefined,
        paused: undefined,
        stopped: clock.now(),
        failed: undefined,
      })
    },
  },
  {
    name: 'a holder hears of messages for its runs, and of no others',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      await session(store, 'other')
      await start(store, 'theirs')
      await hold(store, 'other', 'theirs')
      await start(store, 'free', { wake: never })
      assert.deepEqual(await store.news('s'), [])
      const first = await send(store, message('r'))
      const newest = await send(store, message('r', 'cancel'))
      await send(store, message('theirs'))
      await send(store, message('free'))
      assert.deepEqual(await store.news('s'), [{ run: 'r', newest }])
      await store.append(chain.append(held, [step('a')], { taken: [first] }))
      assert.deepEqual(await store.news('s'), [{ run: 'r', newest }])
      await store.append(chain.append(held, [step('b')], { taken: [newest] }))
      assert.deepEqual(await store.news('s'), [])
      assert.deepEqual(await store.news('nobody'), [])
    },
  },
  {
    name: 'a message to a held run leaves it held',
    async run({ open }) {
      const store = await open()
      await heldRun(store)
      await send(store, message('r'))
      assert.equal((await row(store, 'r')).session, 's')
      await session(store, 'other')
      assert.deepEqual((await claim(store, 'other')).runs, [])
    },
  },
  {
    name: 'a run that writes to itself and gives itself back is due at once',
    async run({ open, clock }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const rest = { deliver: [message('r')], release: { wake: undefined, seen: 0 } }
      const result = await store.append(chain.append(held, [step('a')], rest))
      const { wake, newest } = await row(store, 'r')
      assert.ok(newest > 0)
      assert.deepEqual(result, { is: 'committed', newest })
      assert.equal(wake, clock.now())
    },
  },
]
