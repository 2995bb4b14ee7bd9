/**
 * One call that the model proposes: from its arguments to what the model is told of it.
 *
 * - C1 Nothing is executed that a guard denied, that an approval was wanted for and not given, or that
 *   a budget does not leave room for.
 * - C2 What is executed is what was decided about last, as the ledger has it: guards and approval rules
 *   see edited arguments again, and what guards change afterwards needs another approval.
 * - C3 Whatever goes wrong with the call is told to the model, and nothing else of the turn is touched.
 *   Only a guard that halts, a budget that stops and a cancel end the turn.
 * - C4 What the ledger holds is served; what comes before something that it holds is past. So a guard,
 *   a policy or a budget that a deploy adds or takes away leaves waiting runs alone.
 */
import { digestOf } from '../ledger/index.ts'
import { approveIn, holdIn, isRecorded } from '../run/inside.ts'
import type { Run } from '../run/index.ts'
import type { Agency } from './agency.ts'
import { approvalRequest, editComplaint, isStill, suffices, wantedApproval } from './approving.ts'
import { executeTool, keyOfCall, keysBefore } from './execution.ts'
import type { PastCall, Taint } from './guards/guard.ts'
import { type Ruling, rule } from './ruling.ts'
import { spend } from './spending.ts'
import type { AgentState, Amounts, CallResult } from './state.ts'
import type { ToolCallPart } from './model/answer.ts'
import { wholeText } from './result-text.ts'
import type { AnyTool } from './tool.ts'
import { validateCall } from './validate-call.ts'

/** What became of a call. */
export interface CallEnd {
  readonly result: CallResult
  readonly past: PastCall
  /** Where the result came from, when that is outside. */
  readonly taint?: Taint
  /** Limits as they are after it. */
  readonly raised: Amounts
}

/** How often guards and people may change a call by turns. */
const roundsMax = 5

/** Takes a call to its end. Throws what ends the turn. */
export async function takeCall(
  at: Agency,
  run: Run,
  state: AgentState,
  part: ToolCallPart,
): Promise<CallEnd> {
  const { id, name } = part
  const { raised } = state
  const told = (is: 'error' | 'denied', value: string): CallEnd => ({
    result: { id, tool: name, is, value },
    past: { tool: name, digest: digestOf(part.input ?? part.rawInput) },
    raised,
  })
  const proposal = { tool: name, args: part.input ?? part.rawInput }
  const checked = await holdIn(run, validateCall([...at.tools.values()], proposal))
  if (checked.is !== 'valid') return told('error', checked.text)
  const { tool } = checked
  const cleared = await clear(at, run, state, { tool, id, input: checked.args })
  if (cleared.is === 'denied') return told('denied', cleared.reason)
  const { input } = cleared
  const { executed, limits } = await spend(at, run, raised, {
    key: keysBefore(id).budget,
    call: keyOfCall(id),
    cost: { amounts: { calls: 1 }, unknown: ['timeMs'] },
    execute: async (allowed) => {
      at.limitChildren(run, allowed)
      const isBegun = isRecorded(run, keyOfCall(id))
      const made = await at.whenFree(tool, isBegun, () => executeTool(at, run, { tool, id, input }))
      return { executed: made, limits: allowed }
    },
  })
  return {
    result: await judged(at, run, state, { tool, id, input }, { id, tool: name, ...executed }),
    past: { tool: name, digest: digestOf(input) },
    raised: limits,
    ...(tool.taints ? { taint: { call: id, tool: name } } : {}),
  }
}

interface Proposed {
  readonly tool: AnyTool
  readonly id: string
  readonly input: unknown
}

type Cleared =
  | { readonly is: 'cleared'; readonly input: unknown }
  | { readonly is: 'denied'; readonly reason: string }

const denied = (reason: string): Cleared => ({ is: 'denied', reason })

/** What a person has approved. */
interface Approved {
  readonly digest: string
  /** The guard whose question that answered. */
  readonly granted: readonly string[]
  /** It was that person who made the call what it is. */
  readonly isEdited: boolean
  readonly by: string | undefined
}

/** Guards and people, until both are content with the same arguments (C2). */
async function clear(
  at: Agency,
  run: Run,
  state: AgentState,
  { tool, id, input: proposed }: Proposed,
): Promise<Cleared> {
  let input = proposed
  let approved: Approved | undefined
  let isStale = false
  for (let round = 1; round <= roundsMax; round++) {
    const nth = round === 1 ? '' : ` #${round}` // ids have no spaces
    const before = keysBefore(id)
    const key = `${before.approval}${nth}`
    const ruling: Ruling<'call'> = await rule(at, run, state, {
      position: 'call',
      key: `${before.guard}${nth}`,
      later: [key, before.budget, keyOfCall(id)],
      subject: { tool, args: input, id },
      granted: approved?.granted ?? [],
    })
    if (ruling.is === 'deny' || ruling.is === 'retry') {
      return denied(`Guard "${ruling.by}" denied the call: ${ruling.reason}`)
    }
    if (ruling.isFixed) {
      input = ruling.subject.args
      const complaint = await holdIn(run, editComplaint(tool, input))
      if (complaint !== undefined) return denied(`A guard has changed the call. ${complaint}`)
    }
    const isApproved = approved?.digest === digestOf(input)
    const isAsked = isRecorded(run, key)
    if (isApproved && !approved?.isEdited && !isAsked) return { is: 'cleared', input }
    const asked = ruling.is === 'ask' ? ruling.reason : undefined
    const call = { tool, id, input }
    const wanted = await wantedApproval(at, run, call, { key, asked, isStale })
    if (!wanted) return { is: 'cleared', input }
    // Who has edited a call has not answered for those whom it needs now.
    const isEnough = isApproved && asked === undefined && suffices(at, wanted, approved?.by)
    if (isEnough && !isAsked) return { is: 'cleared', input }
    const outcome = await approveIn(run, approvalRequest(at, call, { key, wanted }))
    const { asked: shown } = outcome
    if (outcome.kind === 'approval.voided') continue
    if (outcome.kind === 'approval.expired') {
      if (shown.otherwise?.value !== 'approve') return denied('Nobody approved the call in time.')
    } else if (outcome.verdict === 'denied') {
      const why = outcome.reason ?? 'no reason was given'
      return denied(`${outcome.by ?? 'A person'} denied the call: ${why}`)
    }
    // What was decided about another definition counts only for what has been begun already.
    isStale = !isStill(tool, shown) && !isRecorded(run, keyOfCall(id))
    if (isStale) {
      approved = undefined
      continue
    }
    const isEdited = 'args' in outcome
    input = isEdited ? outcome.args : shown.args
    approved = {
      digest: digestOf(input),
      granted: ruling.is === 'ask' ? [ruling.by] : [],
      isEdited,
      by: 'by' in outcome ? outcome.by : undefined,
    }
  }
  return denied(`The call was changed ${roundsMax} times and never agreed upon.`)
}

/** Guards on what the model is about to be told. */
async function judged(
  at: Agency,
  run: Run,
  state: AgentState,
  { tool, id, input }: Proposed,
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
    return { ...rest, value: ruling.subject.value }
  }
  return result
}
