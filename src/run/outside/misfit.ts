/** What is wrong with a value that does not fit a JSON Schema, in words for whoever gave it. */
import type { OutputUnit } from '@cfworker/json-schema'

/** One sentence for each thing that is wrong, with the field that it is about. */
export function misfitText(schema: object, errors: readonly OutputUnit[]): string {
  const meant = errors
    .filter(({ keyword }) => keyword !== 'properties' && keyword !== 'items')
    .filter((unit) => !isToldAbove(unit, errors))
  return withoutOthers(meant)
    .map((unit) => `${fieldOf(unit)}${sayingOf(unit)}${saidOf(schema, unit.keywordLocation)}`)
    .join(' ')
}

/**
 * Without the branches of an `anyOf` that were not meant: whoever chose "raise" is told what is wrong with
 * that, and not that it is no "stop". Where no branch is of that choice, its errors say nothing more.
 */
function withoutOthers(errors: readonly OutputUnit[]): readonly OutputUnit[] {
  const others = new Set(
    errors
      .filter(({ keyword }) => keyword === 'const' || keyword === 'enum')
      .flatMap(({ keywordLocation }) => branchOf(keywordLocation) ?? []),
  )
  const isMeant = ({ keywordLocation }: OutputUnit): boolean =>
    !others.has(branchOf(keywordLocation) ?? '')
  const rest = errors.filter((unit) => unit.keyword !== 'anyOf' && isMeant(unit))
  return rest.length > 0 ? rest : errors
}

/** The branch of a choice between several that a keyword is of, the outermost. */
const branchOf = (location: string): string | undefined => /^.*?\/anyOf\/\d+/.exec(location)?.[0]

/** Nothing where it is about the whole value. */
const fieldOf = ({ instanceLocation }: OutputUnit): string =>
  instanceLocation.replace(/^#\/?/, '').replace(/.$/, '$&: ')

const refusesMore = new Set(['additionalProperties', 'unevaluatedProperties'])

/** A field that the schema does not know is told where it is missed, and once more as itself. */
const isToldAbove = (
  { keyword, instanceLocation }: OutputUnit,
  errors: readonly OutputUnit[],
): boolean =>
  keyword === 'false' &&
  errors.some(
    (other) =>
      refusesMore.has(other.keyword) &&
      other.instanceLocation === instanceLocation.replace(/\/[^/]*$/, ''),
  )

function sayingOf({ keyword, error }: OutputUnit): string {
  if (keyword === 'false') return 'It must not be there.'
  // The validator says "1 is less than 1" here.
  if (keyword === 'exclusiveMinimum') return error.replace(' is less than ', ' is not more than ')
  const [, name] = /"(.*)"/s.exec(error) ?? []
  if (name === undefined) return error
  if (refusesMore.has(keyword)) return `The schema has no field "${name}".`
  return keyword === 'required' ? `The field "${name}" is missing.` : error
}

/** What the schema itself says about what does not fit. */
function saidOf(schema: object, keywordLocation: string): string {
  let at: unknown = schema
  for (const part of keywordLocation.split('/').slice(1, -1)) {
    at = (at as Readonly<Record<string, unknown>> | undefined)?.[part]
  }
  const { description } = (at ?? {}) as { readonly description?: unknown }
  return typeof description === 'string' ? ` ${description}` : ''
}
