/** What an agent is made of, and the checks of it that need no run. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { EverloopError } from '../base/errors.ts'
import { type Duration, parseDuration } from '../base/duration.ts'
import { checkOptions, meant } from '../base/options.ts'
import type { Amounts } from '../ledger/index.ts'
import { checkSchema } from '../run/schema.ts'
import type { ModelRetry } from './model/answer.ts'
import { retryOf } from './model/call.ts'
import { checkPrices } from './model/check-prices.ts'
import type { Model } from './model/port.ts'
import type { Price } from './model/prices.ts'
import { checkModels } from './model/resolve.ts'
import { type Budget, limitsOf } from './budgets/budget.ts'
import { checkGuards, type Guard } from './guards/guard.ts'
import { readMoreName } from './tools/read-more.ts'
import { checkTitle, type Title } from './loop/entitle.ts'
import { type AgentSettings, checkSettings } from './settings.ts'
import { type AnyTool, checkTools } from './tools/tool.ts'

/** What instructions and stop conditions may look at. */
export interface Progress {
  readonly runId: string
  /** Counted from 1. */
  readonly turn: number
  readonly calls: number
  /** The last answer of the model, "" before the first. */
  readonly text: string
}

/** When an agent ends although the model would go on. Whichever comes first. */
export interface Stop {
  /** After so many turns. */
  readonly turns?: number
  /** After a call of one of these tools has returned. */
  readonly tools?: readonly string[]
  /** When this returns true after a turn. */
  readonly when?: (progress: Progress) => boolean
}

/** When and how a long conversation is shortened. */
export interface Compaction {
  /** When a model call had more input tokens than this, the conversation is shortened before the next. */
  readonly above: number
  /** About how many of the newest messages stay as they are. Default 20. */
  readonly keep?: number
  /** Who writes the summary. Default: the agent's model. */
  readonly model?: Model
  /**
   * The settings to write it with. Default: the agent's `headers` and `providerOptions`, where its own model
   * writes the summary.
   */
  readonly settings?: AgentSettings
  /** What the summary must hold. */
  readonly instructions?: string
}

export interface AgentDefinition<Output = string> {
  /** Runs are found by it: keep it stable. */
  readonly name: string
  readonly version?: string
  readonly model: Model
  /** What people call its runs in lists: a text, or a function of the prompt. Cut to 200 characters. */
  readonly title?: Title
  /** The system prompt, or a function that tells it before each model call. */
  readonly instructions?: string | ((progress: Progress) => string | Promise<string>)
  readonly tools?: readonly AnyTool[]
  readonly guards?: readonly Guard[]
  readonly budget?: Budget
  /** What the final answer must fit. The model is told, and may repair what does not fit. */
  readonly output?: StandardSchemaV1<unknown, Output>
  /** How often an answer that does not fit is sent back. Default 2. */
  readonly repairs?: number
  readonly stop?: Stop
  /** After an answer the agent waits for the next message, at most so long; then its run completes. */
  readonly conversation?: boolean | { readonly idle?: Duration }
  readonly compaction?: Compaction
  readonly settings?: AgentSettings
  /** How model calls are tried again. */
  readonly retry?: ModelRetry
  /** The longest that one attempt at a model call may take. Default "10m". */
  readonly timeout?: Duration
  /** How long a model may send nothing during an attempt. Default "2m". */
  readonly silence?: Duration
  /** Tool calls of one answer that are executed at a time: not those that ask or start a run. Default 32. */
  readonly parallel?: number
  /** Prices by "provider/model", before those of everloop's own table. */
  readonly prices?: Readonly<Record<string, Price>>
}

/** A definition with all defaults filled in. */
export interface Defined extends AgentDefinition<unknown> {
  readonly limits: Amounts
  readonly tools: readonly AnyTool[]
  readonly timeoutMs: number | undefined
  readonly silenceMs: number | undefined
  readonly parallel: number
  readonly repairs: number
  readonly idleMs: number | undefined
}

