/**
 * Conformance: rows of users and the entries that tell of them are there together or not at all (S2, S3).
 * For stores that have `transact`.
 */
import { strict as assert } from 'node:assert'
import type { AppendResult, Store, Transaction } from '../store/store.ts'
import { type ChainBuilder, type Hold, step } from './chain-builder.ts'
import { heldRun, row, type StoreBed, type StoreCase } from './store-bed.ts'

type Transact = NonNullable<Store['transact']>

/** The store, when it can do this at all. */
async function able({ open }: StoreBed): Promise<(Store & { transact: Transact }) | undefined> {
  const store = await open()
  return store.transact ? (store as Store & { transact: Transact }) : undefined
}

/** Commits a step with a row of the user's. */
const insert = (
  store: { transact: Transact },
  { chain, held }: { readonly chain: ChainBuilder; readonly held: Hold },
  seat: string,
  then: () => void = () => {},
): ReturnType<Transact> =>
  store.transact({ run: chain.run, ...held, after: chain.head }, (tx) => {
    tx.run('CREATE TABLE IF NOT EXISTS seats (seat TEXT UNIQUE)')
    tx.run('INSERT INTO seats VALUES (?)', seat)
    then()
    return { entries: chain.append(held, [step(seat)]).entries }
  })

/** What the user's table holds, as the next holder sees it. */
async function seats(
  store: { transact: Transact },
  { chain, held }: { readonly chain: ChainBuilder; readonly held: Hold },
): Promise<readonly unknown[]> {
  let found: readonly unknown[] = []
  await store.transact({ run: chain.run, ...held, after: chain.head }, (tx: Transaction) => {
    tx.run('CREATE TABLE IF NOT EXISTS seats (seat TEXT UNIQUE)')
    found = tx.all<{ readonly seat: string }>('SELECT seat FROM seats').map(({ seat }) => seat)
    return { entries: [] }
  })
  return found
}

const call = (): never => assert.fail('The code of a refused transaction was called.')

export const transactionCases: readonly StoreCase[] = [
  {
    name: 'rows of users and entries are committed together',
    async run(bed) {
      const store = await able(bed)
      if (!store) return
      const run = await heldRun(store)
      assert.deepEqual(await insert(store, run, '1'), { is: 'committed', newest: 0 })
      assert.deepEqual(await insert(store, run, '2'), { is: 'committed', newest: 0 })
      assert.deepEqual(await seats(store, run), ['1', '2'])
      assert.equal((await row(store, 'r')).seq, 3)
      assert.equal((await store.entries('r')).at(-1)?.hash, run.chain.head.hash)
    },
  },
  {
    name: 'what the code throws is thrown, and nothing of it stays',
    async run(bed) {
      const store = await able(bed)
      if (!store) return
      const run = await heldRun(store)
      const error = new RangeError('No.')
      const fork = { ...run, chain: run.chain.fork() }
      const failing = insert(store, fork, '1', () => {
        throw error
      })
      await assert.rejects(failing, (thrown) => thrown === error)
      assert.deepEqual(await seats(store, run), [])
      assert.equal((await row(store, 'r')).seq, 1)
      assert.deepEqual(await insert(store, run, '1'), { is: 'committed', newest: 0 })
      const doubled = insert(store, { ...run, chain: run.chain.fork() }, '1')
      await assert.rejects(doubled, /UNIQUE/)
      assert.equal((await row(store, 'r')).seq, 2)
    },
  },
  {
    name: 'a transaction that is refused calls no code',
    async run(bed) {
      const store = await able(bed)
      if (!store) return
      const run = await heldRun(store)
      const before = run.chain.fork()
      await insert(store, run, '1')
      const place = { run: 'r', ...run.held, after: run.chain.head }
      assert.deepEqual(await store.transact({ ...place, epoch: 0 }, call), { is: 'fenced' })
      assert.deepEqual(await store.transact({ ...place, session: 'other' }, call), { is: 'fenced' })
      assert.deepEqual(await store.transact({ ...place, run: 'nobody' }, call), { is: 'fenced' })
      const { seq, hash } = run.chain.head
      const displaced = await store.transact({ ...place, after: before.head }, call)
      assert.deepEqual(displaced, { is: 'displaced', seq, hash })
    },
  },
  {
    name: 'transactions of several runs, and appends between them, all take effect once',
    async run(bed) {
      const store = await able(bed)
      if (!store) return
      const runs = []
      for (let i = 0; i < 5; i++) runs.push(await heldRun(store, `r${i}`, `s${i}`))
      await Promise.all(
        runs.map(async ({ chain, held }, i) => {
          for (let n = 0; n < 10; n++) {
            const run = { chain, held }
            const result: AppendResult = await (n % 2 === 0
              ? insert(store, run, `${i} ${n}`)
              : store.append(chain.append(held, [step(`${n}`)])))
            assert.equal(result.is, 'committed')
          }
        }),
      )
      const [first] = runs
      assert.equal(first && (await seats(store, first)).length, 25)
      for (const { chain } of runs) assert.equal((await row(store, chain.run)).seq, 11)
    },
  },
]
