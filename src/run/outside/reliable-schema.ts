/**
 * What a JSON Schema says reliably about a value that code will judge later: types, fields, choices,
 * lengths, bounds. Its patterns have no flags and its formats are read in other ways than the code's, so
 * these are left to the code.
 */

/** Keywords that JSON Schema and code read differently. */
const leftToCode: ReadonlySet<string> = new Set(['pattern', 'format'])
/** When something is left out inside these, more is refused instead of less: then they are left out too. */
const turnsAround: ReadonlySet<string> = new Set(['not', 'if', 'oneOf', 'contains'])
/** What these hold is data. */
const holdsData: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples', 'required'])
/** What these hold is schemas by name. */
const holdsNames: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  'dependentSchemas',
  '$defs',
  'definitions',
])

/** The schema, or a part of it, without what is left to the code. */
export function reliableSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(reliableSchema)
  return isFields(schema) ? mapped(schema, reliableKeyword) : schema
}

/** What a keyword holds; undefined for one that is left out. */
function reliableKeyword(held: unknown, keyword: string): unknown {
  if (leftToCode.has(keyword)) return undefined
  if (turnsAround.has(keyword) && leavesToCode(held)) return undefined
  if (holdsData.has(keyword)) return held
  return holdsNames.has(keyword) && isFields(held)
    ? mapped(held, reliableSchema)
    : reliableSchema(held)
}

/** True where there may be something in it, or in what it refers to. */
const leavesToCode = (schema: unknown): boolean =>
  /"(?:pattern|format|\$ref)":/.test(JSON.stringify(schema))

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null

const mapped = (fields: Fields, map: (value: unknown, name: string) => unknown): Fields =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => {
      const kept = map(value, name)
      return kept === undefined ? [] : [[name, kept]]
    }),
  )
