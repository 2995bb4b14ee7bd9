/**
 * Structured output: from the text of a model to a checked value, or to a complaint that tells the
 * model what to write instead. Tolerated is what models do around JSON (a code fence, a sentence in
 * front); nothing within the JSON is repaired.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { counted } from '../../base/counted.ts'
import { isObject } from '../../base/is-object.ts'
import { parseJson } from '../../base/parse-json.ts'
import { jsonSchemaOf } from '../../run/schema.ts'
import { outputSchema } from './output-schema.ts'
import { isTooDeep, levelsMax } from './too-deep.ts'

export type Structured<T> = { readonly ok: true; readonly value: T } | Misfit

export interface Misfit {
  readonly ok: false
  /** In words for the model. */
  readonly complaint: string
  /** The same in short, without anything of what the model wrote. */
  readonly reason: string
}

/** Issues beyond this many help nobody. */
const issuesMax = 20

/** The value in the text as the schema hands it on. A schema that throws is a fault of the caller's. */
export async function parseStructured<T>(
  text: string,
  schema: StandardSchemaV1<unknown, T>,
): Promise<Structured<T>> {
  const trimmed = text.replace(/^\uFEFF/, '').trim()
  const isWrapped = outputSchema(jsonSchemaOf(schema))?.isWrapped === true
  // Of several values the first that fits is meant. When none does, the longest was.
  let longest: (Found & { readonly misfit: Misfit }) | undefined
  for (const found of jsonIn(trimmed)) {
    const made = await unwrapped(found.value, schema, isWrapped)
    if (made.ok) return made
    if (found.units > (longest?.units ?? -1)) longest = { ...found, misfit: made }
  }
  return longest?.misfit ?? noJson(trimmed)
}

/** The value as the schema hands it on, out of the object that the model was told to put it into, if it was. */
async function unwrapped<T>(
  value: unknown,
  schema: StandardSchemaV1<unknown, T>,
  isWrapped: boolean,
): Promise<Structured<T>> {
  if (!isWrapped || !isObject(value) || Object.keys(value).join() !== 'value') {
    return fitted(value, schema)
  }
  const inside = await fitted(value['value'], schema)
  if (inside.ok) return inside
  const whole = await fitted(value, schema)
  return whole.ok ? whole : inside
}

/** The value as the schema hands it on. */
export async function fitted<T>(
  value: unknown,
  schema: StandardSchemaV1<unknown, T>,
): Promise<Structured<T>> {
  if (isTooDeep(value)) {
    const complaint = `The JSON is nested more than ${levelsMax} levels deep.`
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
    reason: `It is JSON, but not what the schema allows (${counted(result.issues.length, 'issue')}).`,
    complaint: `The JSON does not fit the schema:\n${issues.join('\n')}${more > 0 ? `\nand ${more} more.` : ''}`,
  }
}

function noJson(text: string): Misfit {
  if (text === '') {
    return {
      ok: false,
      complaint: 'The answer is empty. Answer with JSON alone.',
      reason: 'It is empty.',
    }
  }
  const { error = '' } = parsed(text)
  return {
    ok: false,
    reason: 'It is not JSON.',
    complaint: `The answer is not JSON (${error.slice(0, 200)}). Answer with JSON alone, complete, without comments or trailing commas.`,
  }
}

/** A value, and how long it is as text. */
interface Found {
  readonly value: unknown
  readonly units: number
}

/** The whole text as JSON, or else the complete objects and arrays in it: behind a code fence, then before it. */
function* jsonIn(text: string): Generator<Found> {
  const whole = parsed(text)
  if (whole.error === undefined) {
    yield { value: whole.value, units: text.length }
    return
  }
  const fence = /```(?:json\w*)?\s*\n?/i.exec(text)
  const inside = fence ? fence.index + fence[0].length : 0
  yield* objectsIn(text, inside, text.length)
  yield* objectsIn(text, 0, inside)
}

/** Those that begin in this part of the text. */
function* objectsIn(text: string, from: number, to: number): Generator<Found> {
  // A brace in the prose is passed over; a text full of them is not worth reading to its end.
  let at = from
  for (let tries = 0; tries < 50; tries++) {
    const offset = text.slice(at, to).search(/[{[]/)
    if (offset < 0) return
    at += offset
    const end = endOf(text, at)
    const found = end === undefined ? undefined : parsed(text.slice(at, end))
    if (end === undefined || !found || found.error !== undefined) {
      at++ // only a bracket
      continue
    }
    yield { value: found.value, units: end - at }
    at = end
  }
}

type Parsed = { readonly value: unknown; readonly error?: never } | { readonly error: string }

function parsed(text: string): Parsed {
  try {
    return { value: parseJson(text) }
  } catch (error) {
    return { error: (error as Error).message }
  }
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
