/** What people are asked about a call, and whether they are asked at all. */
import { parseDuration } from '../base/duration.ts'
import { digestOf } from '../ledger/index.ts'
import { type ApprovalRequest, holdIn, isRecorded } from '../run/inside.ts'
import type { Run } from '../run/index.ts'
import type { Agency } from './agency.ts'
import { type ApprovalDecision, combineApprovals } from './approval-policy.ts'
import { keyOfCall, keysBefore } from './execution.ts'
import { approvalFor } from './policy.ts'
import { wholeText } from './result-text.ts'
import type { AnyTool } from './tool.ts'
import { definitionDigest } from './tool-schema.ts'
import { checkArguments } from './validate-call.ts'

/** A call as it stands. */
export interface ProposedCall {
  readonly tool: AnyTool
  readonly id: string
  readonly input: unknown
}

/** More than this of the arguments does not stand in the prompt: they are shown beside it. */
const argsUnitsMax = 500

/**
 * Who must allow the call; undefined when nobody has to. `asked`: why a guard wants a person, if one
 * does. What is recorded is asked for again, and what comes before the executed call is past (C4).
 */
export async function wantedApproval(
  at: Agency,
  run: Run,
  { tool, id, input }: ProposedCall,
  { key, asked }: { readonly key: string; readonly asked: string | undefined },
): Promise<ApprovalDecision | undefined> {
  const later = [keysBefore(id).budget, keyOfCall(id)]
  if (!isRecorded(run, key) && later.some((one) => isRecorded(run, one))) return undefined
  const context = {
    runId: run.id,
    agent: at.agent.name,
    call: id,
    tool: tool.name,
    startedBy: at.requester,
  }
  const { policies } = at
  const ruled = await holdIn(run, approvalFor(tool, input, { context, policies }))
  const guard: ApprovalDecision[] = asked === undefined ? [] : [{ needed: true, reason: asked }]
  const decision = combineApprovals([ruled, ...guard])
  if (decision.needed) return decision
  // It was asked for by rules that have changed since: whoever is looking at it decides.
  return isRecorded(run, key) ? { needed: true } : undefined
}

/** The request, bound to the tool, its definition and the arguments. */
export function approvalRequest(
  at: Agency,
  { tool, id, input }: ProposedCall,
  { key, wanted }: { readonly key: string; readonly wanted: ApprovalDecision },
): ApprovalRequest {
  const { approvals = 1, approvers, notBy, timeout, escalate, reason } = wanted
  // Where the requester is not known, at least who answers must be.
  const barred = notBy === 'requester' ? (at.requester ?? []) : undefined
  return {
    key,
    record: {
      prompt: wanted.prompt ?? promptOf(at, tool, input),
      call: id,
      tool: tool.name,
      args: input,
      // Where several must approve, nobody may edit.
      ...(approvals === 1 ? { argsSchema: tool.inputSchema } : {}),
      digest: digestOf([tool.name, definitionDigest(tool), input]),
      approvals,
      ...(approvers ? { approvers } : {}),
      ...(barred === undefined ? {} : { barred: [barred].flat() }),
      ...(reason === undefined ? {} : { reason }),
    },
    timeoutMs: timeout === undefined ? undefined : parseDuration(timeout),
    escalate: escalate && { afterMs: parseDuration(escalate.after), to: escalate.to },
    complaint: async (args) => {
      const checked = await checkArguments(tool, args)
      return checked.is === 'valid' ? undefined : checked.text
    },
  }
}

function promptOf(at: Agency, { name, effect }: AnyTool, input: unknown): string {
  const args = wholeText(input)
  const shown = args.length > argsUnitsMax ? `${args.slice(0, argsUnitsMax)}…` : args
  return `Agent "${at.agent.name}" wants to call ${name} (${effect}) with ${shown}. Approve?`
}
