/** How far an agent has come, for instructions and stop conditions that are functions. */
import type { Progress } from '../definition.ts'
import { answerText } from '../model/answer-text.ts'
import type { AgentState } from './state.ts'

/** What the agent said last. */
export function lastText({ messages }: AgentState): string {
  const last = messages.findLast(({ role }) => role === 'assistant')
  if (last?.role !== 'assistant') return ''
  return answerText(last.parts)
}

/** The progress of a run that is in this state. */
export const progressOf = (runId: string, state: AgentState): Progress => ({
  runId,
  turn: state.turns + 1,
  calls: state.calls,
  text: lastText(state),
})
