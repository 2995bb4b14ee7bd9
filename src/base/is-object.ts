/** What counts as an object of fields where values come from outside. */

/** True for an object that is no list. Which class it is of is not asked. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
