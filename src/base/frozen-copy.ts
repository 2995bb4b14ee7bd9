/** Data that is handed to somebody else's code, which may look at it and change nothing. */
import { setField } from './set-field.ts'

/** What is nested more deeply is handed on as it is. */
const levelsMax = 500

/** Copies that hold nothing that can be changed: whoever gets one needs none of its own. */
const unchangeable = new WeakSet<object>()

/**
 * A copy that cannot be changed. What is no data is taken over, and so is what is frozen and marked by a symbol, as
 * tools are; of dates, maps, sets and bytes, which cannot be frozen, each copy holds copies of its own.
 */
export function frozenCopy<T>(value: T): T {
  if (typeof value !== 'object' || value === null || unchangeable.has(value)) return value
  const walk = { isChangeable: false }
  const copy = copyOf(value, walk, 0)
  if (!walk.isChangeable) unchangeable.add(copy)
  return copy
}

function copyOf<T>(value: T, walk: { isChangeable: boolean }, level: number): T {
  if (typeof value !== 'object' || value === null || level > levelsMax) return value
  if (isUnfreezable(value)) {
    walk.isChangeable = true
    return structuredClone(value)
  }
  if (isMarked(value)) return value
  if (Array.isArray(value)) {
    return Object.freeze(value.map((item: unknown) => copyOf(item, walk, level + 1))) as T
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  const copy = {}
  for (const key of Object.keys(value)) {
    setField(copy, key, copyOf((value as Record<string, unknown>)[key], walk, level + 1))
  }
  return Object.freeze(copy) as T
}

const isMarked = (value: object): boolean =>
  Object.isFrozen(value) && Object.getOwnPropertySymbols(value).length > 0

const isUnfreezable = (value: object): boolean =>
  value instanceof Date || value instanceof Map || value instanceof Set || ArrayBuffer.isView(value)
