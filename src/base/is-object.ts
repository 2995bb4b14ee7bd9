/** What counts as an object of fields where values come from outside. */

/** True for an object that is no list. Which class it is of is not asked. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The same, and what it holds stands in its fields: a Map has none of them. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  isObject(value) && !(Symbol.iterator in value)
