/**
 * Structured output: from the text of a model to a checked value, or to a complaint that tells the
 * model what to write instead. Tolerated is what models do around JSON (a code fence, a sentence in
 * front); nothing within the JSON is repaired.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { isDeeper } from './tool-input.ts'

export type Structured<T> = { readonly ok: true; readonly value: T } | Misfit

export interface Misfit {
  readonly ok: false
  /** In words for the model. */
  readonly complaint: string
  /** The same in short, without anything of what the model wrote. */
  readonly reason: string
}

/** Deeper values than this are refused; the ledger keeps 500 levels, of which records need some. */
const depthMax = 200

/** Issues beyond this many help nobody. */
const issuesMax = 20

/** The value in the text as the schema hands it on. A schema that throws is a fault of the caller's. */
export async function parseStructured<T>(
  text: string,
  schema: StandardSchemaV1<unknown, T>,
): Promise<Structured<T>> {
  const found = jsonIn(text)
  if (!found.ok) return found
  return fitted(found.value, schema)
}

/** The value as the schema hands it on. */
export async function fitted<T>(
  value: unknown,
  schema: StandardSchemaV1<unknown, T>,
): Promise<Structured<T>> {
  if (isDeeper(value, depthMax)) {
    const complaint = `The JSON is nested more than ${depthMax} levels deep.`
    return { ok: false, complaint, reason: complaint }
  }
  const result = await schema['~standard'].validate(value)
  if (!result.issues) return { ok: true, value: result.value }
  const issues = result.issues.slice(0, issuesMax).map((issue) => {
    const path = issue.path?.map((part) => String(typeof part === 'object' ? part.key : part)) ?? []
    return `- ${path.length === 0 ? 'the whole value' : path.join('.')}: ${issue.message}`
  })
  const more = result.issues.length - issues.length
  return {
    ok: false,
    reason: `It is JSON, but not what the schema allows (${result.issues.length} ${result.issues.length === 1 ? 'issue' : 'issues'}).`,
    complaint: `The JSON does not fit the schema:\n${issues.join('\n')}${more > 0 ? `\nand ${more} more.` : ''}`,
  }
}

function jsonIn(text: string): Structured<unknown> {
  const trimmed = text.replace(/^\uFEFF/, '').trim()
  if (trimmed === '')
    return {
      ok: false,
      complaint: 'The answer is empty. Answer with JSON alone.',
      reason: 'It is empty.',
    }
  try {
    return { ok: true, value: JSON.parse(trimmed) as unknown }
  } catch (error) {
    const inner = firstJson(trimmed)
    if (inner) return { ok: true, value: inner.value }
    return {
      ok: false,
      reason: 'It is not JSON.',
      complaint: `The answer is not JSON (${(error as Error).message.slice(0, 200)}). Answer with JSON alone, complete, without comments or trailing commas.`,
    }
  }
}

/** The first complete object or array: behind a code fence, or behind words. */
function firstJson(text: string): { readonly value: unknown } | undefined {
  const fence = /```(?:json\w*)?\s*\n?/i.exec(text)
  const starts = [fence ? fence.index + fence[0].length : 0, 0]
  for (const from of new Set(starts)) {
    // A brace in the prose is passed over; a text full of them is not worth reading to its end.
    let at = from
    for (let tries = 0; tries < 50; tries++) {
      const offset = text.slice(at).search(/[{[]/)
      if (offset < 0) break
      at += offset
      const end = endOf(text, at)
      if (end !== undefined) {
        try {
          return { value: JSON.parse(text.slice(at, end)) as unknown }
        } catch {
          // Not JSON, only brackets.
        }
      }
      at++
    }
  }
  return undefined
}

/** Where the value that begins here ends, by its brackets outside of texts. */
function endOf(text: string, start: number): number | undefined {
  let depth = 0
  let isText = false
  for (let at = start; at < text.length; at++) {
    const char = text[at]
    if (isText) {
      if (char === '\\') at++
      else if (char === '"') isText = false
    } else if (char === '"') isText = true
    else if (char === '{' || char === '[') depth++
    else if (char === '}' || char === ']') {
      depth--
      if (depth === 0) return at + 1
    }
  }
  return undefined
}
