/** The codec's laws: what goes in comes out, as the same text again, in printable ASCII. */
import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decode, digestOf, encode, keep } from '../../src/ledger/codec.ts'
import type { Ref } from '../../src/ledger/ref.ts'
import { payloadUnitsMax } from '../../src/ledger/write-value.ts'
import { keys, objectOf, reversed, texts, values } from './values.ts'

const roundTrip = (value: unknown): unknown => decode(encode(value))

const codeOf = (run: () => unknown): unknown => {
  try {
    run()
  } catch (error) {
    return (error as { code?: unknown }).code
  }
  return 'nothing was thrown'
}

describe('round trip', () => {
  test('decode(encode(v)) equals v', () => {
    fc.assert(
      fc.property(values, (value) => {
        // Not toStrictEqual, which trusts a property called "constructor".
        expect(isDeepStrictEqual(roundTrip(value), value)).toBe(true)
      }),
      { numRuns: 600 },
    )
  })

  test('encode(decode(t)) is t', () => {
    fc.assert(
      fc.property(values, (value) => {
        const text = encode(value)
        expect(encode(decode(text))).toBe(text)
      }),
      { numRuns: 600 },
    )
  })

  test('all text is printable ASCII', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(encode(value)).toMatch(/^[\x20-\x7e]*$/)
      }),
      { numRuns: 300 },
    )
  })

  test('what JavaScript writes is what the codec writes', () => {
    const written = (value: unknown): string => encode(value, { refer: () => undefined })
    fc.assert(
      fc.property(values, (value) => {
        expect(encode(value)).toBe(written(value))
      }),
      { numRuns: 600 },
    )
    const nested = Array.from({ length: 200 }).reduce<unknown>((inner) => [{ inner }], -0)
    const hidden = Object.create({ toJSON: () => 'hidden' }, {}) as object
    const own = { toJSON: 'is a name', $: 1, $$: [{ $: 2 }], cost: '$', '\x7f': '\u2028\ud800' }
    for (const value of [nested, own, [, 1], 'x'.repeat(300_000), Object.create(null)]) {
      expect(encode(value)).toBe(written(value))
    }
    expect(codeOf(() => encode([hidden]))).toBe('NOT_SERIALISABLE')
    class List extends Array<unknown> {
      toJSON(): string {
        return 'a list'
      }
    }
    expect(encode(List.of(1, 2))).toBe('[1,2]')
    let asked = 0
    const shy = Object.defineProperty({ a: 1 }, 'toJSON', {
      get: () => (asked++ === 0 ? undefined : () => 'changed its mind'),
    })
    expect(encode(shy)).toBe('{"a":1}')
  })

  test('what is too long to be searched for what JSON lacks is read once, however little its items take', () => {
    let reads = 0
    const probe = {
      get value() {
        return ++reads
      },
    }
    const list = [...Array.from({ length: 300_000 }, () => ''), probe]
    expect(encode(list).endsWith('"",{"value":1}]')).toBe(true)
    expect(reads).toBe(1)
  })

  test('what is kept at once is what encode and decode make of it', () => {
    const ref: Ref = [7, 'value']
    const resolve = (): unknown => 'resolved'
    // Of what may be referred to, some is.
    const refer = (part: object | string): Ref | undefined =>
      (typeof part === 'string' ? part.length : Object.keys(part).length) % 3 === 2
        ? ref
        : undefined
    const long = fc.string({ minLength: 255, maxLength: 260 })
    let quick = 0
    fc.assert(
      fc.property(fc.oneof(values, fc.jsonValue(), fc.array(fc.oneof(long, values))), (value) => {
        const text = encode(value, { refer })
        const kept = keep(value, refer)
        if (!kept) return
        quick++
        expect(kept.text).toBe(text)
        expect(isDeepStrictEqual(kept.value(resolve), decode(text, { resolve }))).toBe(true)
      }),
      { numRuns: 2000 },
    )
    expect(quick).toBeGreaterThan(500)
  })

  test.each<[string, () => unknown]>([
    ['minus zero', () => [-0]],
    ['not a number', () => [NaN]],
    ['undefined', () => [undefined]],
    ['a hole', () => [1, , 2]],
    ['a date', () => [new Date(0)]],
    ['bytes', () => ({ bytes: new Uint8Array(1) })],
    ['a key of dollar signs', () => ({ $: 1 })],
    ['a key called __proto__', () => JSON.parse('{"__proto__":{"a":1}}') as unknown],
    ['no prototype', () => Object.create(null) as unknown],
    ['a list of its own class', () => new (class Own extends Array {})()],
    ['toJSON', () => [{ toJSON: () => 'hidden' }]],
    ['depth', () => Array.from({ length: 60 }).reduce<unknown>((inner) => [inner], 0)],
    ['much', () => [Array.from({ length: 300_000 }, () => 0)]],
    [
      'what throws when it is read',
      () => ({
        get a() {
          throw new Error('no')
        },
      }),
    ],
  ])('what JSON cannot hold as it is, is not kept at once: %s', (_, value) => {
    expect(keep(value(), () => undefined)).toBeUndefined()
  })

  test.each<[string, PropertyDescriptor]>([
    ['a field', { value: 1, enumerable: true, writable: true }],
    ['an accessor', { get: () => 5, set: () => {} }],
  ])('%s that all objects inherit is not kept, nor does it hide an own one', (_, inherited) => {
    Reflect.defineProperty(Object.prototype, 'x', { ...inherited, configurable: true })
    try {
      for (const value of [{ a: 1 }, JSON.parse('{"x":1,"y":2}') as unknown]) {
        const text = encode(value, { refer: () => undefined })
        expect(keep(value, () => undefined)?.text ?? text).toBe(text)
      }
    } finally {
      Reflect.deleteProperty(Object.prototype, 'x')
    }
  })

  test('what is kept at once is a copy, and each field was read once', () => {
    let reads = 0
    const inner = { list: [{ a: 1 }] }
    const value = {
      inner,
      get field() {
        return ++reads
      },
    }
    const kept = keep(value, () => undefined)
    const copy = kept?.value(() => undefined)
    expect(copy).toEqual({ inner: { list: [{ a: 1 }] }, field: 1 })
    expect(kept?.text).toBe('{"inner":{"list":[{"a":1}]},"field":1}')
    inner.list.push({ a: 2 })
    expect(copy).toEqual({ inner: { list: [{ a: 1 }] }, field: 1 })
  })

  test('values without extras are JSON as JSON.parse reads it', () => {
    // -0 is an extra, and keys of dollar signs are escaped.
    fc.assert(
      fc.property(
        fc.jsonValue({ stringUnit: fc.constantFrom('a', '\ud800', '\n', '"') }),
        (value) => {
          const plain: unknown = JSON.parse(JSON.stringify(value))
          expect(JSON.parse(encode(plain))).toStrictEqual(plain)
        },
      ),
    )
  })

  test.each<[string, unknown, string]>([
    ['undefined', undefined, '{"$":"undefined"}'],
    ['minus zero', -0, '{"$":"number","v":"-0"}'],
    ['not a number', NaN, '{"$":"number","v":"NaN"}'],
    ['1e400', Number('1e400'), '{"$":"number","v":"Infinity"}'],
    ['2^53', 2 ** 53, '9007199254740992'],
    ['a large number', 1e21, '1e+21'],
    ['a bigint', 2n ** 70n, '{"$":"bigint","v":"1180591620717411303424"}'],
    ['a date', new Date(0), '{"$":"date","v":"1970-01-01T00:00:00.000Z"}'],
    ['an invalid date', new Date(NaN), '{"$":"date","v":null}'],
    ['bytes', new Uint8Array([0, 255]), '{"$":"bytes","v":"AP8="}'],
    [
      'a map',
      new Map([[{ a: 1 }, new Set([1])]]),
      '{"$":"map","v":[[{"a":1},{"$":"set","v":[1]}]]}',
    ],
    ['a lone surrogate', '\ud800', String.raw`"\ud800"`],
    ['NUL and DEL', '\0\x7f', String.raw`"\u0000\u007f"`],
    ['short escapes', '\n"\\/', String.raw`"\n\"\\/"`],
  ])('%s has one text', (_, value, text) => {
    expect(encode(value)).toBe(text)
    expect(decode(text)).toStrictEqual(value)
  })

  test('a Buffer comes back as the bytes it is', () => {
    expect(roundTrip(Buffer.from('abc'))).toStrictEqual(new Uint8Array([97, 98, 99]))
  })

  test('a part of a larger buffer takes only its own bytes', () => {
    expect(roundTrip(new Uint8Array([1, 2, 3, 4]).subarray(1, 3))).toStrictEqual(
      new Uint8Array([2, 3]),
    )
  })

  test('an object without a prototype comes back as a plain one', () => {
    const bare = Object.assign(Object.create(null) as object, { a: 1 })
    expect(roundTrip(bare)).toStrictEqual({ a: 1 })
  })

  test('holes of a list come back as undefined', () => {
    const sparse: unknown[] = []
    sparse[2] = 1
    expect(roundTrip(sparse)).toStrictEqual([undefined, undefined, 1])
  })

  test('a text of a million characters comes back', () => {
    const text = 'ä'.repeat(1_000_000)
    expect(roundTrip(text)).toBe(text)
  })

  test('the order of keys is kept', () => {
    expect(Object.keys(roundTrip({ b: 1, a: 2, c: 3 }) as object)).toEqual(['b', 'a', 'c'])
  })
})

