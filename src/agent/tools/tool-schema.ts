/**
 * The JSON Schema of a tool's arguments, as model APIs take it. What they are known to refuse is
 * refused where the tool is defined, not in the middle of a run.
 */
import { createHash } from 'node:crypto'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { EverloopError } from '../../base/errors.ts'
import { isObject } from '../../base/is-object.ts'
import { parseJson } from '../../base/parse-json.ts'
import { checkSchema, isStandardSchema, jsonSchemaOf } from '../../run/schema.ts'

/** A JSON Schema that describes an object. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** A tool as a model is told of it. */
export interface DefinedTool {
  readonly name: string
  readonly description: string
  readonly inputSchema: JsonSchema
}

const levelsMax = 64
const unitsMax = 256 * 1024

/** What APIs of models refuse at the top of a schema. */
export const refusedAtTop = [
  'anyOf',
  'oneOf',
  'allOf',
  'not',
  'enum',
  'const',
  '$ref',
  'if',
] as const

/** The schema that stands for these options. Throws BAD_OPTION. */
export function toolSchema({
  name,
  input,
  inputSchema,
}: {
  readonly name: string
  readonly input?: StandardSchemaV1 | undefined
  readonly inputSchema?: JsonSchema | undefined
}): JsonSchema {
  const bad = (what: string): EverloopError =>
    new EverloopError('BAD_OPTION', `Tool "${name}": ${what}.`)
  checkSchema(`Tool "${name}"`, 'input', input)
  // Its words would be read as those of a JSON Schema, which knows none of them: any arguments would do.
  if (isStandardSchema(inputSchema))
    throw bad('`inputSchema` takes a JSON Schema. Give one of zod, valibot or arktype as `input`')
  const said = inputSchema ?? (input === undefined ? noArguments : jsonSchemaOf(input))
  if (!isObject(said)) {
    throw bad(
      'its `input` cannot be told as JSON Schema. Leave out transforms, dates and the like, wrap a schema of valibot in `toStandardJsonSchema` of @valibot/to-json-schema, or give `inputSchema` too',
    )
  }
  let text: string
  try {
    text = JSON.stringify(said)
  } catch {
    throw bad('its schema contains itself')
  }
  if (text.length > unitsMax) throw bad(`its schema is longer than ${unitsMax} characters as JSON`)
  const { $schema: _, ...schema } = parseJson(text) as Record<string, unknown>
  if (schema['type'] !== 'object') {
    throw bad('its arguments must be an object: put the value into a field of one')
  }
  for (const word of refusedAtTop) {
    if (Object.hasOwn(schema, word)) {
      throw bad(
        `"${word}" at the top of its schema is refused by APIs of models. Put it into a field of the object`,
      )
    }
  }
  checkInside(schema, bad, 0)
  return deepFrozen(schema)
}

/** The tool as a model is told of it. */
export const toolDefinition = ({ name, description, inputSchema }: DefinedTool): DefinedTool => ({
  name,
  description,
  inputSchema,
})

/** Identifies what the model was told: another description or schema has another digest. */
export function definitionDigest(tool: DefinedTool): string {
  const text = JSON.stringify(toolDefinition(tool))
  return createHash('sha256').update(text).digest('base64url')
}

const noArguments: JsonSchema = { type: 'object', properties: {}, additionalProperties: false }

function checkInside(value: unknown, bad: (what: string) => EverloopError, level: number): void {
  if (typeof value !== 'object' || value === null) return
  if (level > levelsMax) throw bad(`its schema is nested more than ${levelsMax} levels deep`)
  for (const [key, child] of Object.entries(value)) {
    if (key === '$ref' && typeof child === 'string' && !child.startsWith('#'))
      throw bad('its schema refers to another document, which is never fetched')
    checkInside(child, bad, level + 1)
  }
}

function deepFrozen<T extends object>(value: T): T {
  for (const child of Object.values(value)) {
    if (typeof child === 'object' && child !== null) deepFrozen(child as object)
  }
  return Object.freeze(value)
}
