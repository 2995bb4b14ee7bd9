/** What a person is asked about a call whose outcome is not known, and what they may say. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { ErrorData } from '../../base/errors.ts'
import { isObject } from '../../base/is-object.ts'
import type { Redactor } from '../../base/redactor.ts'
import { shortened } from '../../base/shortened.ts'
import { parseJson } from '../../base/parse-json.ts'
import { encode } from '../../ledger/index.ts'
import type { Payloads } from '../../ledger/index.ts'
import type { Doubt } from './doubt.ts'
import type { Line } from '../replay/recorded.ts'
import { jsonSchemaOf } from '../schema.ts'

/** Why a person is asked where nothing else could have been. */
export const noReconcile = 'The step has no `reconcile`.'

/** What a person is asked about a call. `result`: what it returns, where its schema is known. */
export function questionOf(
  { entry, record }: Line<'effect.intended'>,
  {
    name,
    doubt,
    reason,
    result,
    redactor,
  }: {
    readonly name: string
    readonly doubt: Doubt
    readonly reason: string
    readonly result: StandardSchemaV1 | undefined
    readonly redactor: Redactor
  },
): Pick<Payloads['effect.doubted'], 'prompt' | 'schema'> {
  const args = 'args' in record ? ` with ${excerpt(record.args)}` : ''
  const since = new Date(entry.time).toISOString()
  const known = `It was called at ${since} (attempt ${record.attempt})${args}, and what came of it is not known.`
  const why = reason === noReconcile ? '' : ` Why you are asked: ${sentence(reason, redactor)}`
  return {
    prompt: `Did "${name}" happen? ${known} ${sentence(wentWrong(doubt), redactor)}${why}`,
    schema: schemaWith(jsonSchemaOf(result)),
  }
}

function wentWrong({ why, error }: Doubt): string {
  switch (why) {
    case 'crashed':
      return 'Its process died.'
    case 'timed-out':
      return 'Its time was over.'
    case 'aborted':
      return 'It was aborted.'
    case 'threw':
      return error ? `It threw ${saidOf(error)}` : 'It threw.'
  }
}

/** What was thrown, in a line. */
export const saidOf = ({ name, message }: ErrorData): string => `${name}: ${message}`

const sentenceUnits = 300

/** On one line, and cut when no secret is in it any more: half of one would not be found. */
function sentence(text: string, redactor: Redactor): string {
  const line = redactor.text(text).replaceAll(/\s+/g, ' ').trim()
  const shown = shortened(line, sentenceUnits)
  return /[.!?…]$/.test(shown) ? shown : `${shown}.`
}

/** The answer's schema with the result's inside. References there would lead elsewhere in here. */
function schemaWith(result: unknown): unknown {
  if (typeof result !== 'object' || result === null) return answerSchema
  if (JSON.stringify(result).includes('"$ref"')) return answerSchema
  const { $schema: _, ...inner } = result as Readonly<Record<string, unknown>>
  return { ...answerSchema, properties: { ...answerSchema.properties, result: inner } }
}

const excerptUnits = 200

function excerpt(args: unknown): string {
  // Encoded first: plain JSON knows no bigint. Read again: encoded text escapes letters.
  return shortened(JSON.stringify(parseJson(encode(args))), excerptUnits)
}

/** JSON Schema of what a person may say. */
const answerSchema = {
  type: 'object',
  required: ['verdict'],
  properties: {
    verdict: {
      enum: ['done', 'retry', 'fail'],
      description:
        'done: it happened, with `result`. retry: it did not happen, call again. fail: the step fails.',
    },
    result: { description: 'What the step returns, when it was done.' },
    reason: { type: 'string', maxLength: 4000 },
  },
  additionalProperties: false,
  anyOf: [
    { properties: { verdict: { const: 'done' } } },
    { properties: { verdict: { enum: ['retry', 'fail'] }, result: false } },
  ],
} as const

/** What a person has said. */
export type DoubtAnswer =
  | { readonly verdict: 'done'; readonly result: unknown; readonly reason?: string | undefined }
  | { readonly verdict: 'retry' | 'fail'; readonly reason?: string | undefined }

/** The answer, or what is wrong with it. */
export function answerOf(value: unknown): DoubtAnswer | string {
  if (!isObject(value)) return 'The answer must be an object with a `verdict`.'
  const { verdict, result, reason, ...others } = value
  const [other] = Object.keys(others)
  if (other !== undefined) return `The answer has no field "${other}".`
  if (reason !== undefined && typeof reason !== 'string') return '`reason` must be a text.'
  if (verdict === 'done') return { verdict, result, reason }
  if (verdict !== 'retry' && verdict !== 'fail') {
    return '`verdict` must be "done", "retry" or "fail".'
  }
  return 'result' in value ? `\`result\` needs the verdict "done".` : { verdict, reason }
}
