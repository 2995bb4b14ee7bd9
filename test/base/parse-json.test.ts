/** Keys with escapes are those that were written, whatever was parsed before. */
import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseJson } from '../../src/base/parse-json.ts'
import { decode, encode } from '../../src/ledger/codec.ts'

test('a key with an escape is not taken for one that stood there before', () => {
  const keysOf = (text: string): string[] => Object.keys(parseJson(text) as object)
  for (const [before, key] of [
    ['\\', '\n'],
    ['\\', '"'],
    ['\\', '\0'],
    ['x\\', 'x\n'],
    ['\\u', '\u00e9x'],
  ]) {
    const text = (second: string | undefined): string => `{"same":1,${JSON.stringify(second)}:2}`
    expect(keysOf(text(before))).toEqual(['same', before])
    expect(keysOf(text(key))).toEqual(['same', key])
    expect(keysOf(`{"same":1,"\\u0041":2}`)).toEqual(['same', 'A'])
  }
})

test('what is decoded from a ledger is what was encoded, after any other', () => {
  decode(encode({ path: 1, '\\': 2 }))
  for (const key of ['\n', '"', '\u00e9', '\ud800', '\0']) {
    const record = { path: 1, [key]: new Date(0) }
    expect(decode(encode(record))).toEqual(record)
  }
})

const names = fc.oneof(
  fc.constantFrom(
    'a',
    '\\',
    '\\\\',
    '\\n',
    '\n',
    '"',
    '\\"',
    'x\\',
    'x\n',
    '\\u',
    '\u00e9',
    '__proto__',
  ),
  fc.string({ unit: fc.constantFrom('\\', '"', ':', '{', 'a', '\n', '\ud800') }),
)
const { value: values } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    names,
    fc.constantFrom(null, true, false, 0, -1.5, 1e21, 5e-324),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .uniqueArray(fc.tuple(names, tie('value')), { maxLength: 4, selector: ([name]) => name })
      .map((entries) => Object.fromEntries(entries)),
  ),
}))

test('any JSON is read as what it was written from, with spaces and without', () => {
  fc.assert(
    fc.property(values, fc.constantFrom(undefined, 1, '\t', '\r\n '), (value, space) => {
      expect(isDeepStrictEqual(parseJson(JSON.stringify(value, null, space)), value)).toBe(true)
    }),
    { numRuns: 3000 },
  )
})

test('what is no JSON throws as JSON.parse does', () => {
  for (const text of ['', '{', '{"\\n":}', '{"\\n":1,}', '"\\', '{"a\\":1}', '[1]x']) {
    expect(() => parseJson(text)).toThrow(SyntaxError)
  }
})

test('a name that stands twice has its last value, and depth and length are no limits', () => {
  expect(parseJson('{"\\n":1,"b":2,"\\u000a":3}')).toEqual({ '\n': 3, b: 2 })
  const depth = 50_000
  let inner = parseJson(`${'{"\\n":['.repeat(depth)}7${']}'.repeat(depth)}`)
  for (let i = 0; i < depth; i++) inner = (inner as { '\n': unknown[] })['\n'][0]
  expect(inner).toBe(7)
  // Linear: a search that began anew for each string or escape would take minutes.
  const many = {
    list: Array.from({ length: 200_000 }, () => 'text'),
    long: '\n'.repeat(1e6),
    '\n': 1,
  }
  expect(parseJson(JSON.stringify(many))).toEqual(many)
})