/** The definition, checked. Throws BAD_OPTION, BAD_NAME and UNKNOWN_MODEL. */
export function defined(definition: AgentDefinition<unknown>): Defined {
  checkOptions('agent', definition, [
    'name',
    'version',
    'model',
    'title',
    'instructions',
    'tools',
    'guards',
    'budget',
    'output',
    'repairs',
    'stop',
    'conversation',
    'compaction',
    'settings',
    'retry',
    'timeout',
    'silence',
    'parallel',
    'prices',
  ])
  const { model, tools = [], guards = [], stop, compaction, conversation, timeout } = definition
  const { silence, parallel = 32, repairs = 2, settings, retry } = definition
  checkModels(model)
  if (definition.prices !== undefined) checkPrices(definition.prices)
  checkInstructions(definition.instructions)
  if (definition.title !== undefined) checkTitle(definition.title)
  checkSchema('agent', 'output', definition.output)
  if (compaction !== undefined) checkCompaction(compaction)
  if (settings !== undefined) checkSettings('agent.settings', settings)
  retryOf(retry)
  if (conversation !== undefined && typeof conversation !== 'boolean') {
    checkOptions('agent.conversation', conversation, ['idle'])
  }
  checkCount('parallel', parallel, 1)
  checkCount('repairs', repairs, 0)
  checkTools(tools, `Agent "${definition.name}"`)
  if (tools.some(({ name }) => name === readMoreName)) {
    throw new EverloopError(
      'BAD_OPTION',
      `Agent "${definition.name}" has a tool called "${readMoreName}", which is what everloop calls its own: models read on with it in results that are too long. Please rename yours.`,
    )
  }
  checkGuards(guards, `Agent "${definition.name}"`)
  if (stop !== undefined) checkStop(stop, tools)
  const idle = typeof conversation === 'object' ? conversation.idle : undefined
  return {
    ...definition,
    limits: limitsOf(definition.budget),
    tools: [...tools],
    timeoutMs: timeout === undefined ? undefined : parseDuration(timeout),
    silenceMs: silence === undefined ? undefined : parseDuration(silence),
    parallel,
    repairs,
    idleMs: idle === undefined ? undefined : parseDuration(idle),
  }
}

function checkCount(name: string, count: unknown, least: number): void {
  if (Number.isInteger(count) && Number(count) >= least) return
  throw new EverloopError(
    'BAD_OPTION',
    `agent.${name} must be a whole number of at least ${least}.`,
  )
}

function checkInstructions(instructions: unknown): void {
  if (['undefined', 'string', 'function'].includes(typeof instructions)) return
  throw new EverloopError(
    'BAD_OPTION',
    'agent.instructions must be a text, or a function that returns one.',
  )
}

function checkStop(stop: Stop, own: readonly AnyTool[]): void {
  checkOptions('agent.stop', stop, ['turns', 'tools', 'when'])
  const { turns = 1, tools = [], when } = stop
  if (!Number.isInteger(turns) || turns < 1) {
    throw new EverloopError('BAD_OPTION', 'agent.stop.turns must be a whole number of at least 1.')
  }
  if (!Array.isArray(tools)) {
    throw new EverloopError('BAD_OPTION', 'agent.stop.tools must be a list of names of tools.')
  }
  if (when !== undefined && typeof when !== 'function') {
    throw new EverloopError('BAD_OPTION', 'agent.stop.when must be a function.')
  }
  const names = [...own.map(({ name }) => name), readMoreName]
  for (const name of tools as readonly unknown[]) {
    if (names.includes(String(name))) continue
    const has = own.length === 0 ? 'The agent has no tools.' : `Its tools: ${names.join(', ')}.`
    throw new EverloopError(
      'BAD_OPTION',
      `agent.stop.tools names "${String(name)}", which is no tool of the agent.${meant(String(name), names)} ${has}`,
    )
  }
}

function checkCompaction(compaction: Compaction): void {
  checkOptions('agent.compaction', compaction, [
    'above',
    'keep',
    'model',
    'settings',
    'instructions',
  ])
  const { above, keep = 20, model, settings } = compaction
  if (typeof above !== 'number' || !(above > 0)) {
    throw new EverloopError(
      'BAD_OPTION',
      'agent.compaction.above must be a number of input tokens, more than 0.',
    )
  }
  if (!Number.isInteger(keep) || keep < 0) {
    throw new EverloopError('BAD_OPTION', 'agent.compaction.keep must be a whole number.')
  }
  if (model !== undefined) checkModels(model)
  if (settings !== undefined) checkSettings('agent.compaction.settings', settings)
}
