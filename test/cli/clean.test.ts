/** Text of runs on a terminal: nothing in it is a control, however much of it there is. */
import { describe, expect, test } from 'vitest'
import { clean, cleanLine } from '../../src/cli/clean.ts'

const escape = '\u001B'

describe('clean', () => {
  test.each([
    ['colours', `a${escape}[1;31mb${escape}[0mc`, 'abc'],
    ['C1 controls', 'a\u009B31mb\u009D0;title\u0007c', 'abc'],
    ['a title', `${escape}]0;title\u0007a${escape}]0;title${escape}\\b`, 'ab'],
    ['a link', `${escape}]8;;https://x.test${escape}\\text${escape}]8;;${escape}\\`, 'text'],
    ['a device control string', `${escape}P1$r0m${escape}\\a`, 'a'],
    ['a title without an end', `a${escape}]0;title`, 'a0;title'],
    ['a reset', `a${escape}c${escape}(Bb`, 'ab'],
    ['a lonely escape', `a${escape}`, 'a'],
    ['carriage returns', 'a\r\nb\rc', 'a\nbc'],
    ['directions', 'a\u202Eb\u2066c', 'abc'],
    ['text', 'Grüße, 世界\t👋\n', 'Grüße, 世界\t👋\n'],
  ])('%s', (_, text, cleaned) => {
    expect(clean(text)).toBe(cleaned)
  })

  // What is quadratic takes minutes for these, so that the time limit of a test is the check.
  test.each([
    `${escape}]`,
    `${escape}[`,
    `${escape}P`,
    '\u009D',
    '\u009B',
    `${escape} `,
    `${escape}]x`,
  ])(
    'a megabyte of %j takes no time',
    (piece) => {
      const text = piece.repeat(1_000_000 / piece.length)
      expect(clean(text)).not.toContain(escape)
      expect(cleanLine(text).length).toBeLessThanOrEqual(200)
    },
    5000,
  )
})
