/**
 * Tools: what a model may propose to call, and what the runtime needs to know to make the call safely.
 *
 * A tool does one of three things: it runs a function, asks a person, or starts a child run. In each
 * case the arguments are checked against its schema first, and a call is an operation of the run.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { EverloopError } from '../../base/errors.ts'
import { type Duration, parseDuration } from '../../base/duration.ts'
import type { AnyFlow, EffectClass, RetryPolicy } from '../../run/face.ts'
import type { Finding, ReconcileContext } from '../../run/effects/finding.ts'
import { retryOf } from '../../run/operations/retry-policy.ts'
import { checkSchema } from '../../run/schema.ts'
import { checkCount, checkOptions } from '../../base/options.ts'
import { shown } from '../../base/shown.ts'
import { isEffectClass } from '../../run/effects/effect-class.ts'
import { type ApprovalRule, checkApprovalPolicy } from '../policies/approval-policy.ts'
import type { Secrets } from '../secret.ts'
import { type JsonSchema, toolSchema } from './tool-schema.ts'

/**
 * What repeating a call means. `"read"`: nothing changes, repeat freely. `"idempotent"`: repeat with the
 * same idempotency key. `"once"`: must not be repeated, so a call in doubt is resolved first.
 */
export type ToolEffect = EffectClass

/** What a tool's function is handed besides its input. */
export interface ToolContext {
  /** The same for every attempt at this call, in whatever process. Give it to the service called. */
  readonly idempotencyKey: string
  /** Aborted when the attempt times out or the run is cancelled. */
  readonly signal: AbortSignal
  /** 1 for the first. */
  readonly attempt: number
  readonly runId: string
  /** The model's id of the call. */
  readonly call: string
  readonly secrets: Secrets
}

/** What `reconcile` is handed besides the input: what finding out takes. */
export interface ReconcileToolContext
  extends ReconcileContext, Pick<ToolContext, 'runId' | 'call' | 'secrets'> {}

type ReconcileTool<Input, Result> = (
  input: Input,
  context: ReconcileToolContext,
) => Finding<Result> | Promise<Finding<Result>>

/** What `undo` is handed besides the input and the result. Its idempotency key differs from the call's. */
export interface UndoToolContext extends Omit<ToolContext, 'call'> {
  /** The call that is undone. `idempotencyKey`: the one it was handed, to find its effect by. */
  readonly of: { readonly idempotencyKey: string }
}

/** What all tools have. */
interface ToolFace<Input> {
  /** What the model calls it by: 1 to 64 letters, digits, "_" and "-". */
  readonly name: string
  /** For the model: what it does, and when to use it. */
  readonly description: string
  /** What its arguments must fit. */
  readonly input: StandardSchemaV1<unknown, Input> | undefined
  /** The same as JSON Schema, as the model is told it. */
  readonly inputSchema: JsonSchema
  readonly effect: ToolEffect
  /** Whether a person must allow a call. Decided by the runtime, never by the model. */
  readonly approval: ApprovalRule<Input> | undefined
  /** How many calls of this tool a run makes at a time. Default: all. */
  readonly concurrency: number | undefined
  /** Results longer than this many bytes become artifacts, of which the model gets an excerpt. */
  readonly maxResult: number
  /** Results come from outside, and may be written to mislead the agent. */
  readonly taints: boolean
  /** `"outside"`: a call sends something to where others can read it. */
  readonly writes: 'outside' | false
  /** The URLs, hosts or addresses that a call would write to. */
  readonly destinations: ((input: Input) => readonly string[]) | undefined
}

/** A tool that runs a function. */
export interface RunTool<Input, Result> extends ToolFace<Input> {
  readonly does: 'run'
  readonly output: StandardSchemaV1<unknown, Result> | undefined
  readonly timeout: Duration | undefined
  readonly retry: RetryPolicy | undefined
  readonly settle: Duration | undefined
  readonly reconcile: ReconcileTool<Input, Result> | undefined
  readonly undo:
    | ((input: Input, result: Result | undefined, context: UndoToolContext) => unknown)
    | undefined
  readonly run: (input: Input, context: ToolContext) => Result | Promise<Result>
}

/** A tool that puts a question to a person. The answer is the result. */
export interface AskTool<Input, Answer> extends ToolFace<Input> {
  readonly does: 'ask'
  readonly output: StandardSchemaV1<unknown, Answer> | undefined
  readonly prompt: (input: Input) => string
  readonly timeout: Duration | undefined
}

