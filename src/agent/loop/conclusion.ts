/**
 * What an agent ends with: whether its last text is its output, and as what value. However an agent ends,
 * nothing leaves it that the guards at `output` have not seen, or that does not fit its schema.
 */
import type { EverloopError } from '../../base/errors.ts'
import { holdIn } from '../../run/inside.ts'
import type { Run } from '../../run/index.ts'
import type { Agency } from './agency.ts'
import { halt } from './halt.ts'
import { inTime } from '../in-time.ts'
import { fitted, type Misfit, parseStructured, type Structured } from '../model/structured.ts'
import { lastText } from './progress.ts'
import { rule } from '../guards/ruling.ts'
import { isTakenUp } from '../budgets/spending.ts'
import { type Refusal, sentBack } from './sent-back.ts'
import { type AgentState, withMessages, withOtherMessages } from './state.ts'
import { turnKeys } from './turn-keys.ts'

export type Conclusion =
  | { readonly is: 'output'; readonly output: unknown }
  /** The model has to try again, with this state. */
  | { readonly is: 'again'; readonly state: AgentState }

type Rejected = ({ readonly is: 'misfit' } & Omit<Misfit, 'ok'>) | Omit<Refusal, 'what'>
type Judged = { readonly is: 'output'; readonly output: unknown } | Rejected

/**
 * Makes the output of an answer without calls. `isLast` is asked before one is sent back: whether the
 * model has no further try. Throws OUTPUT_INVALID and GUARD_DENIED.
 */
export async function conclude(
  at: Agency,
  run: Run,
  state: AgentState,
  isLast: () => boolean,
): Promise<Conclusion> {
  const judged = await judge(at, run, state)
  if (judged.is === 'output') return judged
  if (isLast()) throw stopped(at, run, judged)
  switch (judged.is) {
    case 'misfit':
      return repaired(at, run, state, judged)
    case 'deny':
    case 'retry': {
      // What was not accepted is taken out of the conversation.
      const before = withOtherMessages(state, state.messages.slice(0, -1))
      return { is: 'again', state: sentBack(at, run, before, { ...judged, what: 'output' }) }
    }
  }
}

/**
 * Makes the output of an agent that is stopped where it stands: the model has no further try, unless by
 * then `isLast` is no longer so. Throws OUTPUT_INVALID and GUARD_DENIED.
 */
export async function concludeNow(
  at: Agency,
  run: Run,
  state: AgentState,
  isLast: () => boolean,
): Promise<Conclusion> {
  const judged = await judge(at, run, state)
  if (judged.is === 'output') return judged
  if (isLast()) throw stopped(at, run, judged)
  return { is: 'again', state }
}

function stopped({ agent: { name } }: Agency, run: Run, judged: Rejected): EverloopError {
  return judged.is === 'misfit'
    ? halt(
        'OUTPUT_INVALID',
        `Agent "${name}" was stopped, and its last text does not fit its output's schema: ${judged.reason}`,
        run.id,
      )
    : halt(
        'GUARD_DENIED',
        `Agent "${name}" was stopped, and guard "${judged.by}" denied its last text as the output: ${judged.reason}`,
        run.id,
      )
}

/** Asks the schema and the guards. */
async function judge(at: Agency, run: Run, state: AgentState): Promise<Judged> {
  const text = lastText(state)
  const made = await outputOf(at, run, text)
  // What guards have ruled about is asked for, whatever a schema that a deploy has added says of it (C4).
  if (!made.ok && !isTakenUp(run, turnKeys.outputGuard)) return { ...made, is: 'misfit' }
  const ruling = await rule(at, run, state, {
    position: 'output',
    key: turnKeys.outputGuard,
    later: [],
    subject: { text, value: made.ok ? made.value : undefined },
  })
  if (ruling.is === 'deny' || ruling.is === 'retry') return ruling
  const { output } = at.agent
  if (!output) return { is: 'output', output: ruling.subject.text }
  if (!ruling.isFixed) {
    return made.ok ? { is: 'output', output: made.value } : { ...made, is: 'misfit' }
  }
  // What a guard has put in its place must fit like an answer.
  const fixed = await holdIn(
    run,
    inSchemaTime(at, () => fitted(ruling.subject.value, output)),
  )
  if (fixed.ok) return { is: 'output', output: fixed.value }
  const why = 'A guard has changed the output.'
  const [complaint, reason] = [`${why} ${fixed.complaint}`, `${why} ${fixed.reason}`]
  return { is: 'misfit', complaint, reason }
}

/** The model is told what does not fit, as often as it may repair. */
function repaired(
  at: Agency,
  run: Run,
  state: AgentState,
  { complaint, reason }: Pick<Misfit, 'complaint' | 'reason'>,
): Conclusion {
  if (state.repairs >= at.agent.repairs) {
    throw halt(
      'OUTPUT_INVALID',
      `The answer of agent "${at.agent.name}" does not fit its output's schema, after ${state.repairs} repairs: ${reason}`,
      run.id,
    )
  }
  const told = withMessages(state, [{ role: 'user', text: complaint }])
  return { is: 'again', state: { ...told, repairs: state.repairs + 1 } }
}

async function outputOf(at: Agency, run: Run, text: string): Promise<Structured<unknown>> {
  const { output } = at.agent
  if (!output) return { ok: true, value: text }
  return holdIn(
    run,
    inSchemaTime(at, () => parseStructured(text, output)),
  )
}

/** Schemas may ask somebody. */
const inSchemaTime = <T>({ ports }: Agency, fit: () => Promise<T>): Promise<T> =>
  inTime(ports, { what: 'The schema `agent.output`' }, fit)
