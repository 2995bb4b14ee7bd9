/** Durations: what people write, what is refused, and how lengths of time are shown. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatDuration, parseDuration } from '../../src/base/duration.ts'

describe('parseDuration', () => {
  test.each([
    ['250ms', 250],
    ['10s', 10_000],
    ['1.5h', 5_400_000],
    [' 5 m ', 300_000],
    ['30d', 2_592_000_000],
    ['1w', 604_800_000],
    [0, 0],
    [1234, 1234],
  ])('%j is %i ms', (duration, ms) => {
    expect(parseDuration(duration)).toBe(ms)
  })

  test('regression: always gives whole milliseconds, from numbers too', () => {
    expect(parseDuration(1.4)).toBe(1)
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e14, noNaN: true }), (ms) =>
        Number.isSafeInteger(parseDuration(ms)),
      ),
    )
  })

  const cyclic: unknown[] = []
  cyclic.push(cyclic)

  test.each([
    ['nothing', ''],
    ['a bare number as text', '10'],
    ['a negative number', -1],
    ['a negative text', '-1s'],
    ['not a number', NaN],
    ['endlessness', Infinity],
    ['an unknown unit', '1y'],
    ['two units', '1h 30m'],
    ['more than ten thousand years', '9999999w'],
    ['an absurd number of digits', `${'9'.repeat(400)}d`],
    ['null', null],
    ['a bigint', 1n],
    ['something that contains itself', cyclic],
    ['a symbol', Symbol('s')],
  ])('%s is refused with what would do', (_, duration) => {
    expect(() => parseDuration(duration as string)).toThrow(/is not a duration. Give milliseconds/)
  })
})

describe('formatDuration', () => {
  test.each([
    [0, '0ms'],
    [999, '999ms'],
    [999.7, '1s'],
    [1234, '1.2s'],
    [59_949, '59.9s'],
    [59_950, '1m'],
    [59_999, '1m'],
    [185_000, '3m 5s'],
    [3_600_000, '1h'],
    [5_184_000_000, '60d'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })

  test('what it shows is never more than a twentieth off', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e12 }), (ms) => {
        const shown = formatDuration(ms)
          .split(' ')
          .reduce((sum, part) => sum + parseDuration(part), 0)
        expect(Math.abs(shown - ms)).toBeLessThanOrEqual(ms / 20)
      }),
    )
  })
})
