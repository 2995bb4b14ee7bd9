/** Conformance: accounts equal what the entries of all runs charge (S7). */
import { strict as assert } from 'node:assert'
import { type AnyDraft, type Charge, chargesOf } from '../ledger/index.ts'
import type { Store } from '../store/store.ts'
import { question } from './chain-builder.ts'
import { heldRun, hold, send, message, session, start, type StoreCase } from './store-bed.ts'

/** A step that cost something. */
const costly = (key: string, charge: Charge, value: unknown = null): AnyDraft => ({
  scope: '',
  kind: 'step.completed',
  key,
  record: { charge, value },
})

/** Compares the accounts with the fold over all entries of the store. */
async function checkAccounts(store: Store, runs: readonly string[]): Promise<void> {
  const accounts = chargesOf(await store.follow(0, 10_000))
  for (const run of runs) assert.deepEqual(await store.account(run), accounts.get(run) ?? {}, run)
}

export const accountCases: readonly StoreCase[] = [
  {
    name: 'what entries charge stands on the accounts that they name',
    async run({ open }) {
      const store = await open()
      assert.deepEqual(await store.account('r'), {})
      const { chain, held } = await heldRun(store)
      const append = (draft: AnyDraft): Promise<unknown> =>
        store.append(chain.append(held, [draft]))
      await append(costly('a', { to: ['r', 'parent'], amounts: { tokens: 100, microUsd: 7 } }))
      assert.deepEqual(await store.account('r'), { tokens: 100, microUsd: 7 })
      assert.deepEqual(await store.account('parent'), { tokens: 100, microUsd: 7 })
      const error = { name: 'Error', message: 'No.' }
      await append({
        scope: 'a',
        kind: 'step.failed',
        key: 'b',
        record: { charge: { to: ['r', 'r'], amounts: { tokens: 5 } }, error, attempts: 1 },
      })
      await append({
        scope: '',
        kind: 'context.compacted',
        key: 'c',
        record: { charge: { to: ['r'], amounts: { calls: 1, tokens: 0.5 } }, value: 'short' },
      })
      assert.deepEqual(await store.account('r'), { tokens: 105.5, microUsd: 7, calls: 1 })
      await append({
        scope: '',
        kind: 'note.written',
        key: 'note',
        record: { text: '{"charge":{"to":["r"],"amounts":{"tokens":1}}' },
      })
      await append(question('q', 'Really?'))
      await checkAccounts(store, ['r', 'parent', 'nobody'])
    },
  },
  {
    name: 'several runs charge one account, and another process sees the same',
    async run({ open }) {
      const [store, other] = [await open(), await open()]
      await session(store, 's')
      const ids = ['root', 'root.a', 'root.b']
      for (const id of ids) {
        const chain = await start(store, id)
        const held = await hold(store, 's', id)
        const to = id === 'root' ? ['root'] : [id, 'root']
        const drafts = [1, 2, 3].map((n) => costly(`${n}`, { to, amounts: { tokens: n, [id]: 1 } }))
        await store.append(chain.append(held, drafts))
      }
      assert.deepEqual(await store.account('root'), {
        tokens: 18,
        root: 3,
        'root.a': 3,
        'root.b': 3,
      })
      await checkAccounts(store, ids)
      await checkAccounts(other, ids)
    },
  },
  {
    name: 'an append that is refused, or fails, charges nothing',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const charge = { to: ['r'], amounts: { tokens: 9 } }
      const fenced = chain.fork().append({ ...held, epoch: 0 }, [costly('a', charge)])
      assert.equal((await store.append(fenced)).is, 'fenced')
      const number = await send(store, message('r'))
      const taking = chain.fork().append(held, [costly('a', charge)], { taken: [number + 1] })
      await assert.rejects(store.append(taking), { code: 'INTERNAL' })
      assert.deepEqual(await store.account('r'), {})
    },
  },
  {
    name: 'a sum of amounts stays a finite number, of whatever account',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const to = ['r', 'parent']
      const much = { to, amounts: { tokens: 1.5e308 } }
      await store.append(chain.append(held, [costly('a', much), costly('b', much)]))
      for (const run of to) assert.deepEqual(await store.account(run), { tokens: Number.MAX_VALUE })
      const back = { to, amounts: { tokens: -1.5e308 } }
      await store.append(chain.append(held, [costly('c', back)]))
      for (const run of to)
        assert.equal((await store.account(run))['tokens'], Number.MAX_VALUE - 1.5e308)
      await checkAccounts(store, ['r', 'parent'])
    },
  },
  {
    name: 'names of amounts and texts in a charge may be any',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const names = ['', '__proto__', 'a"b', 'a\\', '}', '{', '\ud800', '\u0001', 'é', '$', '$$']
      const amounts = Object.fromEntries(names.map((name, i) => [name, i + 0.25]))
      await store.append(chain.append(held, [costly('a', { to: ['r', '}"{'], amounts })]))
      assert.deepEqual(await store.account('r'), amounts)
      await checkAccounts(store, ['r', '}"{'])
    },
  },
]