/** A tool that starts a run of a flow, an agent perhaps. Its output is the result. */
export interface ChildTool<Input, Output> extends ToolFace<Input> {
  readonly does: 'child'
  readonly flow: AnyFlow
  readonly output: StandardSchemaV1<unknown, Output> | undefined
}

/** What a model may propose to call, made by `tool`, `askPerson` or `agentTool`. */
export type Tool<Input = unknown, Result = unknown> =
  | RunTool<Input, Result>
  | AskTool<Input, Result>
  | ChildTool<Input, Result>

/** Any tool, whatever it takes. Its functions are called with arguments that were checked before. */
export type AnyTool = AnyRunTool | AnyAskTool | AnyChildTool

/** What tells of types that are not known any more. */
interface AnySchemas {
  readonly input: StandardSchemaV1 | undefined
  readonly output: StandardSchemaV1 | undefined
}

export interface AnyRunTool
  extends AnySchemas, Omit<RunTool<never, unknown>, keyof AnySchemas | 'undo'> {
  readonly undo: ((input: never, result: never, context: UndoToolContext) => unknown) | undefined
}

export interface AnyAskTool extends AnySchemas, Omit<AskTool<never, unknown>, keyof AnySchemas> {}

export interface AnyChildTool
  extends AnySchemas, Omit<ChildTool<never, unknown>, keyof AnySchemas> {}

/** The options that tools of all kinds share. */
export interface ToolOptions<Input> {
  readonly name: string
  readonly description: string
  readonly input?: StandardSchemaV1<unknown, Input>
  /** JSON Schema of the arguments: in the place of `input`, or where its library cannot tell one. */
  readonly inputSchema?: JsonSchema
  readonly approval?: ApprovalRule<Input>
  readonly concurrency?: number
  readonly maxResult?: number
  readonly taints?: boolean
  readonly writes?: 'outside' | false
  readonly destinations?: (input: Input) => readonly string[]
}

/** What `tool` makes a tool of. */
export interface ToolDefinition<Input, Result> extends ToolOptions<Input> {
  /** Required: what repeating a call means. */
  readonly effect: ToolEffect
  /** What the result must fit that a person gives for a call in doubt. */
  readonly output?: StandardSchemaV1<unknown, Result>
  /** An attempt that takes longer is aborted; so is one at `undo`, after "1m" unless this is given. */
  readonly timeout?: Duration
  readonly retry?: RetryPolicy
  /** How long a request may still be on its way after its timeout. */
  readonly settle?: Duration
  /** Asked when it is not known whether a call took effect. Returns done(…), notDone() or unknown(). */
  readonly reconcile?: ReconcileTool<Input, NoInfer<Result>>
  /**
   * Undoes a call that took effect, or may have. In the latter case the result is undefined, and
   * `of.idempotencyKey` finds the effect. Write it after `run`, so that the type of the result is known.
   */
  readonly undo?: (
    input: Input,
    result: NoInfer<Result> | undefined,
    context: UndoToolContext,
  ) => unknown
  readonly run: (input: Input, context: ToolContext) => Result | Promise<Result>
}

const brand = Symbol.for('everloop.tool')

/** The options that every kind of tool takes. */
export const commonToolOptions: readonly string[] = [
  'name',
  'description',
  'input',
  'inputSchema',
  'approval',
  'concurrency',
  'maxResult',
  'taints',
  'writes',
  'destinations',
]

/** Result text beyond this is kept as an artifact, unless the tool says otherwise. */
const maxResultDefault = 32 * 1024

/**
 * Defines a tool. Throws BAD_OPTION and BAD_NAME.
 *
 * @example
 * const lookup = tool({
 *   name: 'lookup_order',
 *   description: 'Finds an order by its id.',
 *   input: z.object({ id: z.string() }),
 *   effect: 'read',
 *   run: ({ id }, { signal }) => orders.find(id, { signal }),
 * })
 */
