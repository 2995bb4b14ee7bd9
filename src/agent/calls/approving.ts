/** What people are asked about a call, and whether they are asked at all. */
import { parseDuration } from '../../base/duration.ts'
import { isObject } from '../../base/is-object.ts'
import { shortened } from '../../base/shortened.ts'
import { digestOf } from '../../ledger/index.ts'
import {
  type ApprovalOutcome,
  type ApprovalRequest,
  holdIn,
  isRecorded,
  unapprovable,
} from '../../run/inside.ts'
import type { Run } from '../../run/index.ts'
import type { Agency } from '../loop/agency.ts'
import { isTakenUp } from '../budgets/spending.ts'
import { type ApprovalDecision, combineApprovals } from '../policies/approval-policy.ts'
import { approvalFor } from '../policies/policy.ts'
import { isBlank } from '../model/message.ts'
import { wholeText } from './result-text.ts'
import type { AnyTool } from '../tools/tool.ts'
import type { ToolCall } from './tool-call.ts'
import { definitionDigest } from '../tools/tool-schema.ts'
import { checkArguments } from './validate-call.ts'

/** The prompt shows no more of the arguments than this: all of them are shown beside it. */
const argsUnitsMax = 500

/** How people are asked about it. */
interface Asking {
  readonly key: string
  /** Keys of what comes after it in the turn. */
  readonly later: readonly string[]
  /** Why a guard wants a person, if one does. */
  readonly asked: string | undefined
  /** Whatever the rules say by now, people have to decide. */
  readonly isRequired: boolean
  /** Who had to approve the call that somebody has edited: they must again, where a rule fails on the edit. */
  readonly edited: ApprovalDecision | undefined
}

/**
 * Who must allow the call; undefined when nobody has to. What is recorded is asked for again, and what
 * comes before the executed call is past (C4).
 */
export async function wantedApproval(
  at: Agency,
  run: Run,
  { tool, id, input }: ToolCall,
  { key, later, asked, isRequired, edited }: Asking,
): Promise<ApprovalDecision | undefined> {
  const isAsked = isRecorded(run, key)
  if (!isAsked && !isRequired && later.some((one) => isTakenUp(run, one))) return undefined
  const { agent, policies, ports, requester: startedBy } = at
  const hasRules = tool.approval !== undefined || policies.some((one) => one.approval.length > 0)
  const context = { runId: run.id, agent: agent.name, call: id, tool: tool.name, startedBy }
  const ruled: ApprovalDecision = hasRules
    ? await holdIn(run, approvalFor(tool, input, { context, policies, ports }))
    : { needed: false }
  const guard: ApprovalDecision[] = asked === undefined ? [] : [{ needed: true, reason: asked }]
  const before = ruled.isUnjudged && edited ? [edited] : []
  const decision = combineApprovals([ruled, ...before, ...guard])
  if (decision.needed) return decision
  // It was asked for by rules that have changed since: whoever is looking at it decides.
  return isAsked || isRequired ? { needed: true } : undefined
}

/** The request, bound to the tool, its definition and the arguments. */
export function approvalRequest(
  at: Agency,
  { tool, id, input }: ToolCall,
  { key, wanted }: { readonly key: string; readonly wanted: ApprovalDecision },
): ApprovalRequest {
  const { approvals = 1, approvers, notBy, timeout, otherwise, escalate, reason } = wanted
  const { prompt = '' } = wanted
  // Where the requester is not known, anybody may be the one: the list is there, and empty.
  const barred = notBy === 'requester' ? [at.requester ?? []].flat() : undefined
  // Where nobody can approve, people are told so, and silence does not approve either.
  const denyOnly = unapprovable({ approvals, approvers, barred })
  const why = [reason ?? [], denyOnly ?? []].flat().join(' ')
  const silence = denyOnly === undefined ? otherwise : 'deny'
  return {
    key,
    record: {
      prompt: isBlank(prompt) ? promptOf(at, tool, input) : prompt,
      call: id,
      tool: tool.name,
      args: input,
      argsSchema: tool.inputSchema,
      approvals,
      ...(approvers ? { approvers } : {}),
      ...(barred ? { barred } : {}),
      ...(why === '' ? {} : { reason: why }),
      ...(timeout === undefined ? {} : { otherwise: { value: silence } }),
    },
    binding: (args) => bindingOf(tool, args),
    timeoutMs: timeout === undefined ? undefined : parseDuration(timeout),
    escalate: escalate && { afterMs: parseDuration(escalate.after), to: escalate.to },
    complaint: (args) => editComplaint(at, tool, args),
  }
}

/** Who had to approve what was asked about. */
export const termsOf = ({
  approvals,
  approvers,
  barred,
}: ApprovalOutcome['asked']): ApprovalDecision => ({
  needed: true,
  approvals,
  ...(approvers ? { approvers } : {}),
  ...(barred ? { notBy: 'requester' } : {}),
})

/** What a decision is bound to: the tool, as the model is told of it, and the arguments. */
const bindingOf = (tool: AnyTool, args: unknown): string =>
  digestOf([tool.name, definitionDigest(tool), args])

/** Whether this was asked about the tool as it is now. */
export const isStill = (tool: AnyTool, { digest, args }: ApprovalOutcome['asked']): boolean =>
  digest === bindingOf(tool, args)

/**
 * What is wrong with edited arguments. The tool gets them exactly as they are, since whoever edited them
 * was not shown what a schema would make of them.
 */
export async function editComplaint(
  { ports }: Agency,
  tool: AnyTool,
  args: unknown,
): Promise<string | undefined> {
  const checked = await checkArguments(tool, args, { ports })
  if (checked.is !== 'valid') return checked.text
  if (digestOf(checked.args) === digestOf(args)) return undefined
  return `The schema of ${tool.name} would change these arguments${fieldsText(args, checked.args)}. Give them as the tool gets them, with every field.`
}

/** Which fields it would change, where both are objects. */
function fieldsText(given: unknown, made: unknown): string {
  if (!isObject(given) || !isObject(made)) return ''
  const dropped = Object.keys(given).filter((name) => !Object.hasOwn(made, name))
  const changed = Object.keys(made).filter(
    (name) => !Object.hasOwn(given, name) || digestOf(given[name]) !== digestOf(made[name]),
  )
  const told = [
    ...dropped.map((name) => `it has no field ${JSON.stringify(name)}`),
    ...changed.map((name) => `it would set ${JSON.stringify(name)}`),
  ]
  return told.length === 0 ? '' : `: ${told.slice(0, 5).join(', ')}`
}

function promptOf(at: Agency, { name, effect }: AnyTool, input: unknown): string {
  const args = wholeText(input)
  const shown = shortened(args, argsUnitsMax)
  return `Agent "${at.agent.name}" wants to call ${name} (${effect}) with ${shown}. Approve?`
}
