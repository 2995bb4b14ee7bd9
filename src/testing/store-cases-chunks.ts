/** Conformance: text of operations under way is shown under the fence and gone with the outcome (S10). */
import { strict as assert } from 'node:assert'
import type { AnyDraft } from '../ledger/index.ts'
import type { Chunk, NewChunk, Store } from '../store/store.ts'
import { closed, type Hold, runDrafts, step, turn } from './chain-builder.ts'
import { claim, heldRun, hold, leaseMs, session, start, type StoreCase } from './store-bed.ts'

const chunk = (path: string, text: string, part = 1, attempt = 1): NewChunk => ({
  path,
  attempt,
  part,
  text,
})

const publish = (
  store: Store,
  held: Hold,
  chunks: readonly NewChunk[],
  run = 'r',
): Promise<boolean> => store.publish({ run, ...held, chunks })

const all = (store: Store, run = 'r'): Promise<readonly Chunk[]> => store.chunks(run, 0, 1000)

/** What is shown, as "path attempt.part text". */
async function shown(store: Store, run = 'r'): Promise<string[]> {
  return (await all(store, run)).map(({ path, attempt, part, text }) =>
    `${path} ${attempt}.${part} ${text}`.trim(),
  )
}

export const chunkCases: readonly StoreCase[] = [
  {
    name: 'chunks come back in order, with the head at which they were published',
    async run({ open }) {
      const [store, other] = [await open(), await open()]
      const { chain, held } = await heldRun(store)
      assert.deepEqual(await all(store), [])
      assert.ok(
        await publish(store, held, [
          chunk('a', 'Once'),
          chunk('b', '\ud800'),
          chunk('a', ' upon', 2),
        ]),
      )
      await store.append(chain.append(held, [step('x')]))
      assert.ok(await publish(store, held, [chunk('a', ' a time', 3)]))
      assert.deepEqual(await shown(other), [
        'a 1.1 Once',
        'b 1.1 \ud800',
        'a 1.2  upon',
        'a 1.3  a time',
      ])
      const chunks = await all(other)
      assert.deepEqual(
        chunks.map(({ seq, epoch }) => [seq, epoch]),
        [1, 1, 1, 2].map((seq) => [seq, held.epoch]),
      )
      const numbers = chunks.map(({ number }) => number)
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
      )
      assert.equal(new Set(numbers).size, 4)
      const [, second = 0, third] = numbers
      assert.deepEqual(
        (await store.chunks('r', second, 1)).map(({ number }) => number),
        [third],
      )
      assert.deepEqual(await all(store, 'nobody'), [])
    },
  },
  {
    name: 'nobody but the holder shows anything',
    async run({ open, clock }) {
      const store = await open()
      const { held } = await heldRun(store)
      assert.equal(
        await publish(store, { ...held, epoch: held.epoch + 1 }, [chunk('a', 'x')]),
        false,
      )
      assert.equal(await publish(store, { ...held, session: 'other' }, [chunk('a', 'x')]), false)
      assert.equal(await publish(store, held, [chunk('a', 'x')], 'nobody'), false)
      assert.deepEqual(await all(store), [])
      clock.advance(leaseMs + 1)
      await session(store, 'heir')
      const [row] = (await claim(store, 'heir')).runs
      const heir = { session: 'heir', epoch: row?.epoch ?? 0 }
      assert.ok(await publish(store, heir, [chunk('a', 'mine')]))
      assert.equal(await publish(store, held, [chunk('a', 'zombie', 2)]), false)
      assert.deepEqual(await shown(store), ['a 1.1 mine'])
    },
  },
  {
    name: 'a chunk that is published again is not doubled',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const chunks = [chunk('a', 'one'), chunk('a', 'two', 2)]
      assert.ok(await publish(store, held, chunks))
      const before = await all(store)
      assert.ok(await publish(store, held, chunks))
      assert.deepEqual(await all(store), before)
      await store.append(chain.append(held, [step('a')]))
      assert.deepEqual(await all(store), [])
    },
  },
  {
    name: 'the text of another attempt takes the place of what was shown before, and says so',
    async run({ open, clock }) {
      const store = await open()
      const { held } = await heldRun(store)
      await publish(store, held, [chunk('a', 'half'), chunk('a/b', 'other'), chunk('a', ' a', 2)])
      await publish(store, held, [chunk('a', 'whole', 1, 2)])
      assert.deepEqual(await shown(store), ['a/b 1.1 other', 'a 2.0', 'a 2.1 whole'])
      // A holder that died leaves an attempt of the same number behind.
      clock.advance(leaseMs + 1)
      await session(store, 'heir')
      const [row] = (await claim(store, 'heir')).runs
      const heir = { session: 'heir', epoch: row?.epoch ?? 0 }
      assert.deepEqual((await shown(store)).length, 3)
      await publish(store, heir, [chunk('a', 'new', 1, 2)])
      await publish(store, heir, [chunk('a', 'er', 2, 2)])
      await publish(store, heir, [chunk('a', 'new', 1, 2)])
      assert.deepEqual(await shown(store), ['a/b 1.1 other', 'a 2.0', 'a 2.1 new', 'a 2.2 er'])
    },
  },
  {
    name: 'chunks go with the outcome of their operation, and with no other entry',
    async run({ open }) {
      const store = await open()
      const { chain, held } = await heldRun(store)
      const append = (...drafts: AnyDraft[]): Promise<unknown> =>
        store.append(chain.append(held, drafts))
      const paths = ['a', 'a b', 'a/0/x', 'a/0/y', 'a/1/x', 'loop/1/x', 'loop/10/x', 'ab']
      await publish(
        store,
        held,
        paths.map((path) => chunk(path, '')),
      )
      const left = async (...expected: string[]): Promise<void> =>
        assert.deepEqual(
          (await all(store)).map(({ path }) => path),
          expected,
        )
      const error = { name: 'Error', message: 'No.' }
      await append({
        scope: '',
        kind: 'step.retrying',
        key: 'a',
        record: { attempt: 1, error, due: 5 },
      })
      await append(step('b'), step('x', null, 'a'))
      await left(...paths)
      await append({ scope: 'a/0', kind: 'step.failed', key: 'y', record: { error, attempts: 1 } })
      await left('a', 'a b', 'a/0/x', 'a/1/x', 'loop/1/x', 'loop/10/x', 'ab')
      await append(turn('loop', 1, true))
      await left('a', 'a b', 'a/0/x', 'a/1/x', 'loop/10/x', 'ab')
      await append(closed('a'))
      await left('a b', 'loop/10/x', 'ab')
      await append(step('ab'))
      await left('a b', 'loop/10/x')
      await append(runDrafts.failed())
      await left()
    },
  },
  {
    name: 'numbers of chunks grow although chunks go, and runs have nothing of each other',
    async run({ open }) {
      const store = await open()
      await session(store, 's')
      const chains = new Map<
        string,
        { readonly held: Hold; readonly append: () => Promise<unknown> }
      >()
      for (const id of ['r1', 'r2']) {
        const chain = await start(store, id)
        const held = await hold(store, 's', id)
        chains.set(id, { held, append: () => store.append(chain.append(held, [step('a')])) })
      }
      let last = 0
      for (const [id, { held, append }] of [...chains, ...chains]) {
        await publish(store, held, [chunk('a', id)], id)
        const [only] = await all(store, id)
        assert.ok(only && only.number > last)
        assert.equal(only.text, id)
        last = only.number
        await append()
        assert.deepEqual(await all(store, id), [])
      }
    },
  },
]
