/** The model step of a turn: what is asked, and what is kept of the answer. */
import type { LanguageModelV4Message } from '@ai-sdk/provider'
import { EverloopError } from '../../base/errors.ts'
import { type LiveContext, stepIn } from '../../run/inside.ts'
import { jsonSchemaOf } from '../../run/schema.ts'
import type { Run } from '../../run/index.ts'
import type { Agency } from './agency.ts'
import { Costs, tokensOf } from '../budgets/costs.ts'
import { inTime } from '../in-time.ts'
import type { AnswerPart, ModelAnswer, ModelRequest } from '../model/answer.ts'
import { attemptMs } from '../model/attempt.ts'
import { isBlank } from '../model/message.ts'
import { withoutSignedReasoning } from '../model/signed-reasoning.ts'
import { progressOf } from './progress.ts'
import { resolved } from '../settings.ts'
import type { AgentState } from './state.ts'
import { turnKeys } from './turn-keys.ts'
import type { DefinedTool } from '../tools/tool-schema.ts'

/** An answer as it is recorded: text and reasoning stand in its parts, and nowhere else. */
type RecordedAnswer = Omit<ModelAnswer, 'text' | 'reasoning'>

/** The value of a model step: the answer, and the definition it was asked for with. */
export interface Reply {
  readonly answer: RecordedAnswer
  /** Digest of instructions and tools. */
  readonly definition: string
  /** Instructions and tools themselves, when they differ from those of the turn before. */
  readonly defined?: { readonly instructions: string; readonly tools: readonly DefinedTool[] }
  /** Input tokens as they are estimated, where the provider does not say. */
  readonly context?: number
  /** What it cost. */
  readonly amounts: Readonly<Record<string, number>>
  /** The table that money was computed with: its day, or "own". */
  readonly prices?: string
}

/** The messages as the model will get them, instructions first. `instructionsMs`: how long a function may take for those. */
export async function requestMessages(
  at: Agency,
  run: Run,
  state: AgentState,
  instructionsMs?: number,
): Promise<LanguageModelV4Message[]> {
  const instructions = await instructionsOf(at, run, { state, ms: instructionsMs })
  const system = isBlank(instructions) ? [] : [{ role: 'system' as const, content: instructions }]
  const messages = at.translation.of(state.messages, system)
  return state.bare === undefined
    ? messages
    : withoutSignedReasoning(messages, system.length + state.bare)
}

/** Asks the model, once. `messages`: what guards have made of the request, if they did. */
export function askModel(
  at: Agency,
  run: Run,
  state: AgentState,
  messages: LanguageModelV4Message[] | undefined,
): Promise<Reply> {
  const { accounts } = at
  const costs = new Costs(at)
  return stepIn(run, {
    name: 'model',
    options: { key: turnKeys.model },
    body: (context) => reply(at, run, state, { messages, shown: shown(at, context), costs }),
    isFresh: true,
    charge: (value) => ({
      to: accounts,
      amounts: { turns: 1, ...(value as Reply).amounts },
    }),
    failedCharge: () => costs.charge,
  }) as Promise<Reply>
}

async function reply(
  at: Agency,
  run: Run,
  state: AgentState,
  call: {
    readonly messages: LanguageModelV4Message[] | undefined
    readonly shown: Shown | undefined
    readonly costs: Costs
  },
): Promise<Reply> {
  const { agent, ports } = at
  const messages =
    call.messages ?? (await requestMessages(at, run, state, agent.timeoutMs ?? attemptMs))
  const instructions = messages[0]?.role === 'system' ? messages[0].content : ''
  const { tools, definition } = at.definitionWith(instructions)
  const answer = await call.costs.call({
    model: agent.model,
    prompt: messages,
    accepted: at.accepted,
    tools,
    responseFormat: formatOf(at),
    settings: await resolved(agent.settings, at),
    signal: at.signal,
    ...call.shown,
    ports,
    retry: agent.retry,
    timeoutMs: agent.timeoutMs,
    silenceMs: agent.silenceMs,
  })
  const sent = (): number => JSON.stringify([messages, tools]).length
  return {
    answer: recorded(answer),
    definition,
    ...(definition === state.definition ? {} : { defined: { instructions, tools } }),
    ...(answer.usage.input === undefined && { context: tokensOf(sent()) }),
    amounts: call.costs.amounts,
    ...(call.costs.prices === undefined ? {} : { prices: call.costs.prices }),
  }
}

function recorded({ text: _text, reasoning: _reasoning, ...answer }: ModelAnswer): RecordedAnswer {
  const content = answer.content.map((part): AnswerPart => {
    if (part.type !== 'tool-call' || part.input === undefined) return part
    const { rawInput: _same, ...call } = part
    return call
  })
  return { ...answer, content }
}

/** Evaluated for each request. What was sent is recorded by its digest, and in full when it changes. */
async function instructionsOf(
  { agent, ports }: Agency,
  run: Run,
  { state, ms }: { readonly state: AgentState; readonly ms: number | undefined },
): Promise<string> {
  const { instructions = '' } = agent
  if (typeof instructions === 'string') return instructions
  const told: unknown = await inTime(ports, { what: 'agent.instructions', ms }, () =>
    instructions(progressOf(run.id, state)),
  )
  if (typeof told === 'string') return told
  throw new EverloopError('BAD_OPTION', 'agent.instructions must return a text.', { run: run.id })
}

/** What is shown of an answer as it comes. */
type Shown = Required<Pick<ModelRequest, 'onText' | 'onRestart'>>

/**
 * Shows text as it comes, unless guards have to see the whole of it first: then nothing, or as much as
 * all of them let pass before their verdict.
 */
function shown({ guards }: Agency, live: LiveContext): Shown | undefined {
  const holding = guards.filter(({ at }) => at.includes('answer') || at.includes('output'))
  const window = Math.min(...holding.map((guard) => guard.window ?? 0))
  if (window === 0) return undefined
  let left = window
  return {
    onText: (text) => {
      if (left > 0) live.publish(text.slice(0, left))
      left -= text.length
    },
    onRestart: () => {
      left = window
      live.restart()
    },
  }
}

/** The output's schema as the provider is told it, where its library can tell one. */
function formatOf({ agent }: Agency): ModelRequest['responseFormat'] {
  if (!agent.output) return undefined
  const schema = jsonSchemaOf(agent.output)
  return { type: 'json', ...(schema === undefined ? {} : { schema: schema as never }) }
}
