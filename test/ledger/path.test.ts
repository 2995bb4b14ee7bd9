/** Names, keys and paths: what an author wrote can be told from what everloop added. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checkRunId,
  childPath,
  explicitKey,
  isWithin,
  keyUnitsMax,
  nameKey,
  operationPath,
  pathUnitsMax,
  unescape,
} from '../../src/ledger/path.ts'
import { texts } from './values.ts'

const names = fc
  .oneof(texts, fc.string({ unit: fc.constantFrom('%', '~', '/', '=', '2', '0', 'a') }))
  .filter((name) => name.length > 0 && name.length <= 200)

const occurrences = fc.integer({ min: 1, max: 1000 })

describe('keys', () => {
  test('unescape gives the name back', () => {
    fc.assert(
      fc.property(names, (name) => {
        expect(unescape(nameKey(name, 1))).toBe(name)
        expect(unescape(explicitKey(name).slice(1))).toBe(name)
      }),
    )
  })

  test('two operations never have one key', () => {
    fc.assert(
      fc.property(names, occurrences, names, occurrences, (a, m, b, n) => {
        expect(nameKey(a, m) === nameKey(b, n)).toBe(a === b && m === n)
        expect(explicitKey(a) === explicitKey(b)).toBe(a === b)
        expect(nameKey(a, m)).not.toBe(explicitKey(b))
      }),
      { numRuns: 2000 },
    )
  })

  test('two places never have one path', () => {
    const place = fc.array(fc.tuple(names, occurrences), { minLength: 1, maxLength: 4 })
    const pathOf = (at: readonly (readonly [string, number])[]): string =>
      at.reduce((path, [name, n]) => childPath(path, nameKey(name, n)), '')
    fc.assert(
      fc.property(place, place, (a, b) => {
        expect(pathOf(a) === pathOf(b)).toBe(JSON.stringify(a) === JSON.stringify(b))
      }),
    )
  })

  test('are printable ASCII without a slash, and never longer than the limit', () => {
    fc.assert(
      fc.property(names, (name) => {
        expect(nameKey(name, Number.MAX_SAFE_INTEGER)).toMatch(/^[\x20-\x2e\x30-\x7e]+$/)
      }),
    )
    const longest = nameKey('\u202e'.repeat(200), Number.MAX_SAFE_INTEGER)
    expect(longest.length).toBeLessThanOrEqual(keyUnitsMax)
  })

  test.each([
    ['empty', ''],
    ['too long', 'x'.repeat(201)],
    ['no text', 7],
  ])('a name that is %s is refused', (_, name) => {
    expect(() => nameKey(name as string, 1)).toThrow(/1 to 200 characters/)
    expect(() => explicitKey(name as string)).toThrow(/1 to 200 characters/)
  })
})

describe('paths', () => {
  test('a scope contains itself and what is inside, not what merely begins like it', () => {
    expect(isWithin('a/b', 'a')).toBe(true)
    expect(isWithin('a', 'a')).toBe(true)
    expect(isWithin('a~2/b', 'a')).toBe(false)
    expect(isWithin('ab', 'a')).toBe(false)
    expect(isWithin('a', 'a/b')).toBe(false)
    expect(isWithin('anything', '')).toBe(true)
  })

  test('an operation of the run itself has its key for a path', () => {
    expect(operationPath('', 'a')).toBe('a')
    expect(operationPath('a/1', 'b')).toBe('a/1/b')
  })

  test('too deep a nesting is refused with the way out', () => {
    const path = 'x'.repeat(pathUnitsMax - 2)
    expect(childPath(path, 'y')).toHaveLength(pathUnitsMax)
    expect(() => childPath(path, 'yy')).toThrow(/a child run/)
  })
})

describe('run ids', () => {
  test.each(['a', 'ticket-42', 'A.b_c:d@e-f', 'x'.repeat(200), '0'])('%s can be one', (id) => {
    expect(() => checkRunId(id)).not.toThrow()
  })

  test.each([
    '',
    'x'.repeat(201),
    'a/b',
    '../a',
    'a b',
    '-a',
    '.a',
    'a%2f',
    "a'--",
    'ä',
    'a\n',
    'a\0',
    undefined,
    7,
  ])('%j cannot be one', (id) => {
    expect(() => checkRunId(id)).toThrow(/run's id must be/)
  })
})
