/** Conformance: imports are one transaction, and what they bring is as if it had been appended (S11). */
import { strict as assert } from 'node:assert'
import { type AnyDraft, emptyState, fold } from '../ledger/index.ts'
import type { Change, ImportedRun, ImportPart, ImportResult, Store } from '../store/store.ts'
import { ChainBuilder, question, runDrafts, step, testFlow, turn } from './chain-builder.ts'
import {
  claim,
  heldRun,
  hold,
  ids,
  message,
  row,
  session,
  start,
  type StoreCase,
} from './store-bed.ts'

const run = (id: string, rest: Partial<ImportedRun> = {}): ImportPart => ({
  is: 'run',
  id,
  flow: testFlow.name,
  version: testFlow.version,
  queue: 'default',
  labels: {},
  parent: undefined,
  ...rest,
})

/** A run that has ended, and its entries. */
function ended(id: string, drafts: readonly AnyDraft[], epochs = 1): ChainBuilder {
  const chain = new ChainBuilder(id)
  chain.start()
  for (const draft of drafts) chain.seal(draft, 1)
  for (let epoch = 1; epoch < epochs; epoch++) chain.seal(step(`epoch ${epoch}`), epoch)
  chain.seal(runDrafts.failed('STEP_FAILED'), epochs)
  return chain
}

const partsOf = (chain: ChainBuilder, rest: Partial<ImportedRun> = {}): ImportPart[] => [
  run(chain.run, rest),
  ...chain.entries.map((entry): ImportPart => ({ is: 'entry', entry })),
]

const artifact = (hash: string, text: string): ImportPart => ({
  is: 'artifact',
  artifact: { hash, bytes: new TextEncoder().encode(text) },
})

/** Gives the parts one by one, then does what is to be done before the end. */
async function* coming(
  parts: readonly ImportPart[],
  atEnd: () => Promise<void> = () => Promise.resolve(),
): AsyncGenerator<ImportPart, void> {
  for (const part of parts) yield await Promise.resolve(part)
  await atEnd()
}

const importing = (store: Store, parts: readonly ImportPart[]): Promise<ImportResult> =>
  store.importRuns(coming(parts))

const drafts: readonly AnyDraft[] = [
  step('a', 1),
  step('b', 2, 'loop/1'),
  turn('loop', 1, true),
  question('q', 'Well?', 'loop/2'),
  {
    scope: '',
    kind: 'step.completed',
    key: 'costly',
    record: { charge: { to: ['r', 'above'], amounts: { tokens: 7 } }, value: null },
  },
  { scope: '', kind: 'note.titled', key: 'title', record: { title: 'T\u00e9' } },
]

const nothing = async (store: Store): Promise<void> => {
  assert.equal(await store.run('r'), undefined)
  assert.deepEqual(await store.runs({}), [])
  assert.deepEqual(await store.follow(0, 10), [])
  assert.deepEqual(await store.account('above'), {})
  assert.equal(await store.artifact('x'), undefined)
}

