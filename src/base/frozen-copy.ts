/** Data that is handed to somebody else's code, which may look at it and change nothing. */
import { setField } from './set-field.ts'

/** What is nested more deeply is handed on as it is. */
const levelsMax = 500

/**
 * A copy that cannot be changed. What is frozen already is taken over, and so is what is no data; of dates, maps,
 * sets and bytes, which cannot be frozen, it holds copies.
 */
export function frozenCopy<T>(value: T, level = 0): T {
  if (typeof value !== 'object' || value === null || level > levelsMax) return value
  if (isUnfreezable(value)) return structuredClone(value)
  if (Object.isFrozen(value)) return value
  if (Array.isArray(value)) {
    return Object.freeze(value.map((item: unknown) => frozenCopy(item, level + 1))) as T
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  const copy = {}
  for (const key of Object.keys(value)) {
    setField(copy, key, frozenCopy((value as Record<string, unknown>)[key], level + 1))
  }
  return Object.freeze(copy) as T
}

const isUnfreezable = (value: object): boolean =>
  value instanceof Date || value instanceof Map || value instanceof Set || ArrayBuffer.isView(value)
