/**
 * Checks an answer where it is given, with the JSON Schema that was stored with the question. That is a
 * help for whoever answers: what the answer must fit is the run's own schema.
 */
import { EverloopError } from '../../base/errors.ts'
import type { Payloads } from '../../ledger/index.ts'
import type { QuestionRow } from '../../store/store.ts'
import { fittingText, misfitText } from './misfit.ts'
import { reliableSchema } from './reliable-schema.ts'

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
  await checkFits(schema, value, { what: 'The answer', whose: "the question's", id, run })
  if (wait.kind !== 'approval.requested') return
  const { tool, argsSchema } = wait.record as Payloads['approval.requested']
  if (typeof value !== 'object' || value === null || !('args' in value)) return
  const about = { what: 'What the arguments were changed to', whose: `the tool ${tool}'s`, id, run }
  await checkFits(argsSchema, value.args, about)
}

interface About {
  readonly what: string
  readonly whose: string
  readonly id: string
  readonly run: string
}

async function checkFits(
  schema: unknown,
  value: unknown,
  { what, whose, id, run }: About,
): Promise<void> {
  if (typeof schema !== 'object' || schema === null) return
  // Loaded when there is something to check: it takes as long to load as all of a small resume.
  const { Validator } = await import('@cfworker/json-schema')
  const complaints = complaintsOf(() => {
    const reliable = reliableSchema(schema) as object
    const { valid, errors } = new Validator(reliable, '2020-12', false).validate(value)
    return valid ? undefined : misfitText(reliable, errors)
  })
  if (complaints === undefined) return
  throw new EverloopError(
    'BAD_INPUT',
    `${what} does not fit ${whose} schema: ${complaints} ${fittingText(schema, id)}`,
    { run },
  )
}

/** A schema that this check cannot read is left to the run's own. */
function complaintsOf(check: () => string | undefined): string | undefined {
  try {
    return check()
  } catch {
    return undefined
  }
}
