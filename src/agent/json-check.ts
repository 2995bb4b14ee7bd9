/**
 * JSON Schema checks of untrusted values. Patterns of a schema are matched by the linear engine,
 * never by JavaScript's own: the schema may come from a server and the value from a model.
 */
import type { Validator } from '@cfworker/json-schema'
import { EverloopError } from '../base/errors.ts'
import { jsonSchemas } from './late-modules.ts'
import { type LinearPattern, linearPattern } from './linear-pattern.ts'
import type { JsonSchema } from './tool-schema.ts'

/** Keywords whose value is a schema, a list of schemas, or schemas by name. */
const single = [
  'items',
  'additionalProperties',
  'additionalItems',
  'not',
  'if',
  'then',
  'else',
  'contains',
  'propertyNames',
  'unevaluatedItems',
  'unevaluatedProperties',
] as const
const listed = ['allOf', 'anyOf', 'oneOf', 'prefixItems', 'items'] as const
const named = ['properties', '$defs', 'definitions', 'dependentSchemas'] as const

/** What the library matches with expressions that backtrack. */
const unchecked = ['format', 'patternProperties'] as const

/** The name under which the library asks the linear engine about a pattern. */
const formatOf = (pattern: string): string => `everloop pattern ${pattern}`

const checkers = new WeakMap<object, Validator>()

/**
 * The check of a schema. What cannot be matched in linear time is left out of it, as the model is told
 * of it all the same; with `strict` it throws BAD_OPTION.
 */
function checkerOf(schema: JsonSchema, strict: boolean): Validator {
  const known = checkers.get(schema)
  if (known) return known
  const { Validator: Checker, format } = jsonSchemas()
  const made = new Checker(prepared(schema, format, strict), '2020-12', false)
  checkers.set(schema, made)
  return made
}

/** Throws BAD_OPTION when a part of the schema would not be checked. */
export function checkLimits(schema: JsonSchema): void {
  checkerOf(schema, true)
}

/** What is wrong with the value, as sentences without values; empty when it fits. */
export function matchesSchema(schema: JsonSchema, value: unknown): string[] {
  const { valid, errors } = checkerOf(schema, false).validate(value)
  if (valid) return []
  return errors
    .filter(({ keyword }) => keyword !== 'properties' && keyword !== 'items')
    .slice(0, 10)
    .map(({ instanceLocation, error }) => {
      const where = instanceLocation.replace(/^#\/?/, '').slice(0, 100)
      const what = error.replace(/"everloop pattern (.*)"/s, '$1').slice(0, 200)
      return where === '' ? what : `${where}: ${what}`
    })
}

type Formats = Record<string, (text: string) => boolean>

/** The schema with each pattern in a form in which the library asks the linear engine. */
function prepared(schema: JsonSchema, formats: Formats, strict: boolean): JsonSchema {
  const copy: Record<string, unknown> = { ...schema }
  const inside = (one: unknown): unknown => (isSchema(one) ? prepared(one, formats, strict) : one)
  for (const word of unchecked) {
    if (!strict || copy[word] === undefined) continue
    throw new EverloopError(
      'BAD_OPTION',
      `"${word}" in a JSON Schema is not checked: it cannot be in linear time. Use "pattern" or a guard of your own.`,
    )
  }
  for (const word of single) if (isSchema(copy[word])) copy[word] = inside(copy[word])
  for (const word of listed) {
    const list = copy[word]
    if (Array.isArray(list)) copy[word] = list.map(inside)
  }
  for (const word of named) {
    const map = copy[word]
    if (!isSchema(map)) continue
    const entries = Object.entries(map).map(([key, one]) => [key, inside(one)] as const)
    copy[word] = Object.fromEntries(entries)
  }
  delete copy['format'] // the library's own are expressions that backtrack
  if (copy['patternProperties'] !== undefined) {
    // Which properties it would have spoken of is not known any more.
    delete copy['patternProperties']
    delete copy['additionalProperties']
    delete copy['unevaluatedProperties']
  }
  const { pattern } = copy
  delete copy['pattern']
  if (typeof pattern !== 'string') return copy
  const matcher = compiled(pattern, strict)
  if (!matcher) return copy
  const name = formatOf(pattern)
  formats[name] ??= (text) => matcher.finds(text)
  return { ...copy, format: name }
}

/** The pattern, compiled; undefined when the linear engine does not take it. */
function compiled(pattern: string, strict: boolean): LinearPattern | undefined {
  try {
    return linearPattern(pattern)
  } catch (error) {
    if (strict) throw error
    return undefined
  }
}

const isSchema = (value: unknown): value is JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
