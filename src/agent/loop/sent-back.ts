/** Answers that the model has to give again, and how often at most. */
import type { Run } from '../../run/index.ts'
import type { Agency } from './agency.ts'
import { halt } from './halt.ts'
import { type AgentState, withMessages } from './state.ts'

export interface Refusal {
  readonly is: 'deny' | 'retry'
  /** The guard. */
  readonly by: string
  readonly reason: string
  /** How often the guard may send something back. A denial counts like the default. */
  readonly max?: number
  readonly what: 'answer' | 'output'
}

/** How often a guard may deny in a row. */
const denialsMax = 2

/**
 * The state with which the model tries again: it is told why, and what it said is not in the
 * conversation. Throws GUARD_DENIED when the same guard has sent it back as often as it may.
 */
export function sentBack(at: Agency, run: Run, state: AgentState, refusal: Refusal): AgentState {
  const { by, reason, what, max = denialsMax } = refusal
  const before = Object.hasOwn(state.retries, by) ? state.retries[by] : undefined
  const times = (before ?? 0) + 1
  if (times > max) {
    throw halt(
      'GUARD_DENIED',
      `Guard "${by}" denied the ${what} of agent "${at.agent.name}" ${times} times, the last time because: ${reason}`,
      run.id,
    )
  }
  const text = `Your last answer was not accepted (${by}): ${reason}\nAnswer again.`
  const retries = { ...state.retries, [by]: times }
  return { ...withMessages(state, [{ role: 'user', text }]), retries }
}