export const importCases: readonly StoreCase[] = [
  {
    name: 'an imported run is what its entries add up to, and nobody is to execute it',
    async run({ open }) {
      const store = await open()
      const chain = ended('r', drafts, 3)
      const labels = { team: 'billing', ['__proto__']: 'x' }
      const parts = partsOf(chain, { queue: 'slow', labels, parent: 'p' })
      const result = await importing(store, [...parts, artifact('x', 'bytes')])
      assert.deepEqual(result, { is: 'imported', runs: [{ id: 'r', created: true }] })
      const last = chain.entries.at(-1)
      assert.deepEqual(await store.run('r'), {
        id: 'r',
        flow: testFlow.name,
        version: testFlow.version,
        queue: 'slow',
        labels,
        parent: 'p',
        status: 'failed',
        code: 'STEP_FAILED',
        title: 'T\u00e9',
        created: chain.entries[0]?.time,
        updated: last?.time,
        seq: last?.seq,
        hash: last?.hash,
        epoch: 3,
        session: undefined,
        wake: undefined,
        crashes: 0,
        overtakes: 0,
        barren: 0,
        newest: 0,
      })
      const linked = chain.entries.map((entry, i) => ({
        ...entry,
        previous: chain.entries[i - 1]?.hash ?? '',
      }))
      assert.deepEqual(await store.entries('r'), linked)
      const { scopes } = fold(emptyState, chain.entries)
      const open1 = await store.openScopes('r')
      assert.deepEqual(new Map(open1.map(({ path, from }) => [path, from])), new Map(scopes))
      const needed = linked.filter(
        ({ scope, seq }) => scope === '' || seq >= (scopes.get(scope) ?? Infinity),
      )
      assert.deepEqual(await store.openEntries('r'), needed)
      assert.deepEqual(await store.questions({}), [])
      assert.deepEqual(await store.account('above'), { tokens: 7 })
      assert.deepEqual(await store.account('r'), { tokens: 7 })
      assert.equal(new TextDecoder().decode(await store.artifact('x')), 'bytes')
      assert.deepEqual(ids(await store.runs({ labels: { team: 'billing' } })), ['r'])
      assert.equal((await store.queues())[0]?.name, 'slow')
      await session(store, 's')
      assert.deepEqual((await claim(store, 's')).runs, [])
    },
  },
  {
    name: 'nothing of an import is seen before all parts have come, then all of it by everybody',
    async run({ open }) {
      const [store, other] = [await open(), await open()]
      const parts = [
        ...partsOf(ended('r', drafts)),
        artifact('x', 'x'),
        ...partsOf(ended('r2', [])),
      ]
      const result = await store.importRuns(
        coming(parts, async () => {
          await nothing(store)
          await nothing(other)
        }),
      )
      assert.equal(result.is, 'imported')
      for (const each of [store, other]) {
        assert.deepEqual(ids(await each.runs({})), ['r2', 'r'])
        assert.deepEqual(
          (await each.follow(0, 100)).map((entry) => `${entry.run}${entry.seq}`),
          [1, 2, 3, 4, 5, 6, 7, 8].map((seq) => `r${seq}`).concat(['r21', 'r22']),
        )
      }
    },
  },
  {
    name: 'what the parts throw is thrown, and nothing was written',
    async run({ open }) {
      const store = await open()
      const parts = [...partsOf(ended('r', drafts)), artifact('x', 'x')]
      const thrown = new Error('The stream has ended.')
      const failing = store.importRuns(coming(parts, () => Promise.reject(thrown)))
      await assert.rejects(failing, (error) => error === thrown)
      await nothing(store)
      const one = partsOf(ended('r', drafts))
      await assert.rejects(importing(store, [...one, run('r2')]), { code: 'INTERNAL' })
      await assert.rejects(importing(store, one.toSpliced(3, 1)), { code: 'INTERNAL' })
      await assert.rejects(importing(store, one.slice(1)), { code: 'INTERNAL' })
      await assert.rejects(importing(store, [...one, ...one]), { code: 'INTERNAL' })
      await assert.rejects(importing(store, partsOf(ended('a b', []))), { code: 'BAD_NAME' })
      await nothing(store)
      assert.deepEqual(await importing(store, []), { is: 'imported', runs: [] })
    },
  },
  {
    name: 'a run that is here is left as it is, also when it has gone on since',
    async run({ open }) {
      const store = await open()
      const parts = partsOf(ended('r', drafts))
      await importing(store, parts)
      const before = await row(store, 'r')
      const here = { is: 'imported', runs: [{ id: 'r', created: false }] }
      assert.deepEqual(await importing(store, parts), here)
      assert.deepEqual(await importing(store, parts.slice(0, 4)), here)
      assert.deepEqual(await row(store, 'r'), before)
      assert.deepEqual(await store.account('above'), { tokens: 7 })
      assert.equal((await store.follow(0, 100)).length, 8)
    },
  },
  {
    name: 'another run of the same id keeps all of an import out',
    async run({ open }) {
      const store = await open()
      const { chain } = await heldRun(store, 'r')
      const other = [
        ...partsOf(ended('r2', drafts)),
        artifact('x', 'x'),
        ...partsOf(ended('r', [])),
      ]
      const exists = { is: 'exists', run: await row(store, 'r') }
      assert.deepEqual(await importing(store, other), exists)
      // The same run, further on.
      const further = chain.fork()
      further.seal(runDrafts.completed, 1)
      assert.deepEqual(await importing(store, partsOf(further)), exists)
      assert.deepEqual(ids(await store.runs({})), ['r'])
      assert.equal((await store.follow(0, 100)).length, 1)
      assert.deepEqual(await store.account('above'), {})
      assert.equal(await store.artifact('x'), undefined)
    },
  },
  {
    name: 'what charges a run that goes on here is kept out, even if that run began while the parts came',
    async run({ open }) {
      const [store, other] = [await open(), await open()]
      const one = partsOf(ended('r', drafts))
      const parts = [...partsOf(ended('r2', [])), artifact('x', 'x'), ...one]
      const above = Promise.withResolvers<ChainBuilder>()
      const begin = async (): Promise<void> => above.resolve(await start(other, 'above'))
      const result = await store.importRuns(coming(parts, begin))
      assert.deepEqual(result, { is: 'charges', run: 'r', account: 'above' })
      assert.deepEqual(ids(await store.runs({})), ['above'])
      assert.deepEqual(await store.account('above'), {})
      assert.equal(await store.artifact('x'), undefined)
      await session(store, 's')
      const held = await hold(store, 's', 'above')
      const chain = await above.promise
      await store.append(chain.append(held, [runDrafts.completed]))
      assert.equal((await importing(store, parts)).is, 'imported')
      assert.deepEqual(await store.account('above'), { tokens: 7 })
    },
  },
  {
    name: 'a run that is here charges nothing once more, whoever goes on',
    async run({ open }) {
      const store = await open()
      const parts = partsOf(ended('r', drafts))
      await importing(store, parts)
      await start(store, 'above')
      const here = { is: 'imported', runs: [{ id: 'r', created: false }] }
      assert.deepEqual(await importing(store, parts), here)
      assert.deepEqual(await store.account('above'), { tokens: 7 })
    },
  },
  {
    name: 'of two imports of one run at once, one creates it',
    async run({ open }) {
      const stores = [await open(), await open()]
      const parts = partsOf(ended('r', drafts))
      const results = await Promise.all(stores.map((store) => importing(store, parts)))
      const created = results.map((result) => result.is === 'imported' && result.runs[0]?.created)
      assert.equal(created.filter(Boolean).length, 1)
      assert.equal((await stores[0]?.follow(0, 100))?.length, 8)
      assert.deepEqual(await stores[0]?.account('above'), { tokens: 7 })
    },
  },
  {
    name: 'an imported run that failed takes a retry, and goes on behind its last entry',
    async run({ open }) {
      const store = await open()
      const chain = ended('r', drafts, 2)
      await importing(store, partsOf(chain))
      assert.equal((await store.deliver(message('r', 'signal'))).is, 'refused')
      assert.equal((await store.deliver(message('r', 'retry'))).is, 'delivered')
      await session(store, 's')
      const { runs } = await claim(store, 's')
      assert.deepEqual(
        runs.map(({ id, epoch }) => ({ id, epoch })),
        [{ id: 'r', epoch: 3 }],
      )
      const held = { session: 's', epoch: 3 }
      const retried = chain.append(held, [runDrafts.retried([]), step('c', 3, 'loop/2')])
      assert.equal((await store.append(retried)).is, 'committed')
      assert.equal((await row(store, 'r')).status, 'active')
      assert.deepEqual((await store.openEntries('r')).at(-1)?.scope, 'loop/2')
    },
  },
  {
    name: 'whoever listens hears of an import',
    async run({ open }) {
      const store = await open()
      const parts = partsOf(ended('r', drafts))
      const heard: Change[] = []
      const { promise, resolve } = Promise.withResolvers<void>()
      const stop = store.subscribe((change) => {
        heard.push(change)
        resolve()
      })
      await importing(store, parts)
      await promise
      stop()
      assert.ok(heard.length > 0)
    },
  },
]
