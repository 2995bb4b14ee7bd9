/**
 * Clears one call: guards and people are asked in turn until both agree to the same arguments.
 *
 * - H1 What is cleared is what was decided about last, as the ledger has it, whatever a schema would now
 *   make of the proposal. Guards and approval rules see the arguments that a person has edited; what a
 *   guard changes after that needs another approval.
 * - H2 An approval holds for the definition of the tool that people were asked about. When a deploy
 *   changes it before the call has begun, they decide again, after the budget: by then everything that
 *   was recorded up to the budget has been asked for, so the run does not diverge.
 * - H3 No guard's question is dropped: people see the questions of all guards that ask, and a question
 *   that comes up after an approval needs another one. A yes counts for the arguments it was given to.
 */
import { digestOf } from '../../ledger/index.ts'
import {
  type ApprovalOutcome,
  approveIn,
  holdIn,
  holdsSecretIn,
  isRecorded,
  suffices,
} from '../../run/inside.ts'
import type { Run } from '../../run/index.ts'
import type { Agency } from '../loop/agency.ts'
import type { ApprovalDecision } from '../policies/approval-policy.ts'
import { isTakenUp } from '../budgets/spending.ts'
import { approvalRequest, editComplaint, isStill, termsOf, wantedApproval } from './approving.ts'
import { rule } from '../guards/ruling.ts'
import type { Grant } from '../guards/run-guards.ts'
import type { AgentState } from '../loop/state.ts'
import { keyOfCall, keysAgain, keysBefore, type ToolCall } from './tool-call.ts'

export type Cleared = Agreed | { readonly is: 'denied'; readonly reason: string }

/** The call may be made, with these arguments. */
interface Agreed {
  readonly is: 'cleared'
  readonly input: unknown
  readonly approved: Approved | undefined
}

/** What a person has approved. */
interface Approved {
  readonly digest: string
  /** The guards whose questions that answered (H3). */
  readonly granted: readonly Grant[]
  /** Who had to approve the call before that person edited it; undefined when it was not edited. */
  readonly edited: ApprovalDecision | undefined
  readonly by: string | undefined
  /** It was asked about another definition of the tool, and the call has not begun (H2). */
  readonly isStale: boolean
}

/** How often guards and people may change a call by turns. */
const roundsMax = 5

/** Why people are asked, whatever the rules say about what the call has become (H1). */
const changedReason = 'A guard has changed what was approved.'

const secretReason =
  'The arguments hold a secret, so nobody can be shown what they would approve. The tool takes secrets by name, not as arguments.'

const denied = (reason: string): Cleared => ({ is: 'denied', reason })

/** Clears a call that the model proposes. */
export async function clear(
  at: Agency,
  run: Run,
  state: AgentState,
  call: ToolCall,
): Promise<Cleared> {
  const keys = keysBefore(call.id)
  const again = Object.values(keysAgain(call.id))
  return agree(at, run, state, call, { keys, later: [keys.budget, ...again, keyOfCall(call.id)] })
}

/** After the budget: clears a call again whose approval has become stale (H2). */
export async function clearAgain(
  at: Agency,
  run: Run,
  state: AgentState,
  { call, cleared }: { readonly call: ToolCall; readonly cleared: Agreed },
): Promise<Cleared> {
  const keys = keysAgain(call.id)
  const stage = { keys, later: [keyOfCall(call.id)], isAgain: true }
  const { input, approved } = cleared
  if (approved?.isStale) return agree(at, run, state, call, { ...stage, isRequired: true })
  if (!Object.values(keys).some((key) => isTakenUp(run, key))) return cleared
  return agree(at, run, state, { ...call, input }, { ...stage, approved })
}

/** At which stage of the turn the call is cleared. */
interface Stage {
  readonly keys: { readonly guard: string; readonly approval: string }
  /** Keys of what comes behind it. */
  readonly later: readonly string[]
  readonly approved?: Approved | undefined
  readonly isAgain?: boolean
  /** Whatever the rules say by now, people have to decide. */
  readonly isRequired?: boolean
}

