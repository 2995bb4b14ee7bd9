/** Dates: what is one, and what JavaScript alone would have taken for one. */
import { describe, expect, test } from 'vitest'
import { readDate } from '../../src/base/date.ts'

describe('readDate', () => {
  test.each([
    '2026-11-21',
    '2026-11-21T08:00Z',
    '2026-11-21T08:00:30.5Z',
    '2026-11-21T08:00:00+01:00',
    '2026-11-21T08:00',
    '2024-02-29',
    '+012026-01-01T00:00:00.000Z',
    '-000044-03-15T12:00:00Z',
  ])('%s is what Date makes of it', (text) => {
    expect(readDate(text)).toBe(Date.parse(text))
    expect(readDate(text)).not.toBeNaN()
  })

  test('a space may stand between day and time', () => {
    expect(readDate('2026-11-21 08:00:00Z')).toBe(Date.UTC(2026, 10, 21, 8))
    expect(readDate('2026-11-21 08:00')).toBe(Date.parse('2026-11-21T08:00'))
  })

  test.each([
    '',
    'tomorrow 5',
    'yesterday',
    '5',
    '-5',
    '2026',
    '11/21/2026',
    '2026-1-1',
    '2026-02-31',
    '2025-02-29',
    '2026-13-01',
    '2026-11-21T25:00:00Z',
    '2026-11-21T08:00:00 or so',
    '2026-11-21T08:00+1',
    'Sat, 21 Nov 2026 08:00:00 GMT',
    ' 2026-11-21',
    '02026-11-21',
    '+2026-11-21',
    '-271821-04-19T23:00:00-02:00',
    '+275760-09-14',
  ])('%j is no date', (text) => {
    expect(readDate(text)).toBeUndefined()
  })
})
