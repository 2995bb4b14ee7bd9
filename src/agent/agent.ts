/** Agents: flows whose body is the agent loop. */
import { type Flow, flow, type Run } from '../run/index.ts'
import { beginningIn } from '../run/inside.ts'
import { Agency } from './loop/agency.ts'
import { agentInput, type AgentInput } from './agent-input.ts'
import { type Defined, defined } from './defined.ts'
import type { AgentDefinition } from './definition.ts'
import { asUserMessage } from './loop/prompt.ts'
import { checkPrices } from './budgets/known-prices.ts'
import { initialState } from './loop/state.ts'
import { takeTurn } from './loop/turn.ts'
import { undoActions } from './calls/undoing.ts'

/** An agent, to be handed to `open` and `start` like every flow. */
export type Agent<Output = string> = Flow<AgentInput, Output>

/**
 * Defines an agent: a flow that asks a model and calls tools until the model has answered. Every model
 * call, tool call, verdict and approval is recorded before the next one begins.
 *
 * @example
 * const support = agent({
 *   name: 'support',
 *   model: 'openai/gpt-5',
 *   instructions: 'Solve the problem of the customer.',
 *   tools: [lookup, refund],
 *   budget: { turns: 40, usd: 2 },
 * })
 */
export function agent<Output = string>(definition: AgentDefinition<Output>): Agent<Output> {
  const made = defined(definition)
  const { name, version } = made
  return flow<AgentInput, Output>({
    name,
    ...(version === undefined ? {} : { version }),
    input: agentInput,
    actions: undoActions(made),
    run: (run, input) => perform(made, run, input) as Promise<Output>,
  })
}

async function perform(made: Defined, run: Run, input: AgentInput): Promise<unknown> {
  const at = new Agency(made, run)
  checkPrices(at, run)
  const prompts = 'messages' in input ? input.messages : [input.prompt]
  // What an agent above says is not said by whoever started that one.
  const by = beginningIn(run).parent ? undefined : at.requester
  const pending = prompts.map((prompt) => asUserMessage(prompt, by))
  return run.loop('turns', { state: initialState(pending) }, (turn, state) =>
    takeTurn(at, turn, state),
  )
}
