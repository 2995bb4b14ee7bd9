/**
 * Checks an answer where it is given, with the JSON Schema that was stored with the question. That is a
 * help for whoever answers: what the answer must fit is the run's own schema.
 */
import { EverloopError } from '../../base/errors.ts'
import type { Payloads } from '../../ledger/index.ts'
import type { QuestionRow } from '../../store/store.ts'
import { answerText, fittingText } from './fitting.ts'
import { misfitText } from './misfit.ts'
import { reliableSchema } from './reliable-schema.ts'
import { hasVerdict, verdictHint } from './verdicts.ts'

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
  const complaints = await complaintsAbout(schema, value)
  if (complaints !== undefined) {
    throw new EverloopError('BAD_INPUT', unfitText({ id, wait }, value, complaints), { run })
  }
  if (wait.kind !== 'approval.requested') return
  const { tool, argsSchema } = wait.record as Payloads['approval.requested']
  if (typeof value !== 'object' || value === null || !('args' in value)) return
  const wrong = await complaintsAbout(argsSchema, value.args)
  if (wrong === undefined) return
  throw new EverloopError(
    'BAD_INPUT',
    `What the arguments were changed to does not fit the tool ${tool}'s schema: ${wrong} ${fittingText(argsSchema, id)}`,
    { run },
  )
}

/** Whoever has not chosen between what may be answered is told what that is, and not what a schema says of it. */
function unfitText(
  asked: Pick<QuestionRow, 'id' | 'wait'>,
  value: unknown,
  complaints: string,
): string {
  const { kind, record } = asked.wait
  const { schema } = record as Payloads['question.asked']
  if (kind !== 'approval.requested' && verdictHint(schema) === undefined) {
    return `The answer does not fit the question's schema: ${complaints} ${answerText(asked)}`
  }
  const why = hasVerdict(schema, value) ? `: ${complaints}` : '.'
  return `The answer does not fit the question${why} ${answerText(asked)}`
}

/** What is wrong with the value; undefined when it fits, or there is nothing to check it with. */
async function complaintsAbout(schema: unknown, value: unknown): Promise<string | undefined> {
  if (typeof schema !== 'object' || schema === null) return undefined
  // Loaded when there is something to check: it takes as long to load as all of a small resume.
  const { Validator } = await import('@cfworker/json-schema')
  return complaintsOf(() => {
    const reliable = reliableSchema(schema) as object
    const { valid, errors } = new Validator(reliable, '2020-12', false).validate(value)
    return valid ? undefined : misfitText(reliable, errors)
  })
}

/** A schema that this check cannot read is left to the run's own. */
function complaintsOf(check: () => string | undefined): string | undefined {
  try {
    return check()
  } catch {
    return undefined
  }
}
