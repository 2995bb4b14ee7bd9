/**
 * One call that the model proposes: from its arguments to what the model is told of it.
 *
 * - C1 Nothing is executed that a guard denied, that an approval was wanted for and not given, or that
 *   a budget does not leave room for.
 * - C2 What is executed is what guards and people were content with last (clearing.ts).
 * - C3 Whatever goes wrong with the call is told to the model, and nothing else of the turn is touched.
 *   Only a guard that halts, a budget that stops and a cancel end the turn.
 * - C4 What the ledger holds is served; what comes before something that it holds is past. So a guard,
 *   a policy or a budget that a deploy adds or takes away leaves waiting runs alone.
 */
import { digestOf } from '../../ledger/index.ts'
import { hasOutcome, holdIn, isRecorded, taintIn } from '../../run/inside.ts'
import type { Run } from '../../run/index.ts'
import type { Agency } from '../loop/agency.ts'
import { clear, clearAgain } from './clearing.ts'
import { executeTool } from './execution.ts'
import type { PastCall } from '../guards/guard.ts'
import { rule } from '../guards/ruling.ts'
import { isTakenUp, spend } from '../budgets/spending.ts'
import type { AgentState, CallResult } from '../loop/state.ts'
import type { ToolCallPart } from '../model/answer.ts'
import { givenArgs } from '../model/proposed-calls.ts'
import { told, wholeText } from './result-text.ts'
import { keyOfCall, keysAgain, keysBefore, type ToolCall } from './tool-call.ts'
import { type CheckedCall, validateCall } from './validate-call.ts'

/** What became of a call. */
export interface CallEnd {
  readonly result: CallResult
  /** As guards were first shown it, and as it was made where they or people have changed it. */
  readonly past: readonly PastCall[]
  /** False where it was not made, and where it came to an error. */
  readonly hasReturned: boolean
}

/** Takes a call to its end. Throws what ends the turn. */
export async function takeCall(
  at: Agency,
  run: Run,
  state: AgentState,
  part: ToolCallPart,
): Promise<CallEnd> {
  const { id, name } = part
  const args = givenArgs(part)
  const unmade = (is: 'error' | 'denied', value: string, given = args): CallEnd => ({
    result: { id, tool: name, is, value },
    past: pastCalls(name, [given]),
    hasReturned: false,
  })
  // What is begun goes on (C4).
  const keys = [...Object.values(keysBefore(id)), keyOfCall(id)]
  const isBegun = keys.some((key) => isTakenUp(run, key))
  const validated = validateCall(
    [...at.tools.values()],
    { tool: name, args },
    { isRecorded: isBegun, ports: at.ports },
  )
  const checked = begunAnyway(at, run, part, await holdIn(run, validated))
  if (checked.is !== 'valid') return unmade('error', checked.text)
  // Arguments that fit may still be the first half of others.
  if (part.invalid !== undefined && !isBegun) return unmade('error', `Error: ${part.invalid}`)
  const { tool } = checked
  const call = { tool, id, input: checked.args }
  const cleared = await clear(at, run, state, call)
  if (cleared.is === 'denied') return unmade('denied', cleared.reason, call.input)
  const made = await spend(at, run, state.raised, {
    key: keysBefore(id).budget,
    call: keyOfCall(id),
    before: Object.values(keysAgain(id)),
    cost: { amounts: { calls: 1 }, unknown: ['timeMs'] },
    execute: async (allowed) => {
      const still = await clearAgain(at, run, state, { call, cleared })
      if (still.is === 'denied') return still
      const { input } = still
      at.limitChildren(run, allowed)
      const executed = await at.whenFree(tool, isRecorded(run, keyOfCall(id)), () =>
        executeTool(at, run, { tool, id, input }),
      )
      return { is: 'executed' as const, input, executed }
    },
  })
  if (made.is === 'denied') return unmade('denied', made.reason, call.input)
  const { input, executed } = made
  // Before anybody looks at it: a guard that halts may quote it to whoever has started the run.
  if (tool.taints) taintIn(run, [{ call: id, tool: name }])
  return {
    result: await judged(at, run, state, { tool, id, input }, { id, tool: name, ...executed }),
    past: pastCalls(name, input === call.input ? [input] : [call.input, input]),
    hasReturned: executed.is === 'result',
  }
}

/** The call with each of these arguments: a model that proposes again what was changed repeats itself. */
const pastCalls = (tool: string, args: readonly unknown[]): readonly PastCall[] =>
  [...new Set(args.map(digestOf))].map((digest) => ({ tool, digest }))

/**
 * A call with arguments that a deploy has come to refuse goes on where the tool is not executed with
 * them any more: a run or a question that is under way, a result that is recorded (C4).
 */
function begunAnyway(
  at: Agency,
  run: Run,
  { id, name, input }: ToolCallPart,
  checked: CheckedCall,
): CheckedCall {
  const tool = at.tools.get(name)
  if (checked.is !== 'bad-arguments' || tool === undefined || input === undefined) return checked
  const key = keyOfCall(id)
  const isPast = tool.does === 'run' ? hasOutcome(run, key) : isRecorded(run, key)
  return isPast ? { is: 'valid', tool, args: input } : checked
}

/** Guards on what the model is about to be told. */
async function judged(
  at: Agency,
  run: Run,
  state: AgentState,
  { tool, id, input }: ToolCall,
  result: CallResult,
): Promise<CallResult> {
  const { value } = result
  const ruling = await rule(at, run, state, {
    position: 'result',
    key: `guard:result:${id}`,
    later: [],
    subject: {
      id,
      tool,
      args: input,
      value,
      text: wholeText(value),
      isError: result.is === 'error',
    },
  })
  if (ruling.is === 'deny' || ruling.is === 'retry') {
    const { artifact: _withheld, ...rest } = result
    const reason = `Guard "${ruling.by}" withheld the result: ${ruling.reason}`
    return { ...rest, is: 'denied', value: reason }
  }
  if (ruling.is === 'allow' && ruling.isFixed) {
    const { artifact: _replaced, ...rest } = result
    const fixed = ruling.subject.value
    return { ...rest, value: result.is === 'error' ? wholeText(fixed) : told(fixed) }
  }
  return result
}
