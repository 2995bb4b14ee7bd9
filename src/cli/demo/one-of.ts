/**
 * A schema for a choice among texts, as zod or valibot would make it: everloop takes any library
 * that follows Standard Schema, and this is all that such a schema is.
 */
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'

type Choice<T extends string> = StandardSchemaV1<unknown, T> & {
  readonly '~standard': StandardJSONSchemaV1.Props<unknown, T>
}

export function oneOf<const T extends string>(...choices: readonly T[]): Choice<T> {
  const json = (): Record<string, unknown> => ({ type: 'string', enum: choices })
  return {
    '~standard': {
      version: 1,
      vendor: 'everloop',
      validate: (value) => {
        const found = choices.find((choice) => choice === value)
        return found === undefined
          ? { issues: [{ message: `must be one of ${choices.join(', ')}` }] }
          : { value: found }
      },
      jsonSchema: { input: json, output: json },
    },
  }
}
