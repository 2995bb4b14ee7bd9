/** Generators of values that can be kept as data, hostile keys and texts included. */
import * as fc from 'fast-check'

/** Texts with everything that has ever broken a store or a renderer. */
export const texts: fc.Arbitrary<string> = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 })
    .map((units) => String.fromCharCode(...units)),
  fc.constantFrom(
    '\0',
    '\ud800',
    '\udc00\ud800',
    '\u202e\u2066\u200b\ufeff',
    '\u007f\u2028\u2029',
    '"$":"ref","v":[1]',
    '\\u0000',
    '😀',
  ),
)

export const keys: fc.Arbitrary<string> = fc.oneof(
  texts,
  fc.constantFrom('__proto__', 'constructor', 'toString', '$', '$$', '$$$', '$ref', '', '0', '17'),
)

const numbers = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(-0, 0, NaN, Infinity, -Infinity, 2 ** 53, 2 ** 53 + 2, 5e-324, 1e21, 1e-7),
)

const bytes = fc.uint8Array({ maxLength: 40 })

/** An object with exactly these keys, in this order, as own data properties. */
export function objectOf(
  entries: readonly (readonly [string, unknown])[],
): Record<string, unknown> {
  const object = {}
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, {
      value,
      writable: true,
      enumerable: true,
      configurable: true,
    })
  }
  return object
}

const errors = (value: fc.Arbitrary<unknown>): fc.Arbitrary<Error> =>
  fc
    .record({ name: texts, message: texts, code: fc.option(texts), extra: value, key: keys })
    .map(({ name, message, code, extra, key }) => {
      const error = new Error(message)
      Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
      if (code !== null) Object.assign(error, { code })
      const taken = ['name', 'message', 'stack', 'code'].includes(key)
      return Object.assign(
        error,
        taken || extra === undefined ? {} : objectOf([[`x${key}`, extra]]),
      )
    })

/** Values without parts. */
const leaves: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, undefined, true, false),
  numbers,
  texts,
  fc.bigInt(),
  fc.date({ noInvalidDate: false }),
  bytes,
)

/** Anything that can be kept as data. */
export const values: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => {
  const value = tie('value')
  return {
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaves,
      fc.array(value, { maxLength: 5 }),
      fc
        .uniqueArray(fc.tuple(keys, value), { maxLength: 5, selector: ([key]) => key })
        .map(objectOf),
      fc.array(fc.tuple(value, value), { maxLength: 4 }).map((pairs) => new Map(pairs)),
      fc.array(value, { maxLength: 4 }).map((items) => new Set(items)),
      errors(value),
    ),
  }
}).value

/** The same value with the keys of all plain objects the other way round. */
export function reversed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(reversed)
  if (value instanceof Map) {
    return new Map(Array.from(value, ([key, item]) => [reversed(key), reversed(item)]))
  }
  if (value instanceof Set) return new Set(Array.from(value, reversed))
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  return objectOf(
    Object.entries(value)
      .toReversed()
      .map(([key, item]) => [key, reversed(item)]),
  )
}
