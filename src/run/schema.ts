/** Standard Schema at the edges: values are checked where they enter, and schemas are told as JSON. */
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'
import { EverloopError, type ErrorPlace } from '../base/errors.ts'

/**
 * The value as the schema hands it on. Throws BAD_INPUT with every complaint of the schema. Schemas of
 * everloop's own are told whether the value was let in before, perhaps by a build that was less strict.
 */
export async function checked<T>(
  schema: StandardSchemaV1<unknown, T> | undefined,
  value: unknown,
  what: string,
  place: ErrorPlace = {},
  { isRecorded = false }: { readonly isRecorded?: boolean } = {},
): Promise<T> {
  // Without a schema the caller's type is taken at its word.
  if (!schema) return value as T
  const standard = schema['~standard']
  const options = standard.vendor === 'everloop' ? { libraryOptions: { isRecorded } } : undefined
  const result = await standard.validate(value, options)
  if (!result.issues) return result.value
  const issues = result.issues.map((issue) => {
    const path = issue.path?.map((part) => (typeof part === 'object' ? part.key : part)).join('.')
    return path ? `${path}: ${issue.message}` : issue.message
  })
  throw new EverloopError(
    'BAD_INPUT',
    `${what} does not fit its schema: ${issues.join('; ')}.`,
    place,
  )
}

/** Throws BAD_OPTION for what is handed over as a schema and is none: with it nothing could be checked. */
export function checkSchema(where: string, option: string, schema: unknown): void {
  if (schema === undefined || isStandardSchema(schema)) return
  throw new EverloopError(
    'BAD_OPTION',
    `${where}: \`${option}\` is no Standard Schema. Give one of zod, valibot or arktype; a JSON Schema is none.`,
  )
}

/** True for a schema of zod, valibot, arktype and the like. */
export const isStandardSchema = (schema: unknown): boolean =>
  ((typeof schema === 'object' && schema !== null) || typeof schema === 'function') &&
  typeof (schema as Partial<StandardSchemaV1>)['~standard']?.validate === 'function'

/** The schema as JSON Schema, if its library can say it: zod and arktype can, valibot in a wrapper. */
export function jsonSchemaOf(schema: StandardSchemaV1 | undefined): unknown {
  const standard = schema?.['~standard'] as Partial<StandardJSONSchemaV1.Props> | undefined
  try {
    return standard?.jsonSchema?.input({ target: 'draft-2020-12' })
  } catch {
    return undefined // some schemas, a transform say, have none: then only the flow's code can check
  }
}
