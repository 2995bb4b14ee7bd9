/**
 * A JSON Schema prepared for the library that checks with it: a copy that holds nothing but keywords that
 * are known to be checked in linear time.
 *
 * - F1 Only schemas in known places are copied, and nothing else of the given schema. A `$ref` leads to a
 *   copy of its target, wherever that stands.
 * - F2 What cannot be checked is left out, so that more values fit, never fewer. A keyword that would
 *   refuse more because something inside it is missing (`not`, say) is left out too. With `strict`,
 *   BAD_OPTION is thrown instead.
 * - F3 Patterns are matched by the linear engine, under the name of a format.
 * - F4 For `uniqueItems` the library compares every item with every other. So it is checked apart from the
 *   library (unique-items.ts), and only where it holds unconditionally.
 */
import { EverloopError } from '../../base/errors.ts'
import { isObject } from '../../base/is-object.ts'
import { type LinearPattern, linearPattern } from './linear-pattern.ts'
import type { JsonSchema } from '../tools/tool-schema.ts'

/** What the library calls a format: it says whether a text has it. */
export type Formats = Record<string, (text: string) => boolean>

export interface Checkable {
  readonly schema: JsonSchema
  /** Those schemas inside of it whose lists must not hold anything twice (F4). */
  readonly unique: ReadonlySet<object>
}

export interface Preparing {
  readonly formats: Formats
  readonly strict: boolean
}

/** Keywords that are taken as they are, when their value is one that the library can take. */
const plain: Readonly<Record<string, (value: unknown) => boolean>> = {
  type: (value) => typeof value === 'string' || isTexts(value),
  const: () => true,
  enum: (value) => Array.isArray(value),
  required: (value) => isTexts(value),
  dependentRequired: (value) => isObject(value) && Object.values(value).every(isTexts),
  ...Object.fromEntries(
    ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf']
      .concat('minLength', 'maxLength', 'minItems', 'maxItems', 'minContains', 'maxContains')
      .concat('minProperties', 'maxProperties')
      .map((word) => [word, (value: unknown) => typeof value === 'number']),
  ),
}

/** Keywords with a schema, a list of schemas, or schemas by name. */
const single: ReadonlySet<string> = new Set(
  ['items', 'additionalItems', 'unevaluatedItems', 'contains', 'propertyNames']
    .concat('additionalProperties', 'unevaluatedProperties')
    .concat('not', 'if', 'then', 'else'),
)
const listed: ReadonlySet<string> = new Set(['items', 'prefixItems', 'allOf', 'anyOf', 'oneOf'])
const named: ReadonlySet<string> = new Set(['properties', 'dependentSchemas'])

/** Those of which everything inside holds unconditionally. */
const certain: ReadonlySet<string> = new Set(
  ['properties', 'additionalProperties', 'items', 'prefixItems', 'additionalItems'].concat('allOf'),
)

/** Keywords that check nothing, and those that are read together with another one. */
const silent: ReadonlySet<string> = new Set(
  ['$schema', '$id', 'id', '$anchor', '$comment', '$defs', 'definitions', '$vocabulary']
    .concat('title', 'description', 'default', 'example', 'examples', 'deprecated')
    .concat('readOnly', 'writeOnly', 'contentEncoding', 'contentMediaType', 'contentSchema'),
)

/** Keywords that may refuse more when something inside them was left out. */
const turning: ReadonlySet<string> = new Set(['not', 'oneOf', 'if', 'contains'])

/** Keywords that decide, besides `properties` and `items` themselves, which of these count as evaluated. */
const speaking: ReadonlySet<string> = new Set(
  ['allOf', 'anyOf', 'oneOf', 'if', 'then', 'else', 'contains', '$ref'].concat(
    'dependentSchemas',
    'dependencies',
    'patternProperties',
  ),
)

/** Prepares a schema that may come from anybody. Throws BAD_OPTION with `strict` (F2). */
export function checkable(schema: JsonSchema, preparing: Preparing): Checkable {
  const copying = new Copying(preparing)
  const copy = copying.copyOf(schema, { resource: schema, isCertain: true })
  copy['$defs'] = copying.targets
  return { schema: copy, unique: copying.unique }
}

/** Where a schema stands. */
interface Place {
  /** The schema whose parts its references name. */
  readonly resource: JsonSchema
  /** It applies unconditionally to whatever stands in its place. */
  readonly isCertain: boolean
}

class Copying {
  readonly unique = new Set<object>()
  /** What references lead to, by names of ours. */
  readonly targets: Record<string, unknown> = {}
  readonly #preparing: Preparing
  readonly #names = { certain: new Map<object, string>(), uncertain: new Map<object, string>() }
  /** Names of the targets in which something was left out. */
  readonly #reduced = new Set<string>()
  /** How often something was left out. */
  #leftOut = 0

  constructor(preparing: Preparing) {
    this.#preparing = preparing
  }

