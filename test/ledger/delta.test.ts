/** Changes of a loop's state: exact, shared where nothing changed, and as small as what was added. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decode, encode } from '../../src/ledger/codec.ts'
import { applyEdits, diff, equal } from '../../src/ledger/delta.ts'
import { objectOf, reversed, values } from './values.ts'

/** Two states that have much in common, as two turns of a loop have. */
const pairs: fc.Arbitrary<readonly [unknown, unknown]> = (() => {
  const item = fc.oneof(values, fc.constantFrom('a', 'b', 1, 2))
  const lists = fc
    .array(item, { maxLength: 6 })
    .chain((list) =>
      fc
        .tuple(fc.nat(list.length), fc.nat(3), fc.array(item, { maxLength: 3 }))
        .map(([start, remove, added]) => [list, list.toSpliced(start, remove, ...added)] as const),
    )
  const names = fc.constantFrom('a', 'b', 'c', '__proto__', '$', '0', '1', '10', 'constructor')
  const fields = fc.uniqueArray(fc.tuple(names, item), { selector: ([name]) => name })
  const records = fc.tuple(fields, fields, fc.boolean()).map(([before, after, keep]) => {
    const kept = keep
      ? [...before, ...after.filter(([k]) => !before.some(([b]) => b === k))]
      : after
    return [objectOf(before), objectOf(kept)] as const
  })
  const nested = fc.tuple(fc.oneof(lists, records), item).map(([[before, after], other]) => {
    return [
      { other, list: [1, { before }] },
      { other, list: [1, { before: after }] },
    ] as const
  })
  return fc.oneof(lists, records, nested, fc.tuple(values, values))
})()

describe('diff and applyEdits', () => {
  test('applyEdits(before, diff(before, after)) is after, key order included', () => {
    fc.assert(
      fc.property(pairs, ([before, after]) => {
        const result = applyEdits(before, diff(before, after))
        expect(encode(result)).toBe(encode(after))
      }),
      { numRuns: 1500 },
    )
  })

  test('edits survive being kept as data', () => {
    fc.assert(
      fc.property(pairs, ([before, after]) => {
        const edits = decode(encode(diff(before, after))) as ReturnType<typeof diff>
        expect(encode(applyEdits(decode(encode(before)), edits))).toBe(encode(after))
      }),
      { numRuns: 300 },
    )
  })

  test('before is left as it was', () => {
    fc.assert(
      fc.property(pairs, ([before, after]) => {
        const text = encode(before)
        applyEdits(before, diff(before, after))
        expect(encode(before)).toBe(text)
      }),
      { numRuns: 500 },
    )
  })

  test('equal values need no edits, other orders of keys do', () => {
    expect(diff({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] })).toEqual([])
    expect(diff({ a: 1, b: 2 }, { b: 2, a: 1 })).toEqual([['set', [], { b: 2, a: 1 }]])
  })

  test('what did not change is shared, not copied', () => {
    const before = { big: { list: [1, 2, 3] }, items: [{ id: 1 }, { id: 2 }], n: 1 }
    const after = applyEdits(before, diff(before, { ...before, n: 2 })) as typeof before
    expect(after.big).toBe(before.big)
    expect(after.items).toBe(before.items)
    const grown = { ...before, items: [...before.items, { id: 3 }] }
    const next = applyEdits(before, diff(before, grown)) as typeof before
    expect(next.items[0]).toBe(before.items[0])
    expect(next.big).toBe(before.big)
  })

  test('a growing list costs what was added, however long it is', () => {
    const item = { role: 'user', text: 'x'.repeat(100) }
    const cost = (length: number): number => {
      const before = { messages: Array.from({ length }, (_, i) => ({ ...item, i })) }
      const after = { messages: [...before.messages, { ...item, i: length }] }
      return encode(diff(before, after)).length
    }
    expect(cost(10_000)).toBeLessThan(cost(10) + 20)
  })

  test('an item inserted or removed in the middle is one splice', () => {
    expect(diff([1, 2, 3, 4], [1, 2, 9, 3, 4])).toEqual([['splice', [], 2, 0, [9]]])
    expect(diff([1, 2, 3, 4], [1, 4])).toEqual([['splice', [], 1, 2, []]])
  })

  test('an item changed in place costs what changed in it', () => {
    const text = 'x'.repeat(1000)
    const before = [
      { text, n: 1 },
      { text, n: 1 },
    ]
    expect(
      diff(before, [
        { text, n: 1 },
        { text, n: 2 },
      ]),
    ).toEqual([['set', [1, 'n'], 2]])
  })

  test('a new key of whole numbers among others costs itself', () => {
    const before = { 10: 'a', 30: 'c', name: 'x' }
    expect(diff(before, { ...before, 20: 'b' })).toEqual([['set', ['20'], 'b']])
  })

  test('regression: a hole of a list is a change like any other', () => {
    const sparse: unknown[] = [1]
    sparse[2] = 3
    expect(diff([1, 2, 3], sparse)).toEqual([['set', [1], undefined]])
    expect(equal([1, 2, 3], sparse)).toBe(false)
    const onlyHole: unknown[] = []
    onlyHole.length = 1
    expect(equal(onlyHole, [5])).toBe(false)
    expect(diff([5], onlyHole)).toHaveLength(1)
  })

  test('a zero that changes its sign at the head of a list is a change', () => {
    const edits = diff({ list: [0, 1] }, { list: [-0, 1] })
    expect(applyEdits({ list: [0, 1] }, edits)).toStrictEqual({ list: [-0, 1] })
  })
})

describe('equal', () => {
  test('a value equals its copy', () => {
    const withoutErrors = values.filter((value) => !encode(value).includes('"$":"error"'))
    fc.assert(
      fc.property(withoutErrors, (value) => {
        expect(equal(value, decode(encode(value)))).toBe(true)
      }),
    )
  })

  test('what is equal has the same text', () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        expect(!equal(a, b) || encode(a) === encode(b)).toBe(true)
      }),
    )
  })

  test('order counts, in objects, maps and sets: code can see it', () => {
    const value = {
      a: 1,
      b: new Map([
        ['x', 1],
        ['y', 2],
      ]),
      c: new Set([1, 2]),
    }
    expect(equal(value, structuredClone(value))).toBe(true)
    expect(equal(value, reversed(value))).toBe(false)
    expect(
      equal(
        value.b,
        new Map([
          ['y', 2],
          ['x', 1],
        ]),
      ),
    ).toBe(false)
    expect(equal(value.c, new Set([2, 1]))).toBe(false)
  })

  test.each([
    [0, -0],
    [[], {}],
    [{ a: undefined }, {}],
    [new Date(0), new Date(1)],
    [new Date(NaN), new Date(0)],
    [new Uint8Array([1]), new Uint8Array([2])],
    [new Map(), new Set()],
    [null, {}],
    [1n, 1],
  ])('%o is not %o', (a, b) => {
    expect(equal(a, b)).toBe(false)
    expect(equal(b, a)).toBe(false)
  })
})
