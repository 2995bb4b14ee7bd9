/** A definition of an agent with all defaults filled in, and the checks of it that need no run. */
import { EverloopError } from '../base/errors.ts'
import { parseDuration } from '../base/duration.ts'
import { checkCount, checkOptions, meant } from '../base/options.ts'
import type { Amounts } from '../ledger/index.ts'
import { checkSchema } from '../run/schema.ts'
import { limitsOf } from './budgets/budget.ts'
import type { AgentDefinition, Compaction, Stop } from './definition.ts'
import { checkGuards } from './guards/guard.ts'
import { checkTitle } from './loop/entitle.ts'
import { retryOf } from './model/call.ts'
import { checkPrices } from './model/check-prices.ts'
import { checkModels } from './model/resolve.ts'
import { checkSettings } from './settings.ts'
import { readMoreName } from './tools/read-more.ts'
import { type AnyTool, checkTools } from './tools/tool.ts'

export interface Defined extends AgentDefinition<unknown> {
  readonly limits: Amounts
  readonly tools: readonly AnyTool[]
  readonly timeoutMs: number | undefined
  readonly silenceMs: number | undefined
  readonly parallel: number
  readonly repairs: number
  readonly idleMs: number | undefined
}

const known: readonly (keyof AgentDefinition)[] = [
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
]

/** The definition, checked. Throws BAD_OPTION, BAD_NAME and UNKNOWN_MODEL. */
export function defined(definition: AgentDefinition<unknown>): Defined {
  checkOptions('agent', definition, known)
  const { tools = [], parallel = 32, repairs = 2, conversation, timeout, silence } = definition
  checkSpeaking(definition)
  checkConversation(conversation)
  checkCount('agent.parallel', parallel, 1)
  checkCount('agent.repairs', repairs, 0)
  checkCalling(definition, tools)
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

/** What concerns the model and what it is told. */
function checkSpeaking(definition: AgentDefinition<unknown>): void {
  const { model, prices, instructions, title, output, compaction, settings, retry } = definition
  checkModels(model)
  if (prices !== undefined) checkPrices(prices)
  checkInstructions(instructions)
  if (title !== undefined) checkTitle(title)
  checkSchema('agent', 'output', output)
  if (compaction !== undefined) checkCompaction(compaction)
  if (settings !== undefined) checkSettings('agent.settings', settings)
  retryOf(retry)
}

/** What concerns its calls. */
function checkCalling(
  { name, guards = [], stop }: AgentDefinition<unknown>,
  tools: readonly AnyTool[],
): void {
  checkTools(tools, `Agent "${name}"`)
  if (tools.some((tool) => tool.name === readMoreName)) {
    throw new EverloopError(
      'BAD_OPTION',
      `Agent "${name}" has a tool called "${readMoreName}", which is what everloop calls its own: models read on with it in results that are too long. Please rename yours.`,
    )
  }
  checkGuards(guards, `Agent "${name}"`)
  if (stop !== undefined) checkStop(stop, tools)
}

function checkConversation(conversation: AgentDefinition['conversation']): void {
  if (conversation === undefined || typeof conversation === 'boolean') return
  checkOptions('agent.conversation', conversation, ['idle'])
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
  checkCount('agent.stop.turns', turns, 1)
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
  checkCount('agent.compaction.keep', keep, 0)
  if (model !== undefined) checkModels(model)
  if (settings !== undefined) checkSettings('agent.compaction.settings', settings)
}
