/**
 * What an answer to an approval means: a pure decision over the request, the votes so far and the
 * answer. Deny by default: what cannot be understood is refused, and the question stays open.
 */
import type { Payloads, Vote } from '../../ledger/index.ts'
import { actor } from '../actor.ts'
import type { Answer } from '../pass/operation.ts'

/** An answer, as `approve`, `deny`, `snooze` and `assign` send it. */
export type ApprovalAnswer =
  | {
      readonly verdict: 'approve'
      /** Other arguments than the model proposed. */
      readonly args?: unknown
      readonly reason?: string
      readonly channel?: string
      /** The digest of what was shown to the one who answers. */
      readonly shown?: string
    }
  | {
      readonly verdict: 'deny'
      readonly reason?: string
      readonly channel?: string
      readonly shown?: string
    }
  | { readonly verdict: 'snooze'; readonly until: number }
  | { readonly verdict: 'assign'; readonly to: string }

/** The schema that is stored with each request, so that a process without the flow can check. */
export const approvalSchema = {
  type: 'object',
  required: ['verdict'],
  properties: {
    verdict: { enum: ['approve', 'deny', 'snooze', 'assign'] },
    reason: { type: 'string', maxLength: 4000 },
    channel: { type: 'string', maxLength: 100 },
    shown: { type: 'string', maxLength: 100 },
    until: { type: 'number' },
    to: { type: 'string', minLength: 1, maxLength: 200 },
    args: {},
  },
  additionalProperties: false,
  anyOf: [
    { properties: { verdict: { enum: ['approve', 'deny'] } } },
    { properties: { verdict: { const: 'snooze' } }, required: ['until'] },
    { properties: { verdict: { const: 'assign' } }, required: ['to'] },
  ],
} as const

/** Why nobody can approve where the list of the barred is empty: anybody may be the one who asked. */
const requesterUnknown =
  'Who started the run may not approve this, and the run does not say who did: it can only be denied. Start runs with `by`.'

/** Why this cannot be approved; undefined when enough people can. Everybody may deny what nobody can approve. */
export function unapprovable({
  approvals,
  approvers,
  barred,
}: Pick<Payloads['approval.requested'], 'approvals' | 'approvers' | 'barred'>): string | undefined {
  if (barred?.length === 0) return requesterUnknown
  if (!approvers) return undefined
  const able = new Set(approvers.filter((name) => !barred?.includes(name))).size
  if (able >= approvals) return undefined
  const few = able === 0 ? 'Nobody' : `Fewer people than the ${approvals} who must`
  return `${few} may approve this by every rule together: it can only be denied, by anybody. Give the rules more \`approvers\` in common.`
}

/** What follows from an answer. */
export type Judgement =
  | { readonly is: 'refused'; readonly reason: string }
  | { readonly is: 'changed'; readonly record: Payloads['approval.changed'] }
  | { readonly is: 'voted'; readonly vote: Vote }
  | { readonly is: 'decided'; readonly record: Payloads['approval.decided'] }

/** Judges an answer (A1 to A3). Edited arguments are checked by the caller. */
export function judge(
  request: Payloads['approval.requested'],
  votes: readonly Vote[],
  { value, by }: Pick<Answer, 'value' | 'by'>,
  time: number,
): Judgement {
  const answer = answerOf(value)
  if (!answer) return refused('The answer is none of approve, deny, snooze and assign.')
  const from = actor(by)
  if (answer.verdict === 'snooze') {
    return { is: 'changed', record: { snoozed: answer.until, ...from } }
  }
  if (answer.verdict === 'assign') {
    return { is: 'changed', record: { assignee: answer.to, ...from } }
  }
  const { approvals, approvers, barred, digest } = request
  const mustBeKnown = approvals > 1 || barred !== undefined || approvers !== undefined
  if (mustBeKnown && (by === undefined || by === '')) {
    return refused('Who answers must be said: several people must approve, or some may not.')
  }
  const why = unapprovable(request)
  if (why !== undefined && answer.verdict === 'approve') return refused(why)
  if (why === undefined && by !== undefined && barred?.includes(by)) {
    return refused(`${by} asked for this and may not decide about it.`)
  }
  if (why === undefined && by !== undefined && approvers && !approvers.includes(by)) {
    const able = approvers.filter((name) => !barred?.includes(name))
    return refused(`${by} is not one of those who may decide: ${able.join(', ')}.`)
  }
  if (answer.shown !== undefined && answer.shown !== digest) {
    return refused('The answer was given to another call than this one: look at it again.')
  }
  if (votes.some((vote) => vote.by === by)) return refused(`${by ?? 'Somebody'} has voted already.`)
  const { reason, channel, shown } = answer
  const vote: Vote = {
    verdict: answer.verdict === 'approve' ? 'approved' : 'denied',
    ...('args' in answer ? { args: answer.args } : {}),
    ...(reason === undefined ? {} : { reason }),
    ...(channel === undefined ? {} : { channel }),
    ...(shown === undefined ? {} : { shown }),
    time,
    ...from,
  }
  const all = [...votes, vote]
  // An edit ends the request: who must approve what the call has become is asked about that (A3).
  const isOneOfSeveral = vote.verdict === 'approved' && !('args' in answer)
  if (isOneOfSeveral && all.length < approvals) return { is: 'voted', vote }
  const { verdict } = vote
  const args = 'args' in answer ? { args: answer.args } : {}
  const said = reason === undefined ? {} : { reason }
  return { is: 'decided', record: { verdict, ...args, ...said, votes: all, ...from } }
}

const refused = (reason: string): Judgement => ({ is: 'refused', reason })

function answerOf(value: unknown): ApprovalAnswer | undefined {
  if (typeof value !== 'object' || value === null || !('verdict' in value)) return undefined
  const { verdict } = value
  switch (verdict) {
    case 'approve':
    case 'deny':
      return verdict === 'deny' && 'args' in value ? undefined : (value as ApprovalAnswer)
    case 'snooze':
      return 'until' in value && Number.isFinite(value.until)
        ? { verdict, until: Math.round(value.until as number) }
        : undefined
    case 'assign':
      return 'to' in value && typeof value.to === 'string' ? { verdict, to: value.to } : undefined
    default:
      return undefined
  }
}