describe('keys', () => {
  test('no key sets a prototype or is lost', () => {
    fc.assert(
      fc.property(fc.uniqueArray(keys), (names) => {
        const object = objectOf(names.map((name) => [name, { name }]))
        const back = roundTrip(object) as object
        expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
        expect(Object.entries(back)).toEqual(Object.entries(object))
      }),
    )
  })

  test('__proto__ in a text is a key like any other', () => {
    const back = decode('{"__proto__":{"$":"undefined"},"a":{"__proto__":{"evil":1}}}') as object
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
    expect(Object.keys(back)).toEqual(['__proto__', 'a'])
    expect(({} as { evil?: unknown }).evil).toBeUndefined()
    expect((back as { a: { evil?: unknown } }).a.evil).toBeUndefined()
  })

  test('regression: an object of the user that looks like a reference is none', () => {
    // Readers find references by searching the text: this one must not be found.
    const hostile = { $: 'ref', v: [999, 'value'] }
    expect(encode(hostile)).toBe('{"$$":"ref","v":[999,"value"]}')
    expect(roundTrip({ deep: [hostile] })).toStrictEqual({ deep: [hostile] })
    fc.assert(
      fc.property(values, (value) => !encode(value).includes('"$":"ref"')),
      { numRuns: 300 },
    )
  })
})

