/** Who may decide about an approval, for people: in words, as a command, and of one person. */
import type { Approval } from '../run/index.ts'
import { cleanLine } from './clean.ts'
import { dateAndAgo } from './times.ts'

/** How it is said that an answer has been given and nobody has handed it to the run yet. */
export const answeredText = 'answered, waits for a worker'

/** How it is said that the time for it is over and no worker has told the run. */
export const expiredText = 'expired, waits for a worker'

/** Whether answers are refused because the time for them is over. */
export const isExpired = ({ due }: { readonly due: number | undefined }, now: number): boolean =>
  due !== undefined && due <= now

/** What helps where no answer is taken any more. */
export const expiredFix = 'everloop work FILE (a worker tells the run that the time is over)'

/** What is the matter with this person's deciding; undefined when nothing is. */
export function whyNot(approval: Approval, by: string): string | undefined {
  const { approvers, barred, votes, isDenyOnly } = approval
  const name = cleanLine(by, 60)
  if (isDenyOnly) return undefined
  if (barred.includes(by)) return `${name} asked for it and may not decide about it`
  if (approvers && !approvers.includes(by)) return `${name} is not one of those who may decide`
  return votes.some((vote) => vote.by === by) ? `${name} has voted already` : undefined
}

/** "anybody", "anybody but bob", "ada or cyd". */
export function decidersText(approval: Approval): string {
  const { approvals, approvers, barred, isDenyOnly } = approval
  const able = (approvers ?? []).filter((name) => !barred.includes(name))
  if (isDenyOnly) {
    const isUnknown = approvers === undefined || new Set(able).size >= approvals
    return `anybody, and only to deny it: ${
      isUnknown
        ? 'who started the run may not approve it, and the run does not say who did'
        : 'too few people may approve it by every rule'
    }`
  }
  if (approvers === undefined) {
    return barred.length === 0 ? 'anybody' : `anybody but ${listed(barred)}`
  }
  return listed(able)
}

/** Whom it goes to next, and when; undefined where it goes to nobody. */
export function escalationText(approval: Approval, now: number): string | undefined {
  const { escalation } = approval
  if (!escalation || isExpired(approval, now)) return undefined
  const to = cleanLine(escalation.to, 60)
  return escalation.due > now
    ? `${to}, ${dateAndAgo(escalation.due, now)}, unless somebody decides before`
    : `${to}, since ${dateAndAgo(escalation.due, now)}: waits for a worker`
}

/** The command that decides it, as far as it is known. */
export function decideCommand(approval: Approval, now: number): string {
  const { id, digest, isAnswered, isDenyOnly, barred, approvers, approvals } = approval
  if (isAnswered) return 'everloop work FILE (a worker hands the answer to the run)'
  if (isExpired(approval, now)) return expiredFix
  const isNamed = approvals > 1 || approvers !== undefined || barred.length > 0
  const by = isNamed ? ' --by NAME' : ''
  return isDenyOnly
    ? `everloop approvals deny ${id} --digest ${digest} --reason TEXT`
    : `everloop approvals approve ${id} --digest ${digest}${by}`
}

const listed = (names: readonly string[]): string => cleanLine(names.join(', '), 400)
