/** The keys of what a turn does before the model has answered, in order: what comes later is proof of what comes before (C4). */
import type { AgentState } from './state.ts'

/** The guards on each message that came in. */
export const inputKeys = ({ pending }: AgentState): readonly string[] =>
  pending.map((_, i) => `guard:input:${i + 1}`)

/** The decision whether there is room for asking the model. */
export const budgetKey = 'budget:turn'

/** What comes between that and the model. */
export const beforeModel: readonly string[] = ['guard:compaction', 'compaction', 'guard:request']

/** What comes behind the guards on what came in, up to the answer. */
export const toModel: readonly string[] = [budgetKey, ...beforeModel, 'model']
