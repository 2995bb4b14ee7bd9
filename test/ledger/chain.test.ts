/** The hash chain: nothing in an entry can be changed without being seen. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checkLinks,
  emptyHead,
  entryHash,
  flaw,
  payloadDigest,
  seal,
} from '../../src/ledger/chain.ts'
import type { Entry } from '../../src/ledger/entry.ts'
import { ledgerOf, started, step, story } from './ledger.ts'

const entries = ledgerOf(story)

const previousOf = (at: number): string => entries[at - 1]?.hash ?? ''

describe('a sealed entry', () => {
  test('fits its predecessor', () => {
    for (const [at, entry] of entries.entries()) expect(flaw(entry, previousOf(at))).toBeUndefined()
  })

  test('takes the time of its predecessor when the clock went back', () => {
    const entry = seal(step('a'), {
      run: 'r',
      epoch: 1,
      time: 5,
      head: { seq: 3, hash: 'h', time: 9 },
      salt: 's',
    })
    expect(entry).toMatchObject({ seq: 4, time: 9 })
  })

  test('regression: a clock with fractions is refused, as no store could keep what was hashed', () => {
    const place = { run: 'r', epoch: 1, head: emptyHead, salt: 's' }
    expect(() => seal(started, { ...place, time: 1.5 })).toThrow(/no whole millisecond/)
    expect(() => seal(started, { ...place, time: NaN })).toThrow(/no whole millisecond/)
  })
})

describe('a change of one field', () => {
  const fields = ['run', 'seq', 'epoch', 'time', 'scope', 'kind', 'key', 'digest', 'hash'] as const

  test('is found, whatever the field and the change', () => {
    const change = fc.record({
      at: fc.nat(entries.length - 1),
      field: fc.constantFrom(...fields, 'salt' as const, 'payload' as const),
      text: fc.string(),
      number: fc.integer({ min: 0 }),
    })
    fc.assert(
      fc.property(change, ({ at, field, text, number }) => {
        const entry = entries[at] as Entry
        const value = typeof entry[field] === 'number' ? number : text
        fc.pre(value !== entry[field])
        expect(flaw({ ...entry, [field]: value }, previousOf(at))).toBeDefined()
      }),
      { numRuns: 2000 },
    )
  })

  test('text moved from one field to the next is found: fields cannot run into each other', () => {
    const entry = { ...(entries[1] as Entry), scope: 'ab', key: 'c' }
    const { hash: _, ...rest } = entry
    const hash = entryHash('', rest)
    expect(flaw({ ...entry, hash, scope: 'a', key: 'bc' }, '')).toBeDefined()
    expect(entryHash('', { ...rest, scope: 'a', key: 'bc' })).not.toBe(hash)
  })

  test('a flipped character anywhere in the payload is found', () => {
    const entry = entries[0] as Entry
    const payload = entry.payload ?? ''
    for (let i = 0; i < payload.length; i++) {
      const other = payload[i] === 'x' ? 'y' : 'x'
      const changed = payload.slice(0, i) + other + payload.slice(i + 1)
      expect(flaw({ ...entry, payload: changed }, '')).toMatch(/payload does not fit/)
    }
  })
})

describe('erasing', () => {
  test('a payload and its salt leaves the chain valid', () => {
    for (const [at, entry] of entries.entries()) {
      expect(flaw({ ...entry, payload: null, salt: null }, previousOf(at))).toBeUndefined()
    }
  })

  test('a salt alone is found', () => {
    expect(flaw({ ...(entries[1] as Entry), salt: null }, previousOf(1))).toMatch(/no salt/)
  })

  test('the same payload has another digest in every entry', () => {
    expect(payloadDigest('a', '{}')).not.toBe(payloadDigest('b', '{}'))
  })
})

describe('checkLinks', () => {
  const linked = entries.map((entry, at) => ({ ...entry, previous: previousOf(at) }))

  test('accepts what fits, in any selection', () => {
    expect(() => checkLinks(linked.filter((_, i) => i % 2 === 0))).not.toThrow()
  })

  test('names the entry and the run when a predecessor is missing or does not fit', () => {
    const missing = linked.map((entry) => (entry.seq === 4 ? { ...entry, previous: null } : entry))
    expect(() => checkLinks(missing)).toThrow(/Entry 4 of run "run-1" is broken: its predecessor/)
    const edited = linked.map((entry) => (entry.seq === 2 ? { ...entry, payload: '{}' } : entry))
    expect(() => checkLinks(edited)).toThrow(/Entry 2 of run "run-1" is broken: its payload/)
  })
})
