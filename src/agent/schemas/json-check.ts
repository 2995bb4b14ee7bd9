/**
 * JSON Schema checks of untrusted values. Patterns of a schema are matched by the linear engine,
 * never by JavaScript's own: the schema may come from a server and the value from a model.
 */
import type { Validator } from '@cfworker/json-schema'
import { type Checkable, checkable } from './checkable.ts'
import { jsonSchemas } from '../late-modules.ts'
import type { JsonSchema } from '../tools/tool-schema.ts'
import { repeatsIn } from './unique-items.ts'

interface Checker extends Checkable {
  readonly validator: Validator
}

const checkers = new WeakMap<object, Checker>()

function checkerOf(schema: JsonSchema, strict = false): Checker {
  const known = checkers.get(schema)
  if (known && !strict) return known
  const { Validator: Library, format: formats } = jsonSchemas()
  const checked = checkable(schema, { formats, strict })
  const made = { ...checked, validator: new Library(checked.schema, '2020-12', false) }
  checkers.set(schema, made)
  return made
}

/** Throws BAD_OPTION when a part of the schema would not be checked. */
export function checkLimits(schema: JsonSchema): void {
  checkerOf(schema, true)
}

/** What is wrong with the value, as sentences without values; empty when it fits. */
export function matchesSchema(schema: JsonSchema, value: unknown): string[] {
  const checker = checkerOf(schema)
  const { errors } = checker.validator.validate(value)
  const misfits = errors
    .filter(({ keyword }) => keyword !== 'properties' && keyword !== 'items')
    .slice(0, 10)
    .map(({ instanceLocation, error }) => {
      const where = instanceLocation.replace(/^#\/?/, '').slice(0, 100)
      const what = error.replace(/"everloop pattern (.*)"/s, '$1').slice(0, 200)
      return where === '' ? what : `${where}: ${what}`
    })
  return [...misfits, ...repeatsIn(checker, value)].slice(0, 10)
}
