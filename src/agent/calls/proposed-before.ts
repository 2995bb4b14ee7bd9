/**
 * How guards see the calls of one answer: for each call, those before it in the answer count as made.
 * Otherwise a model that repeats itself could do so all at once.
 */
import { digestOf } from '../../ledger/index.ts'
import type { Agency } from '../loop/agency.ts'
import type { PastCall } from '../guards/guard.ts'
import type { ToolCallPart } from '../model/answer.ts'
import { givenArgs } from '../model/proposed-calls.ts'
import { type AgentState, remembered } from '../loop/state.ts'
import { validateCall } from './validate-call.ts'

/** The state as guards on each of these calls are to see it, in their order. */
export function proposedBefore(
  at: Agency,
  state: AgentState,
  calls: readonly ToolCallPart[],
): readonly AgentState[] {
  const isGuarded = at.guards.some((one) => one.at.includes('call'))
  if (calls.length < 2 || !isGuarded) return calls.map(() => state)
  const tools = [...at.tools.values()]
  const all = calls.map((part): PastCall => {
    const args = givenArgs(part)
    const checked = validateCall(tools, { tool: part.name, args })
    // Where a schema takes its time, the arguments count as the model gave them.
    const isValid = !(checked instanceof Promise) && checked.is === 'valid'
    return { tool: part.name, digest: digestOf(isValid ? checked.args : args) }
  })
  return calls.map((_, i) => ({ ...state, history: remembered(state, all.slice(0, i)) }))
}
