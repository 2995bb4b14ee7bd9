/**
 * The quick way to write a value that JSON can hold as it is, as most can: JavaScript's own writer takes
 * half the time of the codec's and writes the same. All other values are left to the codec, which knows
 * how to write them, or what to say about them.
 *
 * A value is read twice: once to look at it, once to write it. Data is the same both times. Where a getter
 * or a Proxy is not, what it gives the second time is written as JSON would write it.
 */

/** Keys that the codec escapes, as `$` opens its tags. */
export const dollars: RegExp = /^\$+$/

/** A value with more items and characters than this is not searched for what JSON lacks. */
export const unitsMax: number = 256 * 1024
/** Nor deeper than this. */
export const depthMax: number = 50

/** The JSON. Undefined when the value holds something that JSON lacks, or throws when it is read. */
export function plainJson(value: unknown): string | undefined {
  try {
    return plainUnits(value, 0) <= unitsMax ? JSON.stringify(value) : undefined
  } catch {
    return undefined
  }
}

/** How many items and characters the value has; Infinity when it is not plain. */
function plainUnits(value: unknown, depth: number): number {
  switch (typeof value) {
    case 'string':
      return 1 + value.length
    case 'boolean':
      return 1
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? 1 : Infinity
    case 'object':
      if (value === null) return 1
      return depth > depthMax || 'toJSON' in value ? Infinity : unitsWithin(value, depth + 1)
    default:
      return Infinity
  }
}

function unitsWithin(value: object, depth: number): number {
  const prototype: unknown = Object.getPrototypeOf(value)
  let units = 1
  if (Array.isArray(value)) {
    if (prototype !== Array.prototype) return Infinity
    for (let i = 0; i < value.length && units <= unitsMax; i++) units += plainUnits(value[i], depth)
    return units
  }
  if (prototype !== Object.prototype) return Infinity
  // It inherits nothing but methods; their names in a list would take four times as long.
  for (const key in value) {
    if (key.startsWith('$') && dollars.test(key)) return Infinity
    units += key.length + plainUnits((value as Readonly<Record<string, unknown>>)[key], depth)
    if (units > unitsMax) break
  }
  return units
}
