/** Makes a Standard Schema of a JSON Schema, for questions that everloop itself puts to people. */
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'

/** A schema that tells its JSON Schema and checks against it. */
export function dataSchema<T>(
  schema: Readonly<Record<string, unknown>>,
): StandardSchemaV1<unknown, T> {
  const standard: StandardSchemaV1.Props<unknown, T> & StandardJSONSchemaV1.Props = {
    version: 1,
    vendor: 'everloop',
    validate: async (value) => {
      // Loaded when there is something to check, as for answers.
      const { Validator } = await import('@cfworker/json-schema')
      const { valid, errors } = new Validator(schema, '2020-12', false).validate(value)
      if (valid) return { value: value as T }
      return { issues: errors.map(({ error }) => ({ message: error })) }
    },
    jsonSchema: { input: () => schema, output: () => schema },
  }
  return { '~standard': standard }
}