describe('what cannot be kept', () => {
  class Account {
    readonly balance = 1
  }
  const self: Record<string, unknown> = { list: [] }
  ;(self['list'] as unknown[]).push(self)
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()

  test.each<[string, unknown, RegExp]>([
    ['a function', { a: [() => 1] }, /at \.a\[0\] is a function/],
    ['a symbol', { a: Symbol('s') }, /at \.a is a symbol/],
    ['an instance of a class', { account: new Account() }, /an instance of Account/],
    ['a boxed text', { a: Object('x') }, /an instance of String/],
    ['a typed array other than bytes', new Float32Array(1), /an instance of Float32Array/],
    ['a cycle', self, /at \.list\[0\] is an object that contains itself/],
    ['a cycle through a map', cyclicMap(), /contains itself/],
    ['a promise', { a: Promise.resolve() }, /an instance of Promise/],
    ['a pattern', /x/, /an instance of RegExp/],
    [
      'a getter that throws',
      {
        a: {
          get b(): never {
            throw new Error('no')
          },
        },
      },
      /at \.a\.b is something that throws/,
    ],
    ['a revoked proxy', [revoked.proxy], /at \[0\] is something that throws/],
    ['something that only claims to be a date', Object.create(Date.prototype), /throws when read/],
  ])('%s is refused with the path to it', (_, value, message) => {
    expect(codeOf(() => encode(value))).toBe('NOT_SERIALISABLE')
    expect(() => encode(value)).toThrow(message)
  })

  function cyclicMap(): unknown {
    const map = new Map<string, unknown>()
    map.set('map', { map })
    return map
  }

  test('a proxy of plain data is the data', () => {
    expect(roundTrip(new Proxy({ a: 1 }, {}))).toStrictEqual({ a: 1 })
  })

  test('the same object twice is no cycle', () => {
    const shared = { a: 1 }
    expect(roundTrip([shared, shared])).toStrictEqual([shared, shared])
  })

  test('500 levels are kept, 10,000 are refused', () => {
    const nested = (levels: number): unknown => {
      let value: unknown = 1
      for (let i = 0; i < levels; i++) value = [value]
      return value
    }
    expect(roundTrip(nested(500))).toStrictEqual(nested(500))
    expect(codeOf(() => encode(nested(10_000)))).toBe('NOT_SERIALISABLE')
    expect(codeOf(() => digestOf(nested(10_000)))).toBe('NOT_SERIALISABLE')
  })

  test('regression: what is far too large is refused before it is written', () => {
    const endless: unknown[] = []
    endless.length = 2 ** 32 - 1
    expect(codeOf(() => encode(endless))).toBe('VALUE_TOO_LARGE')
    expect(codeOf(() => encode({ a: 'x'.repeat(payloadUnitsMax + 1) }))).toBe('VALUE_TOO_LARGE')
    expect(codeOf(() => encode(new Uint8Array(payloadUnitsMax + 1)))).toBe('VALUE_TOO_LARGE')
  })

  test('regression: a subclass of Date cannot smuggle text in', () => {
    class Evil extends Date {
      override toISOString(): string {
        return '","evil":"'
      }
    }
    expect(encode(new Evil(0))).toBe(encode(new Date(0)))
  })
})