  copyOf(schema: JsonSchema, place: Place): Record<string, unknown> {
    const resource = typeof schema['$id'] === 'string' ? schema : place.resource
    const inside = { ...place, resource }
    const copy: Record<string, unknown> = {}
    let isSpokenOf = true
    for (const [word, value] of Object.entries(schema)) {
      const before = this.#leftOut
      this.#keyword(copy, { schema, word, value }, inside)
      if (this.#leftOut === before) continue
      if (speaking.has(word)) isSpokenOf = false
      if (!turning.has(word)) continue
      // At least one of the choices must still fit.
      if (word === 'oneOf' && schema['anyOf'] === undefined) copy['anyOf'] = copy[word]
      delete copy[word]
    }
    if (isSpokenOf) return copy
    delete copy['unevaluatedProperties']
    delete copy['unevaluatedItems']
    return copy
  }

  #keyword(
    copy: Record<string, unknown>,
    { schema, word, value }: { schema: JsonSchema; word: string; value: unknown },
    place: Place,
  ): void {
    const inside = { ...place, isCertain: place.isCertain && certain.has(word) }
    const one = (part: unknown): unknown => (isObject(part) ? this.copyOf(part, inside) : part)
    if (Object.hasOwn(plain, word) && plain[word]!(value)) copy[word] = value
    else if (single.has(word) && isSchema(value)) {
      // The patterns are not copied, so it is not known any more which properties are additional.
      if (word === 'additionalProperties' && schema['patternProperties'] !== undefined) return
      copy[word] = one(value)
    } else if (listed.has(word) && Array.isArray(value) && value.every(isSchema)) {
      copy[word] = value.map(one)
    } else if (named.has(word) && isObject(value) && Object.values(value).every(isSchema)) {
      copy[word] = mapped(value, one)
    } else if (word === 'dependencies' && isDependencies(value) && isOld(schema)) {
      const parts = Object.entries(value)
      const schemas = Object.fromEntries(parts.filter(([, part]) => isSchema(part)))
      copy['dependentRequired'] = Object.fromEntries(parts.filter(([, part]) => isTexts(part)))
      copy['dependentSchemas'] = mapped(schemas, one)
    } else if (word === 'pattern' && typeof value === 'string') {
      const matcher = this.#compiled(value)
      if (!matcher) return
      const name = formatOf(value)
      this.#preparing.formats[name] ??= (text) => matcher.finds(text)
      copy['format'] = name
    } else if (word === 'uniqueItems' && typeof value === 'boolean') {
      if (value && place.isCertain) this.unique.add(copy)
      else if (value) this.#leaveOut('"uniqueItems" in what holds under a condition only')
    } else if (word === '$ref' && typeof value === 'string') {
      const target = targetOf(place.resource, value)
      if (!target) this.#leaveOut(`"$ref" to ${JSON.stringify(value)}, where no schema is found,`)
      else copy['$ref'] = `#/$defs/${this.#named(target, place.isCertain)}`
    } else if (!silent.has(word) && !word.startsWith('x-')) {
      this.#leaveOut(`${JSON.stringify(word)}, as it stands in a JSON Schema,`)
    }
  }

  /** The name of a reference's target, which is copied where it is met first. */
  #named({ schema, resource }: Target, isCertain: boolean): string {
    const names = this.#names[isCertain ? 'certain' : 'uncertain']
    const known = names.get(schema)
    if (known !== undefined) {
      if (this.#reduced.has(known)) this.#leftOut++
      return known
    }
    const name = `${isCertain ? 'certain' : 'uncertain'}${names.size}`
    names.set(schema, name)
    const before = this.#leftOut
    this.targets[name] = this.copyOf(schema, { resource, isCertain })
    if (this.#leftOut > before) this.#reduced.add(name)
    return name
  }

  /** The pattern, compiled; undefined when the linear engine does not take it. */
  #compiled(pattern: string): LinearPattern | undefined {
    try {
      return linearPattern(pattern)
    } catch (error) {
      if (this.#preparing.strict) throw error
      this.#leftOut++
      return undefined
    }
  }

  #leaveOut(what: string): void {
    this.#leftOut++
    if (!this.#preparing.strict) return
    throw new EverloopError(
      'BAD_OPTION',
      `${what} is not checked: it is not known, or cannot be in linear time. Use what is, "pattern" say, or a guard of your own.`,
    )
  }
}

/** The name under which the library asks the linear engine about a pattern. */
const formatOf = (pattern: string): string => `everloop pattern ${pattern}`

interface Target {
  readonly schema: JsonSchema
  readonly resource: JsonSchema
}

/** What a reference leads to: a path from the top of its resource, or a name that one of its parts has. */
function targetOf(resource: JsonSchema, reference: string): Target | undefined {
  if (!reference.startsWith('#')) return undefined
  let path: string
  try {
    path = decodeURIComponent(reference.slice(1))
  } catch {
    return undefined
  }
  if (path !== '' && !path.startsWith('/')) return anchored(resource, resource, path)
  let found: Target = { schema: resource, resource }
  for (const part of path.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    const next = Object.hasOwn(found.schema, name) ? found.schema[name] : undefined
    if (typeof next !== 'object' || next === null) return undefined
    const schema = next as JsonSchema
    found = { schema, resource: typeof schema['$id'] === 'string' ? schema : found.resource }
  }
  return isObject(found.schema) ? found : undefined
}

function anchored(part: unknown, resource: JsonSchema, name: string): Target | undefined {
  if (typeof part !== 'object' || part === null) return undefined
  if ('$anchor' in part && part.$anchor === name) return { schema: part, resource }
  for (const child of Object.values(part)) {
    const found = anchored(child, resource, name)
    if (found) return found
  }
  return undefined
}

const mapped = (map: JsonSchema, make: (part: unknown) => unknown): JsonSchema =>
  Object.fromEntries(Object.entries(map).map(([name, part]) => [name, make(part)] as const))

const isDependencies = (value: unknown): value is JsonSchema =>
  isObject(value) && Object.values(value).every((part) => isTexts(part) || isSchema(part))

/** Whether its `dependencies` are all it says of what depends on what. */
const isOld = (schema: JsonSchema): boolean =>
  schema['dependentRequired'] === undefined && schema['dependentSchemas'] === undefined

const isSchema = (value: unknown): boolean => isObject(value) || typeof value === 'boolean'

const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.every((one) => typeof one === 'string')
