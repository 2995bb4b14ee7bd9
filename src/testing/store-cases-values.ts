/** Conformance: what appended entries keep, and how they are counted. */
import { strict as assert } from 'node:assert'
import { decode } from '../ledger/index.ts'
import { runDrafts, step, testFlow } from './chain-builder.ts'
import { claim, heldRun, hold, leaseMs, row, session, start, type StoreCase } from './store-bed.ts'
import { oddTexts } from './store-cases-runs.ts'

export const valueCases: readonly StoreCase[] = [
  {
    name: 'values come back as they were encoded',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const values = [...oddTexts, JSON.parse('{"__proto__":{"a":1}}'), 'y'.repeat(1_000_000)]
      await store.append(
        chain.append(
          held,
          values.map((value, i) => step(`k${i}`, value)),
        ),
      )
      const found = (await store.entries('r')).slice(1)
      found.forEach(({ payload }, i) => {
        assert.deepEqual(decode(payload ?? ''), { value: values[i] })
        assert.equal(payload, chain.entries[i + 1]?.payload)
      })
    },
  },
  {
    name: 'an erased entry comes back erased',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const append = chain.append(held, [step('a')])
      const entries = append.entries.map((entry) => ({ ...entry, salt: null, payload: null }))
      await store.append({ ...append, entries })
      const [, erased] = await store.entries('r')
      assert.deepEqual([erased?.salt, erased?.payload], [null, null])
    },
  },
  {
    name: 'entries follow their numbers, not their digits',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      for (let i = 0; i < 10; i++) {
        const drafts = Array.from({ length: 1000 }, (_, k) => step(`k${i}-${k}`))
        assert.equal((await store.append(chain.append(held, drafts))).is, 'committed')
      }
      const seqs = (await store.entries('r')).map(({ seq }) => seq)
      assert.deepEqual(
        seqs,
        Array.from({ length: 10_001 }, (_, i) => i + 1),
      )
      const some = await store.entries('r', { after: 98, limit: 4 })
      assert.deepEqual(
        some.map(({ seq }) => seq),
        [99, 100, 101, 102],
      )
      assert.ok((await store.openEntries('r')).every(({ seq }, i) => seq === i + 1))
      assert.equal((await store.follow(0, 20_000)).length, 10_001)
    },
  },
  {
    name: 'losses without progress are counted until the next entry',
    async run({ open, clock }) {
      const store = await open()
      const chain = await start(store, 'r')
      for (let i = 1; i <= 3; i++) {
        await session(store, `s${i}`)
        await hold(store, `s${i}`, 'r')
        clock.advance(leaseMs)
      }
      await session(store, 'last')
      const held = await hold(store, 'last', 'r')
      assert.equal((await row(store, 'r')).barren, 3)
      await store.append(chain.append(held, []))
      assert.equal((await row(store, 'r')).barren, 3)
      await store.append(chain.append(held, [step('a')]))
      const { barren, overtakes, crashes } = await row(store, 'r')
      assert.deepEqual({ barren, overtakes, crashes }, { barren: 0, overtakes: 3, crashes: 0 })
    },
  },
  {
    name: 'an ended run keeps what it was, and is never due',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const release = { wake: undefined, seen: 0 }
      await store.append(chain.append(held, [runDrafts.completed], { release }))
      const { status, flow, wake } = await row(store, 'r')
      assert.deepEqual(
        { status, flow, wake },
        { status: 'completed', flow: testFlow.name, wake: undefined },
      )
      assert.deepEqual(await claim(store, 's'), { runs: [], nextDue: undefined })
    },
  },
]