export function tool<Input, Result>(
  definition: ToolDefinition<Input, Result>,
): RunTool<Input, Result> {
  checkOptions('tool', definition, [
    ...commonToolOptions,
    'effect',
    'output',
    'timeout',
    'retry',
    'settle',
    'reconcile',
    'undo',
    'run',
  ])
  const { run, output, timeout, retry, settle, reconcile, undo } = definition
  const face = toolFace(definition, definition.effect)
  checkSchema(`Tool "${face.name}"`, 'output', output)
  const bad = badOption(definition.name)
  if (typeof run !== 'function') throw bad('needs `run`: a function that makes the call')
  for (const [name, value] of Object.entries({ reconcile, undo })) {
    if (value !== undefined && typeof value !== 'function')
      throw bad(`\`${name}\` must be a function`)
  }
  if (face.effect === 'read' && undo !== undefined)
    throw bad('has effect "read", so there is nothing to undo')
  if (face.effect !== 'once' && reconcile !== undefined)
    throw bad(
      `has effect "${face.effect}", so no call of it is in doubt, and there is nothing to reconcile`,
    )
  if (face.effect !== 'once' && settle !== undefined)
    throw bad(`has effect "${face.effect}", so there is nothing that could settle late`)
  retryOf(retry)
  if (timeout !== undefined) parseDuration(timeout)
  if (settle !== undefined) parseDuration(settle)
  return branded({
    ...face,
    does: 'run',
    output,
    timeout,
    retry,
    settle,
    reconcile,
    undo,
    run,
  })
}

/** True for tools made by any copy of everloop. */
export const isTool = (value: unknown): value is AnyTool =>
  typeof value === 'object' && value !== null && brand in value

/** Throws BAD_OPTION unless these are tools with different names. */
export function checkTools(tools: unknown, where: string): asserts tools is readonly AnyTool[] {
  if (!Array.isArray(tools) || !tools.every(isTool)) {
    throw new EverloopError(
      'BAD_OPTION',
      `${where} takes a list of tools, made with tool(…), askPerson(…) or agentTool(…).`,
    )
  }
  const seen = new Set<string>()
  for (const { name } of tools as readonly AnyTool[]) {
    if (seen.has(name)) {
      throw new EverloopError(
        'BAD_OPTION',
        `${where} has two tools called "${name}". The model tells them apart by their names: rename one.`,
      )
    }
    seen.add(name)
  }
}

/** Freezes and marks a tool. */
export function branded<T extends object>(made: T): T {
  Object.defineProperty(made, brand, { value: true })
  return Object.freeze(made)
}

/** What all kinds of tools have, checked. */
export function toolFace<Input>(options: ToolOptions<Input>, effect: ToolEffect): ToolFace<Input> {
  const { name, description, input, approval, concurrency, destinations } = options
  const { maxResult = maxResultDefault, taints = false, writes = false } = options
  if (typeof name !== 'string' || !/^[a-zA-Z0-9_-]{1,64}$/.test(name)) {
    throw new EverloopError(
      'BAD_NAME',
      `The name of a tool is 1 to 64 letters, digits, "_" and "-", but this is ${shown(name)}.`,
    )
  }
  const bad = badOption(name)
  if (typeof description !== 'string' || description.trim() === '')
    throw bad('needs a `description`: it is how the model knows when to call it')
  if (!isEffectClass(effect)) {
    throw bad(
      'needs an `effect`: "read" (nothing changes: a call may be repeated freely), "idempotent" (may be repeated with the same idempotency key) or "once" (must never be repeated silently)',
    )
  }
  if (concurrency !== undefined) checkCount(`${whose(name)} \`concurrency\``, concurrency, 1)
  if (!Number.isInteger(maxResult) || maxResult < 1024)
    throw bad('`maxResult` must be a whole number of bytes, at least 1024')
  if (typeof taints !== 'boolean') throw bad('`taints` must be true or false')
  if (writes !== false && writes !== 'outside') throw bad('`writes` must be "outside" or false')
  if (destinations !== undefined && typeof destinations !== 'function')
    throw bad('`destinations` must be a function that returns a list of URLs, hosts or addresses')
  if (typeof approval === 'object') checkApprovalPolicy(approval, `Tool "${name}", approval`)
  else if (
    approval !== undefined &&
    typeof approval !== 'boolean' &&
    typeof approval !== 'function'
  )
    throw bad('`approval` must be true, false, a function or an approval policy')
  return {
    name,
    description,
    input,
    inputSchema: toolSchema(options),
    effect,
    approval,
    concurrency,
    maxResult,
    taints,
    writes,
    destinations,
  }
}

/** Makes errors about the options of one tool. */
const badOption =
  (name: string) =>
  (what: string): EverloopError =>
    new EverloopError('BAD_OPTION', `${whose(name)} ${what}.`)

const whose = (name: string): string => `Tool ${JSON.stringify(name)}`
