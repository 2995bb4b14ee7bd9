/** Conformance: reading entries and artifacts, hearing of commits, and closing. */
import { strict as assert } from 'node:assert'
import type { Store } from '../store/store.ts'
import { question, step, turn } from './chain-builder.ts'
import {
  claim,
  heldRun,
  hold,
  message,
  send,
  session,
  start,
  type StoreCase,
  never,
} from './store-bed.ts'

const seqs = (entries: readonly { readonly seq: number }[]): number[] =>
  entries.map(({ seq }) => seq)

/** Resolves when the store has called back, or fails after a generous while. */
async function heard(store: Store, act: () => Promise<unknown>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no call came within 5 s')), 5000)
    const stop = store.subscribe(() => {
      clearTimeout(timer)
      stop()
      resolve()
    })
    act().catch(reject)
  })
}

export const readCases: readonly StoreCase[] = [
  {
    name: 'entries are read in order, from anywhere, with the hash before each',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const drafts = Array.from({ length: 199 }, (_, i) => step(`k${i}`))
      await store.append(chain.append(held, drafts))
      const all = await store.entries('r')
      assert.deepEqual(
        seqs(all),
        Array.from({ length: 200 }, (_, i) => i + 1),
      )
      assert.ok(all.every(({ previous, seq }) => previous === (all[seq - 2]?.hash ?? '')))
      assert.deepEqual(await store.entries('r', { after: 0, limit: 2 }), all.slice(0, 2))
      assert.deepEqual(await store.entries('r', { after: 150 }), all.slice(150))
      assert.deepEqual(await store.entries('r', { after: 99, limit: 1 }), all.slice(99, 100))
      assert.deepEqual(await store.entries('r', { after: 200 }), [])
      assert.deepEqual(await store.entries('r', { limit: 0 }), [])
    },
  },
  {
    name: 'no more entries are read than are wanted in characters',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const sizes = [10, 10, 5000, 10, 3000, 3000, ...Array<number>(200).fill(10)]
      const drafts = sizes.map((size, i) => step(`k${i}`, 'x'.repeat(size)))
      await store.append(chain.append(held, drafts))
      const all = await store.entries('r')
      const some = async (after: number, units: number, limit?: number): Promise<number[]> =>
        seqs(await store.entries('r', { after, units, limit }))
      assert.deepEqual(await some(1, 1), [2])
      assert.deepEqual(await some(1, 4000), [2, 3, 4])
      assert.deepEqual(await some(3, 1), [4])
      assert.deepEqual(await some(4, 4000), [5, 6, 7])
      assert.deepEqual(await some(4, 4000, 2), [5, 6])
      assert.deepEqual(await some(207, 4000), [])
      assert.deepEqual(await some(0, 1e6), seqs(all))
      const read: number[] = []
      for (let after = 0; ;) {
        const page = await some(after, 2000, 50)
        if (page.length === 0) break
        read.push(...page)
        after = page.at(-1) ?? after
      }
      assert.deepEqual(read, seqs(all))
    },
  },
  {
    name: 'single entries are read in order, once each, and missing ones left out',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      await store.append(
        chain.append(
          held,
          Array.from({ length: 20 }, (_, i) => step(`k${i}`)),
        ),
      )
      const found = await store.entriesAt('r', [12, 3, 99, 4, 12, 0, 1])
      assert.deepEqual(seqs(found), [1, 3, 4, 12])
      const all = await store.entries('r')
      assert.deepEqual(
        found,
        all.filter(({ seq }) => [1, 3, 4, 12].includes(seq)),
      )
      assert.deepEqual(await store.entriesAt('r', []), [])
    },
  },
  {
    name: 'a resume of a long loop reads no more than that of a short one',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      await store.append(chain.append(held, [step('before')]))
      for (let i = 1; i <= 300; i++) {
        const drafts = [step('think', i, `loop/${i}`), turn('loop', i, i % 10 === 1)]
        await store.append(chain.append(held, drafts))
      }
      await store.append(chain.append(held, [step('think', 0, 'loop/301')]))
      const open301 = await store.openEntries('r')
      const turns = Array.from({ length: 10 }, (_, i) => 2 + 2 * (291 + i))
      assert.deepEqual(seqs(open301), [1, 2, ...turns, 603])
      const all = await store.entries('r')
      assert.ok(open301.every(({ previous, seq }) => previous === (all[seq - 2]?.hash ?? '')))
    },
  },
  {
    name: 'all runs are followed in the order of their commits',
    async run({ open }) {
      const store = await open()
      await session(store, 's')
      const chains = [await start(store, 'a'), await start(store, 'b')]
      await claim(store, 's')
      const expected: string[] = ['a1', 'b1']
      for (let i = 0; i < 20; i++) {
        const chain = chains[i % 3 === 0 ? 0 : 1]
        assert.ok(chain)
        await store.append(chain.append({ session: 's', epoch: 1 }, [step(`k${i}`), step(`l${i}`)]))
        expected.push(`${chain.run}${chain.head.seq - 1}`, `${chain.run}${chain.head.seq}`)
      }
      const all = await store.follow(0, 1000)
      assert.deepEqual(
        all.map(({ run, seq }) => `${run}${seq}`),
        expected,
      )
      assert.ok(all.every(({ position }, i) => position > (all[i - 1]?.position ?? 0)))
      const { entries } = chains[0] ?? { entries: [] }
      const ofA = all.filter(({ run }) => run === 'a')
      assert.deepEqual(
        ofA.map(({ position: _position, ...entry }) => entry),
        entries.map((entry, i) => ({ ...entry, previous: entries[i - 1]?.hash ?? '' })),
      )
      const half = all[20]?.position ?? 0
      assert.deepEqual(await store.follow(half, 7), all.slice(21, 28))
      assert.deepEqual(await store.follow(all.at(-1)?.position ?? 0, 7), [])
      assert.deepEqual(await store.follow(0, 0), [])
    },
  },
  {
    name: 'whoever follows while others write misses nothing',
    async run({ open }) {
      const [reader, writer] = [await open(), await open()]
      await session(writer, 's')
      const chains = await Promise.all(Array.from({ length: 8 }, (_, i) => start(writer, `r${i}`)))
      await claim(writer, 's')
      const writing = Promise.all(
        chains.map(async (chain) => {
          for (let i = 0; i < 25; i++) {
            await writer.append(chain.append({ session: 's', epoch: 1 }, [step(`k${i}`)]))
          }
        }),
      ).then(() => true)
      const seen: string[] = []
      let position = 0
      for (let isOver = false; !isOver;) {
        isOver = await Promise.race([writing, reader.run('r0').then(() => false)])
        for (const entry of await reader.follow(position, 50)) {
          seen.push(`${entry.run}/${entry.seq}`)
          position = entry.position
        }
      }
      for (const entry of await reader.follow(position, 1000))
        seen.push(`${entry.run}/${entry.seq}`)
      assert.equal(seen.length, 8 * 26)
      assert.equal(new Set(seen).size, seen.length)
    },
  },
  {
    name: 'artifacts are kept by their hash, once',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const bytes = new Uint8Array(100_000).map((_, i) => i % 251)
      const put = (hash: string): { hash: string; bytes: Uint8Array } => ({
        hash,
        bytes: bytes.slice(),
      })
      await store.append(chain.append(held, [step('a')], { artifacts: [put('x'), put('x')] }))
      await store.append(chain.append(held, [step('b')], { artifacts: [put('x'), put('y')] }))
      await start(store, 'born', { artifacts: [put('z')] })
      for (const hash of ['x', 'y', 'z']) {
        const found = await store.artifact(hash)
        assert.ok(found instanceof Uint8Array)
        assert.deepEqual(Buffer.from(found), Buffer.from(bytes))
        found.fill(0)
      }
      assert.deepEqual(Buffer.from((await store.artifact('x')) ?? []), Buffer.from(bytes))
      assert.equal(await store.artifact('none'), undefined)
    },
  },
  {
    name: 'an empty artifact is not a missing one',
    async run({ open }) {
      const store = await open()
      await start(store, 'r', { artifacts: [{ hash: 'empty', bytes: new Uint8Array() }] })
      assert.equal((await store.artifact('empty'))?.length, 0)
    },
  },
  {
    name: 'a read after an acknowledgement shows it, whichever it is',
    async run({ open }) {
      const store = await open()
      await session(store, 's')
      await Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          const chain = await start(store, `r${i}`, { wake: never })
          assert.ok(await store.run(`r${i}`))
          await send(store, message(`r${i}`))
          assert.equal((await store.messages(`r${i}`, ['go'])).length, 1)
          const { runs } = await claim(store, 's', 1)
          const mine = runs.find(({ id }) => id === chain.run)
          if (!mine) return
          await store.append(chain.append({ session: 's', epoch: mine.epoch }, [question('q')]))
          assert.equal((await store.questions({ run: chain.run })).length, 1)
        }),
      )
    },
  },
  {
    name: 'a listener hears of commits, until it stops',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      await heard(store, () => store.append(chain.append(held, [step('a')])))
      await heard(store, () => store.deliver(message('r')))
      await heard(store, () => start(store, 'other', { wake: never }))
      await heard(store, () => store.closeSession('s'))
      let calls = 0
      const stop = store.subscribe(() => (calls += 1))
      const stopTwin = store.subscribe(() => undefined)
      stop()
      stop()
      await start(store, 'third', { wake: never })
      stopTwin()
      assert.equal(calls, 0)
    },
  },
  {
    name: 'a listener hears of what another store on the ledger commits',
    async run({ open }) {
      const [one, two] = [await open(), await open()]
      await start(two, 'r', { wake: never })
      await heard(one, () => two.deliver(message('r')))
    },
  },
  {
    name: 'two stores on one ledger see one truth',
    async run({ open }) {
      const [one, two] = [await open(), await open()]
      const { chain, held } = await heldRun(one)
      await two.append(chain.append(held, [step('a')]))
      assert.equal((await one.run('r'))?.seq, 2)
      await session(two, 't')
      await start(two, 'second')
      assert.deepEqual((await hold(one, 's', 'second')).session, 's')
      assert.deepEqual((await claim(two, 't')).runs, [])
    },
  },
  {
    name: 'a closed store finishes what it began and takes nothing more',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const appends = Array.from({ length: 20 }, (_, i) => chain.append(held, [step(`k${i}`)]))
      const results = appends.map((append) => store.append(append))
      await store.close()
      await store.close()
      for (const result of await Promise.all(results)) assert.equal(result.is, 'committed')
      const refused = { code: 'STORE_CLOSED' }
      await assert.rejects(store.append(chain.append(held, [step('late')])), refused)
      await assert.rejects(store.run('r'), refused)
      await assert.rejects(store.claim({ session: 's', flows: [], limit: 1 }), refused)
      await assert.rejects(start(store, 'x'), refused)
      assert.throws(() => store.subscribe(() => undefined), refused)
    },
  },
]