describe('decode', () => {
  test.each([
    '',
    '{',
    'undefined',
    '{"$":"nothing"}',
    '{"$":1}',
    '{"$":"ref","v":[1]}',
    '{"$":"list","v":{}}',
    '{"$":"list","v":[null]}',
    '{"$":"bigint","v":"x"}',
    '{"$":"map","v":1}',
    '{"$":"map","v":[1]}',
    '{"$":"error","v":null}',
    `${'['.repeat(200_000)}"$"${']'.repeat(200_000)}`,
  ])('refuses what encode never wrote (%#)', (text) => {
    expect(codeOf(() => decode(text))).toBe('BROKEN_CHAIN')
  })

  test('never throws anything else, whatever it is given', () => {
    const junk = fc.oneof(texts, fc.json(), values.map(encode).chain(mutated))
    fc.assert(
      fc.property(junk, (text) => {
        const code = codeOf(() => decode(text))
        expect(['nothing was thrown', 'BROKEN_CHAIN']).toContain(code)
      }),
      { numRuns: 600 },
    )
  })

  const mutated = (text: string): fc.Arbitrary<string> =>
    fc
      .tuple(fc.nat(text.length), fc.nat(3), fc.constantFrom('', '"', '{', '[', '1', '$', ','))
      .map(([at, removed, put]) => text.slice(0, at) + put + text.slice(at + removed))
})

