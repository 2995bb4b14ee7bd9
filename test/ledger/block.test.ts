/** Blocks follow their items through every edit, or are given up. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Block, type Blocks, blocksAfter, listsOf, untouched } from '../../src/ledger/block.ts'
import { applyEdits, diff } from '../../src/ledger/delta.ts'

type Items = readonly unknown[]

/** Lists of numbers that no two share, and of lists, at several places of an object. */
const lists = fc.array(
  fc.oneof({ weight: 9, arbitrary: fc.nat(40) }, { weight: 1, arbitrary: fc.array(fc.nat(3)) }),
  {
    maxLength: 12,
  },
)
const states = fc.oneof(
  lists,
  fc.dictionary(
    fc.constantFrom('a', 'b', '0', 'deep'),
    fc.oneof(lists, fc.nat(3), fc.dictionary(fc.constantFrom('a', 'b', '1'), lists)),
  ),
)

/** Cuts each list into stretches of these lengths, every other one a block. Its name says which items it holds. */
function blocksIn(state: unknown, lengths: readonly number[]): Blocks {
  return Array.from(listsOf(state), ({ path, list }) => {
    const blocks: Block[] = []
    let at = 0
    for (const [i, length] of lengths.entries()) {
      const count = Math.min(length, list.length - at)
      const artifact = JSON.stringify(list.slice(at, at + count))
      if (i % 2 === 0 && count > 0) blocks.push({ start: at, count, artifact, units: 10 })
      at += count
    }
    return { path, stretches: blocks }
  }).filter(({ stretches }) => stretches.length > 0)
}

const partAt = (state: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Readonly<Record<string, unknown>>)[key], state)

test('a block that is left stands for the items that it was made of, in their place', () => {
  let left = 0
  let moved = 0
  fc.assert(
    fc.property(
      states,
      fc.array(states, { minLength: 1, maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 8 }),
      fc.boolean(),
      (before, others, lengths, isSimilar) => {
        let state: unknown = before
        let blocks = blocksIn(before, lengths)
        for (const other of others) {
          const after = isSimilar ? mixed(state, other) : other
          const edits = diff(state, after)
          state = applyEdits(state, edits)
          const next = blocksAfter(blocks, edits)
          for (const { path, stretches: found } of next) {
            const list = partAt(state, path) as Items
            expect(Array.isArray(list)).toBe(true)
            let end = 0
            for (const { start, count, artifact } of found) {
              expect(start).toBeGreaterThanOrEqual(end)
              expect(JSON.stringify(list.slice(start, start + count))).toBe(artifact)
              end = start + count
              left++
            }
          }
          if (JSON.stringify(next) !== JSON.stringify(blocks)) moved++
          blocks = next
        }
      },
    ),
    { numRuns: 3000 },
  )
  expect(Math.min(left, moved)).toBeGreaterThan(500)
})

/** The state with the head of another put in, or taken out, somewhere in each list. */
function mixed(state: unknown, other: unknown): unknown {
  if (Array.isArray(state)) {
    const items = Array.isArray(other) ? (other as Items).slice(0, 2) : []
    const at = items.length === 0 ? 0 : Number(JSON.stringify(items).length) % (state.length + 1)
    return (state as Items).toSpliced(at, items.length % 2, ...items)
  }
  if (typeof state !== 'object' || state === null) return other
  const part = typeof other === 'object' && other !== null ? Object.values(other) : []
  return Object.fromEntries(
    Object.entries(state).map(([key, value], i) => [key, mixed(value, part[i % part.length])]),
  )
}

test('what is untouched is what stood there before, in its order, and nothing else is', () => {
  const marked = fc.nat(10).map((length) => Array.from({ length }, (_, id) => ({ id })))
  let kept = 0
  fc.assert(
    fc.property(
      marked,
      fc.array(fc.record({ at: fc.nat(10), remove: fc.nat(3), bring: fc.nat(2) }), {
        maxLength: 3,
      }),
      (list, changes) => {
        const next = changes.reduce<object[]>(
          (now, { at, remove, bring }, turn) =>
            now.toSpliced(at, remove, ...Array.from({ length: bring }, (_, i) => ({ turn, i }))),
          list,
        )
        const edits = diff({ list }, { list: next })
        const [found] = untouched({ list }, edits)
        const items = (found?.stretches ?? []).flatMap(({ start, count }) =>
          next.slice(start, start + count),
        )
        const before = new Set<object>(list)
        const old = next.filter((item) => before.has(item))
        expect(items.every((item) => before.has(item))).toBe(true)
        // One edit replaces all between the first and the last change.
        expect(items.length).toBeLessThanOrEqual(old.length)
        expect(items.map((item) => next.indexOf(item))).toEqual(
          items.map((item) => next.indexOf(item)).toSorted((a, b) => a - b),
        )
        if (edits.length === 0) expect(items).toEqual(list)
        kept += items.length
      },
    ),
    { numRuns: 1000 },
  )
  expect(kept).toBeGreaterThan(1000)
})

test('blocks in which nothing has changed are the very same', () => {
  const state = { a: [1, 2, 3], b: [4] }
  const blocks = blocksIn(state, [2])
  const grown = diff(state, { a: [1, 2, 3, 5], b: [4] })
  expect(blocksAfter(blocks, grown)).toBe(blocks)
})
