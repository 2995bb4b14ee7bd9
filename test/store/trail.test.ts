/**
 * What a resume reads are the entries of open scopes, however they lie among those of others, and whoever
 * wrote them. And what is written so that they are found: next to nothing where they lie as in most loops.
 */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type AnyDraft, emptyState, fold } from '../../src/ledger/index.ts'
import type { Store } from '../../src/store/store.ts'
import { Connection } from '../../src/store/sqlite/driver.ts'
import { closed, runDrafts, step, turn } from '../../src/testing/chain-builder.ts'
import { heldRun, hold, session, start } from '../../src/testing/store-bed.ts'
import { newLocation, openStore } from './ledger-folder.ts'

const scopes = ['', 'a', 'b', 'a/1', 'a/2', 'a/2/x']

const behinds = [
  'none',
  'none',
  'none',
  'turn',
  'whole turn',
  'close a',
  'close b',
  'reopen',
  'reopen from before',
]

/** So many entries of a scope, by one of two writers, and perhaps something behind them. */
const stretch = fc.record({
  scope: fc.constantFrom(...scopes),
  count: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 10 }) }, fc.constant(60)),
  writer: fc.constantFrom(0, 0, 0, 1),
  behind: fc.constantFrom(...behinds),
})

/** Open scopes beside them: so many that a writer remembers the rows of all, or just not, or of none. */
const crowd = fc
  .constantFrom(0, 12, 15, 40)
  .map((count) => Array.from({ length: count }, (_, i) => `o${i}`))

function draftsBehind(
  behind: string,
  turns: number,
  failed: readonly { readonly path: string; readonly from: number }[],
): AnyDraft[] {
  if (behind === 'close a' || behind === 'close b') return [closed(behind.slice(-1))]
  if (behind === 'turn' || behind === 'whole turn') return [turn('a', turns, behind !== 'turn')]
  if (behind === 'reopen') return [runDrafts.failed(), runDrafts.retried(failed)]
  if (behind === 'reopen from before') {
    return [runDrafts.failed(), runDrafts.retried(failed.map(({ path }) => ({ path, from: 1 })))]
  }
  return []
}

/** What a resume needs, by what the entries add up to. */
async function found(store: Store): Promise<readonly [found: unknown, wanted: unknown]> {
  const entries = await store.entries('r')
  const { scopes: open } = fold(emptyState, entries)
  const openScopes = Array.from(open, ([path, from]) => ({ path, from }))
  const wanted = [
    openScopes.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    entries.filter(({ scope, seq }) => scope === '' || seq >= (open.get(scope) ?? Infinity)),
  ]
  return [[await store.openScopes('r'), await store.openEntries('r')], wanted]
}

test('however entries lie, a resume finds all of its own', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(stretch, { minLength: 1, maxLength: 25 }),
      crowd,
      async (stretches, others) => {
        const location = newLocation()
        const stores = [await openStore(location), await openStore(location)] as const
        const { chain, held } = await heldRun(stores[0])
        await stores[0].append(
          chain.append(held, [step('first'), ...others.map((scope) => step('o', 1, scope))]),
        )
        let turns = 0
        for (const [i, { scope, count, writer, behind }] of stretches.entries()) {
          const open = await stores[0].openScopes('r')
          const drafts = Array.from({ length: count }, (_, k) => step(`${i}-${k}`, k, scope))
          await stores[writer].append(
            chain.append(held, [...drafts, ...draftsBehind(behind, ++turns, open)]),
          )
          const [read, wanted] = await found(stores[0])
          expect(read).toEqual(wanted)
        }
        await Promise.all(stores.map((store) => store.close()))
      },
    ),
    { numRuns: 60 },
  )
})

test('turns of a loop are found, however far apart, and wherever a page of what is read ends', async () => {
  const store = await openStore(newLocation())
  await session(store, 's')
  for (let length = 20; length <= 60; length++) {
    for (let apart = 6; apart <= 10; apart++) {
      const chain = await start(store, `r-${length}-${apart}`)
      const held = await hold(store, 's', chain.run)
      for (const [i, count] of [length, apart, apart, 30].entries()) {
        const steps = Array.from({ length: count }, (_, k) => step(`s${k}`, k, `l/${i}`))
        await store.append(chain.append(held, [...steps, turn('l', i, i === 0)]))
      }
      const read = await store.openEntries(chain.run)
      expect(read.map(({ key }) => key)).toEqual(['', '0', '1', '2', '3'])
    }
  }
  await store.close()
})

test('a retry may open scopes from before their first entry, or before the turn that they have moved to', async () => {
  const store = await openStore(newLocation())
  const { chain, held } = await heldRun(store)
  const many = (scope: string, count: number): AnyDraft[] =>
    Array.from({ length: count }, (_, k) => step(`s${k}`, k, scope))
  await store.append(chain.append(held, [...many('l/1', 3), turn('l', 1, true)]))
  const { seq: from } = chain.head
  const steps = [...many('l/2', 100), step('c', 0, 'all/1'), ...many('all/1/x', 100)]
  await store.append(chain.append(held, [...steps, turn('l', 2, true), ...many('l/3', 3)]))
  const ends = [turn('l', 3, false), step('paid', 1, 'all/2'), closed('x', 'all/1'), closed('all')]
  const reopened = ['all', 'all/1', 'all/2'].map((path) => ({ path, from: 1 }))
  const retried = runDrafts.retried([...reopened, { path: 'l', from }])
  await store.append(chain.append(held, [...ends, closed('l'), runDrafts.failed(), retried]))
  const [read, wanted] = await found(store)
  expect(read).toEqual(wanted)
  expect((await store.openEntries('r')).map(({ key }) => key)).toEqual([
    '',
    '1',
    'c',
    '2',
    '3',
    'paid',
    'x',
    'all',
    'l',
    '',
    '',
  ])
  await store.close()
})

test('a scope with many entries has a row, though they all follow one another', async () => {
  const location = newLocation()
  const store = await openStore(location)
  const { chain, held } = await heldRun(store)
  const rows = (): readonly unknown[] => file.all('SELECT path, start FROM scopes')
  await store.append(chain.append(held, [step('first')]))
  const file = new Connection(location, { access: 'read', busyMs: 1000 })
  for (let i = 0; i < 64; i++) await store.append(chain.append(held, [step(`s${i}`, i, 'a')]))
  expect(rows()).toEqual([])
  await store.append(chain.append(held, [step('s64', 64, 'a')]))
  expect(rows()).toEqual([['a', 3]])
  file.close()
  await store.close()
})

test('a loop whose turns have few entries needs no row for each', async () => {
  const location = newLocation()
  const store = await openStore(location)
  const { chain, held } = await heldRun(store)
  for (let i = 1; i <= 50; i++) {
    const steps = Array.from({ length: 7 }, (_, k) => step(`s${k}`, k, `l/${i}`))
    await store.append(chain.append(held, [...steps, turn('l', i, i === 1)]))
  }
  expect((await store.openEntries('r')).map(({ kind }) => kind).slice(1)).toEqual(
    Array.from({ length: 50 }, () => 'turn.committed'),
  )
  await store.close()
  const file = new Connection(location, { access: 'read', busyMs: 1000 })
  expect(file.value<number>('SELECT count(*) FROM everloop_stretches')).toBe(0)
  expect(file.all('SELECT path FROM scopes')).toEqual([['l']])
  file.close()
})
