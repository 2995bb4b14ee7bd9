/** The keys under which a turn records what it does, beside those of its calls (tool-call.ts). */
import type { AgentState } from './state.ts'

/** In the order in which the turn comes to them: what comes later is proof of what comes before (C4). */
export const turnKeys = {
  /** The decision whether there is room for asking the model. */
  budget: 'budget:turn',
  /** The guards on the request for a summary, whether there is room behind them, and the summary. */
  compactionGuard: 'guard:compaction',
  compactionRoom: 'budget:compaction',
  compaction: 'compaction',
  requestGuard: 'guard:request',
  /** Whether there is room still, where a summary or judges have spent something since the budget was asked. */
  room: 'budget:model',
  model: 'model',
  answerGuard: 'guard:answer',
  outputGuard: 'guard:output',
  /** In a turn that only listens. */
  nextMessage: 'next message',
} as const

/** The guards on each message that came in: before all others. */
export const inputKeys = ({ pending }: AgentState): readonly string[] =>
  pending.map((_, i) => `guard:input:${i + 1}`)

/** What comes between the budget and the model. */
export const beforeModel: readonly string[] = [
  turnKeys.compactionGuard,
  turnKeys.compactionRoom,
  turnKeys.compaction,
  turnKeys.requestGuard,
  turnKeys.room,
]

/** What comes behind the guards on what came in, up to the answer. */
export const toModel: readonly string[] = [turnKeys.budget, ...beforeModel, turnKeys.model]