async function agree(
  at: Agency,
  run: Run,
  state: AgentState,
  { tool, id, input: proposed }: ToolCall,
  stage: Stage,
): Promise<Cleared> {
  const { keys, later, isAgain = false } = stage
  let input = proposed
  let { approved, isRequired = false } = stage
  for (let round = 1; round <= roundsMax; round++) {
    const nth = round === 1 ? '' : ` #${round}` // ids have no spaces
    const key = `${keys.approval}${nth}`
    const ruling = await rule(at, run, state, {
      position: 'call',
      key: `${keys.guard}${nth}`,
      later: [key, ...later],
      subject: { tool, args: input, id },
      granted: approved?.granted ?? [],
    })
    if (ruling.is === 'deny' || ruling.is === 'retry') {
      return denied(`Guard "${ruling.by}" denied the call: ${ruling.reason}`)
    }
    if (ruling.isFixed) {
      input = ruling.subject.args
      const complaint = await holdIn(run, editComplaint(at, tool, input))
      if (complaint !== undefined) return denied(`A guard has changed the call. ${complaint}`)
    }
    const isApproved = approved !== undefined && approved.digest === digestOf(input)
    const isAsked = isRecorded(run, key)
    const cleared: Cleared = { is: 'cleared', input, approved }
    if (isApproved && !approved?.edited && !isAsked && ruling.is !== 'ask') return cleared
    const isChanged = approved !== undefined && !isApproved
    const asked = ruling.is === 'ask' ? ruling.reason : isChanged ? changedReason : undefined
    const call = { tool, id, input }
    const wanted = await wantedApproval(at, run, call, {
      key,
      later,
      asked,
      isRequired,
      edited: approved?.edited,
    })
    if (!wanted) return cleared
    // What people are shown, and the ledger keeps, would not be what the tool gets.
    if (!isAsked && holdsSecretIn(run, input)) return denied(secretReason)
    // Whoever has edited a call has not answered for the others whom the edited call needs.
    const request = approvalRequest(at, call, { key, wanted })
    const isEnough = isApproved && asked === undefined && suffices(request, approved?.by)
    if (isEnough && !isAsked) return cleared
    const outcome = await approveIn(run, request)
    if (outcome.kind === 'approval.voided') continue
    const denial = denialIn(outcome)
    if (denial !== undefined) return denied(denial)
    const isStale = !isStill(tool, outcome.asked) && !isRecorded(run, keyOfCall(id))
    if (isStale && isAgain) {
      approved = undefined
      isRequired = true
      continue
    }
    const asking = ruling.is === 'ask' ? ruling.asking : []
    const before = isApproved ? (approved?.granted ?? []) : []
    input = 'args' in outcome ? outcome.args : outcome.asked.args
    approved = { ...approvedBy(outcome, input, { asking, before }), isStale }
  }
  return denied(`The call was changed ${roundsMax} times and never agreed upon.`)
}

type Decided = Exclude<ApprovalOutcome, { readonly kind: 'approval.voided' }>

/** Why people, or their silence, deny the call; undefined when it is approved. */
function denialIn(outcome: Decided): string | undefined {
  if (outcome.kind === 'approval.expired') {
    const isApproved = outcome.asked.otherwise?.value === 'approve'
    return isApproved ? undefined : 'Nobody approved the call in time.'
  }
  if (outcome.verdict !== 'denied') return undefined
  return `${outcome.by ?? 'A person'} denied the call: ${outcome.reason ?? 'no reason was given'}`
}

/**
 * What has been approved. A yes to what was shown grants whatever these guards ask about it, and keeps
 * what was granted before; an edit grants only the questions that were asked (H3).
 */
function approvedBy(
  outcome: Decided,
  input: unknown,
  { asking, before }: { readonly asking: readonly Grant[]; readonly before: readonly Grant[] },
): Omit<Approved, 'isStale'> {
  const isEdited = 'args' in outcome
  return {
    digest: digestOf(input),
    granted: isEdited ? asking : [...before, ...asking.map(({ guard }) => ({ guard }))],
    edited: isEdited ? termsOf(outcome.asked) : undefined,
    by: 'by' in outcome ? outcome.by : undefined,
  }
}
