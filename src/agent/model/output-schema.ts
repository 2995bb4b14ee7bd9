/**
 * The JSON Schema of an output as APIs of models take it. All of them take an object at the root, and
 * nothing else there. OpenAI's strict mode wants objects closed and all of their fields required, and
 * knows a part of the words only: its guide to structured outputs lists them, under "Supported schemas".
 */
import { isObject } from '../../base/is-object.ts'
import { type JsonSchema, refusedAtTop } from '../tools/tool-schema.ts'

export interface OutputSchema {
  readonly schema: JsonSchema
  /** The answer is an object whose field `value` holds what was asked for. */
  readonly isWrapped: boolean
  /** Whether OpenAI's strict mode takes it. */
  readonly isStrict: boolean
}

/** Undefined where nothing can be told: there is no schema, or it allows everything. */
export function outputSchema(given: unknown): OutputSchema | undefined {
  if (!isObject(given)) return undefined
  const { $schema: _, ...root } = JSON.parse(JSON.stringify(given)) as Node
  if (Object.keys(root).length === 0) return undefined
  const isWrapped = root['type'] !== 'object' || refusedAtTop.some((word) => word in root)
  const schema = isWrapped ? wrapped(root) : root
  if (![...nodesOf(schema)].some(isComposed)) for (const node of nodesOf(schema)) close(node)
  return {
    schema,
    isWrapped,
    isStrict: isSmall(schema) && [...nodesOf(schema)].every(isStrictlyTaken),
  }
}

type Node = Record<string, unknown>

function wrapped({ $defs, definitions, ...value }: Node): Node {
  return moved({
    type: 'object',
    properties: { value },
    required: ['value'],
    additionalProperties: false,
    ...($defs === undefined ? {} : { $defs }),
    ...(definitions === undefined ? {} : { definitions }),
  })
}

/** References to what is in the field now follow it there. Definitions stay at the root. */
const moved = (schema: Node): Node =>
  JSON.parse(JSON.stringify(schema), (key, value: unknown) =>
    key === '$ref' && typeof value === 'string'
      ? value.replace(/^#(?!\/(\$defs|definitions)\/)/, '#/properties/value')
      : value,
  ) as Node

/** The schema and all schemas in it. */
function* nodesOf(schema: unknown): Generator<Node> {
  if (!isObject(schema)) return
  yield schema
  const { items, additionalProperties, ...rest } = schema
  yield* nodesOf(items)
  yield* nodesOf(additionalProperties)
  for (const word of ['properties', '$defs', 'definitions', 'anyOf', 'oneOf', 'prefixItems']) {
    for (const child of Object.values(Object(rest[word]) as Node)) yield* nodesOf(child)
  }
}

/** Whether several schemas say together what an object may hold: none of them can be closed then. */
const isComposed = (node: Node): boolean =>
  ['allOf', 'not', 'if', 'dependentSchemas', 'patternProperties'].some((word) => word in node) ||
  ('properties' in node && ['anyOf', 'oneOf', '$ref'].some((word) => word in node))

/** Says what is meant anyway: that there are no other fields, and that an answer is one of these. */
function close(node: Node): void {
  if (isObject(node['properties'])) node['additionalProperties'] ??= false
  const { oneOf } = node
  if (oneOf === undefined || 'anyOf' in node) return
  delete node['oneOf']
  node['anyOf'] = oneOf // strict mode knows no other; what fits two of them is noticed by the check
}

const strictWords = new Set(
  [
    ['type', 'title', 'description', 'enum', 'const', 'anyOf', '$ref', '$defs', 'definitions'],
    ['properties', 'required', 'additionalProperties', 'items', 'minItems', 'maxItems'],
    ['pattern', 'format', 'multipleOf'],
    ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'],
  ].flat(),
)
const strictFormats: ReadonlySet<unknown> = new Set(
  'date-time time date duration email hostname ipv4 ipv6 uuid'.split(' '),
)

const levelsMax = 10
const choicesMax = 1000

/** Whether it is within the limits of strict mode, as far as somebody may come to them. */
function isSmall(schema: Node): boolean {
  const choices = [...nodesOf(schema)].flatMap((node) => node['enum'] ?? [])
  return choices.length <= choicesMax && levelsOf(schema) <= levelsMax
}

function levelsOf(schema: unknown): number {
  if (!isObject(schema)) return 0
  const { items, properties, anyOf, $defs } = schema
  const inside = [
    items,
    ...[properties, anyOf, $defs].flatMap((word) => Object.values(Object(word) as Node)),
  ]
  const isLevel = items !== undefined || properties !== undefined
  return Math.max(...inside.map(levelsOf)) + (isLevel ? 1 : 0)
}

/** Whether strict mode takes this schema, whatever is in it. */
function isStrictlyTaken(node: Node): boolean {
  const words = Object.keys(node)
  const { type, format, pattern, properties, required, additionalProperties, items, anyOf } = node
  const is = (name: string): boolean => [type].flat().includes(name)
  if (words.some((word) => !strictWords.has(word))) return false
  if ('$ref' in node) return words.length === 1
  if (!('type' in node || 'anyOf' in node)) return false
  if (format !== undefined && !strictFormats.has(format)) return false
  if (/\(\?<?[=!]/.test(String(pattern))) return false
  if (is('array') && !isObject(items)) return false
  if (Array.isArray(anyOf) && !areToldApart(anyOf)) return false
  if (!is('object')) return true
  if (additionalProperties !== false || !isObject(properties) || !Array.isArray(required)) {
    return false
  }
  return Object.keys(properties).every((name) => required.includes(name))
}

/**
 * Strict mode refuses two objects that begin with the same field, unless that tells them apart. What a
 * reference or another choice begins with is not looked up.
 */
function areToldApart(schemas: readonly unknown[]): boolean {
  const objects = schemas.filter((schema) => beginnings.some((word) => word in Object(schema)))
  const isKnown = objects.every((schema) => 'properties' in Object(schema))
  if (!isKnown && objects.length > 1) return false
  const first = schemas.flatMap((schema) => {
    const [field] = Object.entries(Object((schema as Node)['properties']) as Node)
    return field && !('const' in Object(field[1])) ? [field[0]] : []
  })
  return new Set(first).size === first.length
}

const beginnings = ['properties', '$ref', 'anyOf']
