/** Checks an answer where it is given, with the JSON Schema that was stored with the question. */
import { EverloopError } from '../base/errors.ts'
import type { Payloads } from '../ledger/index.ts'
import type { QuestionRow } from '../store/store.ts'

/** Throws BAD_INPUT when the answer cannot fit, QUESTION_CLOSED when it comes too late. */
export async function checkAnswer(
  { id, run, wait }: QuestionRow,
  value: unknown,
  now: number,
): Promise<void> {
  if (wait.due !== undefined && wait.due <= now) {
    throw new EverloopError(
      'QUESTION_CLOSED',
      `Question "${id}" expired at ${new Date(wait.due).toISOString()}.`,
      { run },
    )
  }
  const { schema } = wait.record as Payloads['question.asked']
  if (typeof schema !== 'object' || schema === null) return
  // Loaded when there is something to check: it takes as long to load as all of a small resume.
  const { Validator } = await import('@cfworker/json-schema')
  const { valid, errors } = new Validator(schema, '2020-12', false).validate(value)
  if (valid) return
  const issues = errors
    .filter(({ keyword }) => keyword !== 'properties' && keyword !== 'items')
    .map(
      ({ instanceLocation, error }) =>
        `${instanceLocation.replace(/^#\/?/, '') || 'the answer'}: ${error}`,
    )
  throw new EverloopError(
    'BAD_INPUT',
    `The answer does not fit the question's schema: ${issues.join(' ')} It must fit: ${JSON.stringify(schema)}`,
    { run },
  )
}
