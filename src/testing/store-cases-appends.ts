/** Conformance: appends, all or nothing, under the fence. */
import { strict as assert } from 'node:assert'
import type { AnyDraft } from '../ledger/index.ts'
import { ChainBuilder, question, step } from './chain-builder.ts'
import {
  claim,
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

const bytes = new Uint8Array([0, 1, 255])

export const appendCases: readonly StoreCase[] = [
  {
    name: 'what was appended is there when the append has been acknowledged',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const result = await store.append(chain.append(held, [step('a', 1), step('b', 2)]))
      assert.deepEqual(result, { is: 'committed', newest: 0 })
      const { seq, hash, updated, session: holder } = await row(store, 'r')
      assert.deepEqual(
        { seq, hash, updated, holder },
        { seq: 3, hash: chain.head.hash, updated: chain.head.time, holder: 's' },
      )
      const entries = await store.entries('r')
      assert.deepEqual(
        entries,
        chain.entries.map((entry, i) => ({ ...entry, previous: chain.entries[i - 1]?.hash ?? '' })),
      )
    },
  },
  {
    name: 'another session, another epoch, a free run and no run are fenced',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      await session(store, 'other')
      await start(store, 'free', { wake: never })
      const tries = [
        chain.fork().append({ ...held, session: 'other' }, [step('a')]),
        chain.fork().append({ ...held, epoch: held.epoch + 1 }, [step('a')]),
        chain.fork().append({ ...held, epoch: held.epoch - 1 }, [step('a')]),
        chain.fork().append({ session: 'nobody', epoch: held.epoch }, [step('a')]),
        { ...chain.fork().append(held, []), run: 'free' },
        { ...chain.fork().append(held, []), run: 'missing' },
      ]
      for (const append of tries) assert.deepEqual(await store.append(append), { is: 'fenced' })
      assert.equal((await store.entries('r')).length, 1)
      assert.equal((await row(store, 'r')).session, 's')
    },
  },
  {
    name: 'an append upon another head is displaced, and told the head',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const late = chain.fork()
      await store.append(chain.append(held, [step('a')]))
      const displaced = { is: 'displaced', seq: 2, hash: chain.head.hash }
      assert.deepEqual(await store.append(late.append(held, [step('b')])), displaced)
      // The same number with another hash is another head, too.
      assert.deepEqual(await store.append(late.append(held, [step('c')])), displaced)
      const early = chain.fork()
      early.head = { ...early.head, seq: 7 }
      assert.deepEqual(await store.append(early.append(held, [step('d')])), displaced)
      assert.equal((await store.entries('r')).length, 2)
    },
  },
  {
    name: 'the fence is checked before the head, and the head before news',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const late = chain.fork()
      await store.append(chain.append(held, [step('a')]))
      await send(store, message('r'))
      const stale = { ...held, epoch: 0 }
      const both = late.fork().append(stale, [step('b')], { unlessNewerThan: 0 })
      assert.equal((await store.append(both)).is, 'fenced')
      const one = late.fork().append(held, [step('b')], { unlessNewerThan: 0 })
      assert.equal((await store.append(one)).is, 'displaced')
    },
  },
  {
    name: 'an append that a newer message could prevent is told the news',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const first = await send(store, message('r'))
      const second = await send(store, message('r'))
      const refused = chain.fork().append(held, [step('a')], { unlessNewerThan: first })
      assert.deepEqual(await store.append(refused), { is: 'news', newest: second })
      assert.equal((await store.entries('r')).length, 1)
      const accepted = chain.append(held, [step('a')], { unlessNewerThan: second })
      assert.deepEqual(await store.append(accepted), { is: 'committed', newest: second })
    },
  },
  {
    name: 'the fence is checked although the holder has appended before',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      await store.append(chain.append(held, [step('a')]))
      const other = { ...held, session: await session(store, 't') }
      const foreign = chain.fork().append(other, [step('b')])
      assert.equal((await store.append(foreign)).is, 'fenced')
      await store.closeSession('s')
      await session(store, 's')
      const again = await hold(store, 's', 'r')
      const late = chain.fork().append(held, [step('b')])
      assert.equal((await store.append(late)).is, 'fenced')
      assert.equal((await store.append(chain.append(again, [step('b')]))).is, 'committed')
    },
  },
  {
    name: 'a message between two appends of a holder is news to the second',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      await store.append(chain.append(held, [step('a')]))
      const number = await send(store, message('r'))
      const refused = chain.fork().append(held, [step('b')], { unlessNewerThan: 0 })
      assert.deepEqual(await store.append(refused), { is: 'news', newest: number })
      const accepted = chain.append(held, [step('b')])
      assert.deepEqual(await store.append(accepted), { is: 'committed', newest: number })
    },
  },
  {
    name: 'a refused append writes nothing at all',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const number = await send(store, message('r'))
      await start(store, 'peer', { wake: never })
      const rest = {
        taken: [number],
        create: [new ChainBuilder('child').start()],
        deliver: [message('peer')],
        artifacts: [{ hash: 'h', bytes }],
        release: { wake: undefined, seen: number },
      }
      const before = await row(store, 'r')
      const all = [
        chain.fork().append({ ...held, epoch: 9 }, [step('a')], rest),
        { ...chain.fork().append(held, [], rest), after: { seq: 1, hash: 'other' } },
        chain.fork().append(held, [step('a')], { ...rest, unlessNewerThan: 0 }),
      ]
      for (const append of all) assert.notEqual((await store.append(append)).is, 'committed')
      assert.deepEqual(await store.run('r'), before)
      assert.equal((await store.messages('r', ['go'])).length, 1)
      assert.equal(await store.run('child'), undefined)
      assert.equal((await row(store, 'peer')).newest, 0)
      assert.equal(await store.artifact('h'), undefined)
    },
  },
  {
    name: 'a committed append brings all of it',
    async run({ open, clock }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const number = await send(store, message('r'))
      await start(store, 'peer', { wake: never })
      const result = await store.append(
        chain.append(held, [step('a')], {
          taken: [number],
          create: [new ChainBuilder('child').start({ parent: 'r', wake: 77 })],
          deliver: [message('peer'), message('child')],
          artifacts: [{ hash: 'h', bytes }],
          release: { wake: never, seen: number },
        }),
      )
      assert.deepEqual(result, { is: 'committed', newest: number })
      assert.deepEqual(await store.messages('r', ['go']), [])
      const { parent, wake } = await row(store, 'child')
      assert.deepEqual({ parent, wake }, { parent: 'r', wake: 77 })
      assert.equal((await store.messages('child', ['go'])).length, 1)
      assert.equal((await row(store, 'peer')).wake, clock.now())
      assert.deepEqual(await store.artifact('h'), bytes)
      const released = await row(store, 'r')
      assert.equal(released.session, undefined)
      assert.equal(released.wake, never)
    },
  },
  {
    name: 'of one append handed over twice, one commits and the other is displaced',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const append = chain.append(held, [step('a')])
      const results = await Promise.all([store.append(append), store.append(append)])
      assert.deepEqual(
        results.map(({ is }) => is).toSorted((a, b) => a.localeCompare(b)),
        ['committed', 'displaced'],
      )
      assert.equal((await store.entries('r')).length, 2)
    },
  },
  {
    name: 'appends that are handed over before the last has been acknowledged commit in order',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const appends = Array.from({ length: 30 }, (_, i) => chain.append(held, [step(`k${i}`)]))
      const results = await Promise.all(appends.map((append) => store.append(append)))
      assert.ok(results.every(({ is }) => is === 'committed'))
      const keys = (await store.entries('r')).map(({ key }) => key)
      assert.deepEqual(keys, ['', ...appends.map((_, i) => `k${i}`)])
    },
  },
  {
    name: 'a fenced append fails its own run only, and later appends of it, too',
    async run({ open }) {
      const store = await open()
      await session(store, 's')
      const chains = await Promise.all(Array.from({ length: 40 }, (_, i) => start(store, `r${i}`)))
      const { runs } = await claim(store, 's')
      assert.equal(runs.length, 40)
      const results = await Promise.all(
        chains.flatMap((chain, i) => {
          const held = { session: 's', epoch: i === 7 ? 9 : 1 }
          const first = store.append(chain.append(held, [step('a')]))
          return [first, store.append(chain.append({ session: 's', epoch: 1 }, [step('b')]))]
        }),
      )
      results.forEach(({ is }, i) => {
        const expected = i === 14 ? 'fenced' : i === 15 ? 'displaced' : 'committed'
        assert.equal(is, expected, `append ${i}`)
      })
      assert.equal((await store.entries('r7')).length, 1)
      assert.equal((await store.entries('r8')).length, 3)
    },
  },
  {
    name: 'entries that do not continue the head are refused, and nothing is written',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const good = chain.fork().append(held, [step('a'), step('b')])
      const swapped = { ...good, entries: good.entries.toReversed() }
      const foreign = { ...good, entries: good.entries.map((entry) => ({ ...entry, run: 'x' })) }
      const gap = { ...good, entries: good.entries.slice(1) }
      for (const append of [swapped, foreign, gap]) {
        await assert.rejects(store.append(append), { code: 'INTERNAL' })
      }
      assert.equal((await row(store, 'r')).seq, 1)
      assert.equal((await store.append(good)).is, 'committed')
    },
  },
  {
    name: 'an error of one append undoes it alone',
    async run({ open }) {
      const store = await open()
      await session(store, 's')
      const chains = await Promise.all(Array.from({ length: 5 }, (_, i) => start(store, `r${i}`)))
      await claim(store, 's')
      const held = { session: 's', epoch: 1 }
      const results = await Promise.allSettled(
        chains.map((chain, i) =>
          store.append(chain.append(held, [step('a')], i === 2 ? { taken: [99] } : {})),
        ),
      )
      assert.deepEqual(
        results.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
      )
      assert.equal((await store.entries('r2')).length, 1)
      assert.equal((await store.entries('r3')).length, 2)
    },
  },
  {
    name: 'an append that was undone leaves nothing behind by which the next one goes',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      // So long that a store with several writers has the same one do them all.
      const long = 'x'.repeat(100_000)
      const answered: AnyDraft = {
        scope: '',
        kind: 'question.answered',
        key: 'q',
        record: { value: 1 },
      }
      await store.append(chain.append(held, [question('q'), step('a', long)]))
      const undone = chain.fork().append(held, [answered, step('b', long)], { taken: [99] })
      await assert.rejects(store.append(undone))
      assert.equal((await store.questions({ run: 'r' })).length, 1)
      await store.append(chain.append(held, [answered, step('b', long)]))
      assert.deepEqual(await store.questions({ run: 'r' }), [])
    },
  },
  {
    name: 'an append without entries is checked like any other',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const stale = chain.append({ ...held, epoch: 5 }, [])
      assert.equal((await store.append(stale)).is, 'fenced')
      const release = { wake: 5000, seen: 0 }
      assert.equal((await store.append(chain.append(held, [], { release }))).is, 'committed')
      const { session: holder, seq, wake } = await row(store, 'r')
      assert.deepEqual({ holder, seq, wake }, { holder: undefined, seq: 1, wake: 5000 })
      assert.equal((await store.append(chain.append(held, []))).is, 'fenced')
    },
  },
  {
    name: 'a child that exists is left as it is',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      await start(store, 'child', { queue: 'first', wake: never })
      const create = [new ChainBuilder('child').start({ queue: 'second' })]
      assert.equal(
        (await store.append(chain.append(held, [step('a')], { create }))).is,
        'committed',
      )
      assert.equal((await row(store, 'child')).queue, 'first')
      assert.equal((await store.entries('child')).length, 1)
    },
  },
  {
    name: 'an impossible child undoes the append',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const create = [new ChainBuilder('ok').start(), new ChainBuilder('not ok').start()]
      const append = chain.append(held, [step('a')], { create })
      await assert.rejects(store.append(append), { code: 'BAD_NAME' })
      assert.equal((await row(store, 'r')).seq, 1)
      assert.equal(await store.run('ok'), undefined)
    },
  },
]