describe('references', () => {
  const large = { list: [1, 2, 3] }

  test('stand in for what refer names, and resolve fetches them', () => {
    const refer = (value: object | string) =>
      value === large ? ([7, 'value', 'ä'] as const) : undefined
    const text = encode({ a: large, b: [large] }, { refer })
    expect(text).toBe(
      String.raw`{"a":{"$":"ref","v":[7,"value","\u00e4"]},"b":[{"$":"ref","v":[7,"value","\u00e4"]}]}`,
    )
    const asked: unknown[] = []
    const resolve = (ref: unknown): unknown => (asked.push(ref), large)
    expect(decode(text, { resolve })).toStrictEqual({ a: large, b: [large] })
    expect(asked).toEqual([
      [7, 'value', 'ä'],
      [7, 'value', 'ä'],
    ])
  })

  test('stand in for the parts of a list that are kept as blocks, and nothing else of it is', () => {
    const list = [1, { a: 2 }, -0, [4], 5, 6]
    const blocks = [
      { start: 1, count: 2, artifact: 'x', units: 13 },
      { start: 4, count: 1, artifact: 'y', units: 3 },
    ]
    const blocksOf = (asked: readonly unknown[]) => (asked === list ? blocks : undefined)
    const text = encode({ list, other: [list.slice(0, 1)] }, { blocksOf })
    const ref = (name: string, units: number): string =>
      `{"$":"ref","v":[0,"${name}","zstd",${units}]}`
    expect(text).toBe(
      `{"list":{"$":"list","v":[[1],${ref('x', 13)},[[4]],${ref('y', 3)},[6]]},"other":[[1]]}`,
    )
    const told: unknown[] = []
    const read = decode(text, {
      resolve: ([, name]) => (name === 'x' ? list.slice(1, 3) : [5]),
      onParts: (joined, parts) => void told.push(joined, parts),
    }) as { readonly list: unknown }
    expect(read).toEqual({ list, other: [[1]] })
    const counted = [
      { count: 1, ref: undefined },
      { count: 2, ref: [0, 'x', 'zstd', 13] },
      { count: 1, ref: undefined },
      { count: 1, ref: [0, 'y', 'zstd', 3] },
      { count: 1, ref: undefined },
    ]
    expect(told).toEqual([read.list, counted])
  })

  test('in parts of a list are shown in their place where they are only shown', () => {
    const text = '{"$":"list","v":[[1],{"$":"ref","v":[0,"x","zstd",13]},[2]]}'
    expect(decode(text, { resolve: (ref) => ({ ref }) })).toEqual([
      1,
      { ref: [0, 'x', 'zstd', 13] },
      2,
    ])
    expect(decode(text, { resolve: () => undefined })).toEqual([1, 2])
    expect(decode('{"$":"list","v":[[1,2],[3]]}')).toEqual([1, 2, 3])
  })

  test('short texts are never referred to', () => {
    const refer = () => [1] as const
    expect(encode('x'.repeat(255), { refer })).toMatch(/^"x+"$/)
    expect(encode('x'.repeat(256), { refer })).toBe('{"$":"ref","v":[1]}')
  })
})

describe('digestOf', () => {
  test('does not depend on the order of keys', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(digestOf(reversed(value))).toBe(digestOf(value))
      }),
      { numRuns: 300 },
    )
  })

  test('regression: nor inside maps and sets', () => {
    expect(digestOf(new Map([['k', { a: 1, b: 2 }]]))).toBe(
      digestOf(new Map([['k', { b: 2, a: 1 }]])),
    )
  })

  test('tells values apart', () => {
    const pairs = [
      [0, -0],
      ['1', 1],
      [null, undefined],
      [[], {}],
      [new Set([1, 2]), new Set([2, 1])],
      [{ a: undefined }, {}],
      [new Date(0), '1970-01-01T00:00:00.000Z'],
    ]
    for (const [a, b] of pairs) expect(digestOf(a)).not.toBe(digestOf(b))
  })

  test('is 22 characters, the same for ever', () => {
    expect(digestOf({ b: 1, a: [new Date(0)] })).toBe('ak4Jr1WaaP-qabodYdVs0T')
  })
})
