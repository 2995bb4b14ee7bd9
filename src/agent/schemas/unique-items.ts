/**
 * Finds items that stand twice in a list whose schema says `uniqueItems`. Items are compared by digests, so
 * the cost grows with the value and not with its square. Only lists count of which the schema demands it
 * unconditionally.
 */
import { digestOf } from '../../ledger/index.ts'
import type { Checkable } from './checkable.ts'
import type { JsonSchema } from '../tools/tool-schema.ts'

/** What is there twice, as sentences without values. */
export function repeatsIn({ schema, unique }: Checkable, value: unknown): string[] {
  const told: string[] = []
  const targets = schema['$defs'] as Readonly<Record<string, unknown>>

  const look = (given: unknown, part: unknown, where: string): void => {
    if (typeof given !== 'object' || given === null) return
    if (typeof part !== 'object' || part === null) return
    const one = given as JsonSchema
    const within = (child: unknown, key: string | number): void => {
      const inside = (schemas: unknown): void =>
        look(schemas, child, where === '' ? `${key}` : `${where}/${key}`)
      if (typeof key === 'number') inside(itemSchema(one, key))
      else inside(propertySchema(one, key))
    }
    if (typeof one['$ref'] === 'string') look(targets[nameIn(one['$ref'])], part, where)
    for (const all of (one['allOf'] ?? []) as unknown[]) look(all, part, where)
    if (Array.isArray(part)) {
      const pair = unique.has(one) ? firstRepeat(part) : undefined
      if (pair) {
        const what = `Duplicate items at indexes ${pair[0]} and ${pair[1]}.`
        told.push(where === '' ? what : `${where.slice(0, 100)}: ${what}`)
      }
      part.forEach(within)
    } else for (const [key, child] of Object.entries(part)) within(child, key)
  }

  if (unique.size > 0) look(schema, value, '')
  return told
}

/** The name of a target among the definitions. */
const nameIn = (reference: string): string => reference.slice('#/$defs/'.length)

function itemSchema(schema: JsonSchema, index: number): unknown {
  const { prefixItems, items, additionalItems } = schema
  if (Array.isArray(prefixItems) && index < prefixItems.length) return prefixItems[index]
  if (!Array.isArray(items)) return items
  return index < items.length ? items[index] : additionalItems
}

function propertySchema(schema: JsonSchema, name: string): unknown {
  const properties = (schema['properties'] ?? {}) as JsonSchema
  return Object.hasOwn(properties, name) ? properties[name] : schema['additionalProperties']
}

/** The indexes of the first item that was there before, and of where. */
function firstRepeat(items: readonly unknown[]): readonly [number, number] | undefined {
  const seen = new Map<unknown, number>()
  for (const [index, item] of items.entries()) {
    // The two kinds of keys begin differently, so that a text is never taken for the digest of an object.
    const key = typeof item === 'object' && item !== null ? `object ${digestOf(item)}` : named(item)
    const before = seen.get(key)
    if (before !== undefined) return [before, index]
    seen.set(key, index)
  }
  return undefined
}

const named = (item: unknown): unknown => (typeof item === 'string' ? `text ${item}` : item)
