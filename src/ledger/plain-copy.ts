/**
 * A copy of data that JSON can hold as it is, with references where they belong: what JSON.parse would make
 * of the text that `encode` writes of it. Who needs both, text and copy, writes the copy and parses nothing.
 *
 * It is new all the way down, and each field was read once.
 */
import { dollars, depthMax, unitsMax } from './plain-json.ts'
import { referredUnitsMin } from './ref.ts'
import type { Refer } from './write-value.ts'

/** Stands for a copy that could not be made. */
const none = Symbol('none')

/** The copy. Undefined for what holds anything else: the codec knows how to write that. */
export function plainCopy(value: unknown, refer: Refer): unknown {
  try {
    const copy = copyOf(value, { refer, units: 0, depth: 0 })
    return copy === none ? undefined : copy
  } catch {
    return undefined // a getter or a Proxy threw
  }
}

interface Walk {
  readonly refer: Refer
  units: number
  depth: number
}

function copyOf(value: unknown, walk: Walk): unknown {
  switch (typeof value) {
    case 'string':
      walk.units += value.length
      return (value.length >= referredUnitsMin && tagOf(value, walk)) || value
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : none
    case 'object':
      return value === null ? null : (tagOf(value, walk) ?? copyWithin(value, walk))
    default:
      return none
  }
}

function tagOf(value: object | string, { refer }: Walk): object | undefined {
  const ref = refer(value)
  return ref && { $: 'ref', v: ref }
}

function copyWithin(value: object, walk: Walk): unknown {
  if (walk.depth > depthMax || 'toJSON' in value) return none
  const prototype: unknown = Object.getPrototypeOf(value)
  if (Array.isArray(value)) return prototype === Array.prototype ? listCopy(value, walk) : none
  return prototype === Object.prototype ? recordCopy(value, walk) : none
}

function listCopy(list: readonly unknown[], walk: Walk): unknown {
  const copy: unknown[] = []
  walk.depth++
  for (let i = 0; i < list.length; i++) {
    const item = copyOf(list[i], walk)
    if (item === none || walk.units > unitsMax) return none
    copy.push(item)
    walk.units++
  }
  walk.depth--
  return copy
}

function recordCopy(record: object, walk: Walk): unknown {
  const copy: Record<string, unknown> = {}
  walk.depth++
  for (const key in record) {
    // What every object inherits, `__proto__` above all, is not to be had or set by a mere name.
    if (key in Object.prototype || (key.startsWith('$') && dollars.test(key))) return none
    const field = copyOf((record as Readonly<Record<string, unknown>>)[key], walk)
    if (field === none || walk.units > unitsMax) return none
    copy[key] = field
    walk.units += key.length
  }
  walk.depth--
  return copy
}
