/** An answer without calls: whether it is the output, and what of it. */
import { holdIn } from '../run/inside.ts'
import type { Run } from '../run/index.ts'
import type { Agency } from './agency.ts'
import { halt } from './halt.ts'
import { fitted, parseStructured, type Structured } from './model/structured.ts'
import { lastText } from './progress.ts'
import { rule } from './ruling.ts'
import { sentBack } from './sent-back.ts'
import type { AgentState } from './state.ts'

export type Conclusion =
  | { readonly is: 'output'; readonly output: unknown }
  /** The model has to try again, with this state. */
  | { readonly is: 'again'; readonly state: AgentState }

/** Makes the output of the last answer. Throws OUTPUT_INVALID and GUARD_DENIED. */
export async function conclude(at: Agency, run: Run, state: AgentState): Promise<Conclusion> {
  const text = lastText(state)
  const made = await outputOf(at, run, text)
  if (!made.ok) return repaired(at, run, state, made.complaint)
  const ruling = await rule(at, run, state, {
    position: 'output',
    key: 'guard:output',
    later: [],
    subject: { text, value: made.value },
  })
  if (ruling.is === 'deny' || ruling.is === 'retry') {
    // What was not accepted is taken out of the conversation.
    const before = { ...state, messages: state.messages.slice(0, -1) }
    return { is: 'again', state: sentBack(at, run, before, { ...ruling, what: 'output' }) }
  }
  const { output } = at.agent
  if (!output) return { is: 'output', output: ruling.subject.text }
  if (!ruling.isFixed) return { is: 'output', output: made.value }
  // What a guard has put in its place must fit like an answer.
  const fixed = await holdIn(run, fitted(ruling.subject.value, output))
  if (fixed.ok) return { is: 'output', output: fixed.value }
  return repaired(at, run, state, `A guard has changed the output. ${fixed.complaint}`)
}

/** The model is told what does not fit, as often as it may repair. */
function repaired(at: Agency, run: Run, state: AgentState, complaint: string): Conclusion {
  if (state.repairs >= at.agent.repairs) {
    throw halt(
      'OUTPUT_INVALID',
      `The answer of agent "${at.agent.name}" does not fit its output's schema, after ${state.repairs} repairs: ${complaint}`,
      run.id,
    )
  }
  const messages = [...state.messages, { role: 'user' as const, text: complaint }]
  return { is: 'again', state: { ...state, messages, repairs: state.repairs + 1 } }
}

async function outputOf({ agent }: Agency, run: Run, text: string): Promise<Structured<unknown>> {
  const { output } = agent
  if (!output) return { ok: true, value: text }
  return holdIn(run, parseStructured(text, output))
}
