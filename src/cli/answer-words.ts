/** Answers as people type them: what they may type to a question, and what that means. */
import { parseJson } from '../base/parse-json.ts'
import { type Question, verdictHint, verdictsOf } from '../run/index.ts'
import { cleanLine } from './clean.ts'

/** What may be given as an answer, where the schema says it briefly. */
export function hintOf({ kind, schema }: Pick<Question, 'kind' | 'schema'>): string {
  if (kind === 'approval') return 'see everloop approvals'
  if (typeof schema !== 'object' || schema === null) return ''
  if ('enum' in schema && Array.isArray(schema.enum))
    return schema.enum.map((value) => cleanLine(String(value), 40)).join(', ')
  const verdicts = verdictHint(schema)
  if (verdicts !== undefined) return cleanLine(verdicts, 400)
  if (!('type' in schema)) return 'JSON'
  if (schema.type === 'boolean') return 'yes, no'
  return schema.type === 'string' ? '' : schema.type === 'number' ? 'a number' : 'JSON'
}

/** What it is about, as people are told. */
export function aboutOf({
  kind,
  path,
  schema,
}: Pick<Question, 'kind' | 'path' | 'schema'>): string {
  if (kind !== 'question') return 'a call'
  // Keys of everloop's own, with verdicts to choose from.
  const [, asker] = /(?:^|\/)=(budget|guard):.* asked$/s.exec(path) ?? []
  if (asker === undefined || verdictsOf(schema).length === 0) return 'what the code asks'
  return asker === 'budget' ? 'a budget that is used up' : 'what a guard asks'
}

/** True for schemas of which some answers are bare words. */
export const takesWords = (question: Question): boolean =>
  question.kind !== 'approval' && question.schema !== undefined && hintOf(question) !== 'JSON'

/**
 * The values that a typed text may mean: JSON first, then a yes or no, then the text itself. `shown`: the
 * digest of the call that the person has seen.
 */
export function readingsOf(text: string, { kind, schema }: Question, shown?: string): unknown[] {
  const typed = text.trim()
  const readings: unknown[] = []
  let word = typed
  try {
    const parsed = parseJson(typed)
    readings.push(parsed)
    if (typeof parsed === 'string') word = parsed
  } catch {
    // No JSON: a text, most likely.
  }
  const [, yes, no, why = ''] = /^(?:(y|yes)|(n|no)\b[\s,:]*(.*))$/i.exec(typed) ?? []
  if (kind === 'approval') {
    const reason = why === '' ? {} : { reason: why }
    const how = { channel: 'terminal', ...(shown === undefined ? {} : { shown }) }
    if (yes !== undefined) readings.push({ verdict: 'approve', ...how })
    if (no !== undefined) readings.push({ verdict: 'deny', ...how, ...reason })
    return readings
  }
  if (schema !== undefined) {
    if (yes !== undefined) readings.push(true)
    if (no !== undefined && why === '') readings.push(false)
  }
  // A word that is none of the verdicts is refused with what they are.
  if (verdictsOf(schema).length > 0 && /^[a-z]+$/i.test(word)) readings.push({ verdict: word })
  readings.push(typed)
  return readings
}
