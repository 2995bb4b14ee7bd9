/** Executing a call that was decided upon: as a step, as a question, or as a run of its own. */
import { hash } from 'node:crypto'
import { EverloopError, StepError } from '../../base/errors.ts'
import { lateFields } from '../../base/late-fields.ts'
import { decode, encode, errorData } from '../../ledger/index.ts'
import { askIn, childIn, isRecorded, stepIn } from '../../run/inside.ts'
import type { Run, StepContext } from '../../run/index.ts'
import type { Agency } from '../loop/agency.ts'
import { dataSchema } from '../schemas/data-schema.ts'
import type { CallResult } from '../loop/state.ts'
import { readMoreName } from '../tools/read-more.ts'
import { errorText, excerpt, told, wholeText } from './result-text.ts'
import type { AnyAskTool, AnyRunTool, AnyTool, ToolContext } from '../tools/tool.ts'
import { keyOfCall, type ToolCall } from './tool-call.ts'
import { undoName } from './undoing.ts'

/** What came of it, for the model. */
export type Executed = Pick<CallResult, 'is' | 'value' | 'artifact'>

/** Errors of operations that are the tool's, and that the model is told. */
const toolErrors: readonly string[] = ['STEP_FAILED', 'CHILD_FAILED', 'EXPIRED', 'BAD_INPUT']

/** Executes the call. Throws only what is not the tool's fault. */
export async function executeTool(at: Agency, run: Run, call: ToolCall): Promise<Executed> {
  try {
    return resultOf(call.tool, await perform(at, run, call))
  } catch (error) {
    if (!EverloopError.is(error) || !toolErrors.includes(error.code)) throw error
    // By its code: where another copy of everloop executes the run, its classes are others.
    const { name, message } = error.code === 'STEP_FAILED' ? (error as StepError).cause : error
    const thrown = Object.assign(new Error(message), { name })
    return { is: 'error', value: errorText(thrown, call.tool.maxResult) }
  }
}

function perform(at: Agency, run: Run, { tool, id, input }: ToolCall): Promise<unknown> {
  const key = keyOfCall(id)
  switch (tool.does) {
    case 'ask': {
      const { timeout, output = anyText, maxResult: largeAt } = tool
      const options = { key, schema: output, ...(timeout === undefined ? {} : { timeout }) }
      return askIn(run, { prompt: promptOf(run, tool, { key, input }), options, largeAt })
    }
    case 'child':
      return childIn(run, { flow: tool.flow, input, options: { key }, largeAt: tool.maxResult })
    case 'run':
      return asStep(at, run, { tool, id, input })
  }
}

/** A copy: what a tool does to its input must change nothing that is recorded or judged. */
const copyOf = (input: unknown): never => decode(encode(input)) as never

/** The question. Throws as a step does whose function throws: the model has made the arguments. */
function promptOf(
  run: Run,
  tool: AnyAskTool,
  { key, input }: { readonly key: string; readonly input: unknown },
): string {
  try {
    const prompt: unknown = tool.prompt(copyOf(input))
    const isPut = typeof prompt === 'string' && (prompt.trim() !== '' || isRecorded(run, key))
    if (isPut && prompt !== '') return prompt
    throw new TypeError('These arguments make no question: a person would be shown nothing.')
  } catch (thrown) {
    throw new StepError({ run: run.id, step: key, attempts: 1, cause: errorData(thrown) })
  }
}

function asStep(
  at: Agency,
  run: Run,
  { tool, id, input }: ToolCall & { readonly tool: AnyRunTool },
): Promise<unknown> {
  const { effect, timeout, retry, settle, reconcile, undo } = tool
  const { accounts, secrets } = at
  const charge = { to: accounts, amounts: { calls: 1 } }
  const also = { runId: run.id, call: id, secrets }
  return stepIn(run, {
    name: tool.name,
    options: {
      key: keyOfCall(id),
      input,
      effect,
      ...(timeout === undefined ? {} : { timeout }),
      ...(retry === undefined ? {} : { retry }),
      ...(settle === undefined ? {} : { settle }),
      ...(reconcile
        ? {
            reconcile: (_input, context) => reconcile(copyOf(input), { ...also, ...context }),
          }
        : {}),
      ...(undo ? { undo: { action: undoName(at.agent.name, tool.name), input } } : {}),
    },
    body: (context) =>
      tool.run(copyOf(input), withLateFields({ ...also, attempt: context.attempt }, context)),
    result: tool.output,
    largeAt: tool.maxResult,
    ...(at.isLimited ? { charge: () => charge, failedCharge: () => charge } : {}),
  })
}

/** What few tools ask for. */
const withLateFields = lateFields<StepContext, Pick<ToolContext, 'signal' | 'idempotencyKey'>>({
  signal: (context) => context.signal,
  idempotencyKey: (context) => context.idempotencyKey,
})

/** What people answer where a tool does not say what fits. */
const anyText = dataSchema<unknown>({ type: 'string' })

/** What the model is told of a result: as much of it as it may see, and how to read the rest. */
function resultOf({ maxResult }: AnyTool, value: unknown): Executed {
  const text = wholeText(value)
  if (Buffer.byteLength(text) <= maxResult) {
    return { is: 'result', value: told(value) }
  }
  // The operation has spilled its value into this artifact, see run/replay/large.ts.
  const bytes = Buffer.from(encode(value), 'latin1')
  const name = hash('sha256', bytes, 'base64url')
  const shown = excerpt(text, maxResult, { artifact: name, tool: readMoreName })
  return { is: 'result', value: shown, artifact: { artifact: name, bytes: bytes.byteLength } }
}
