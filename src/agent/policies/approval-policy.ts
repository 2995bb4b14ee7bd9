/**
 * Who must allow a call before it is made. Several rules about one call add up: whatever one of them
 * demands is demanded, and no rule weakens another.
 */
import { frozenCopy } from '../../base/frozen-copy.ts'
import { EverloopError } from '../../base/errors.ts'
import { type Duration, parseDuration } from '../../base/duration.ts'
import { checkCount, checkOptions } from '../../base/options.ts'
import type { Ports } from '../../base/ports.ts'
import { errorData } from '../../ledger/index.ts'
import { inTime } from '../in-time.ts'

/** Whether a call needs an approval, and whose. Durations as "10m" or milliseconds. */
export interface ApprovalPolicy {
  readonly needed: boolean
  /** How many different people must approve. Default 1. */
  readonly approvals?: number
  /**
   * `"requester"`: whoever started the run, or the run that this one is part of, may not approve. Where
   * that is not known (`start` without `by`), nobody can approve.
   */
  readonly notBy?: 'requester'
  /** Only these people may decide. Default: anybody. */
  readonly approvers?: readonly string[]
  /** How long they have. Default: for ever. */
  readonly timeout?: Duration
  /** What counts when the time is over. Default "deny". */
  readonly otherwise?: 'deny' | 'approve'
  /** Hands the request to somebody else when nobody has decided after this long. */
  readonly escalate?: { readonly after: Duration; readonly to: string }
  /** What people are asked. Default: a sentence made of the call. */
  readonly prompt?: string
}

/** What an approval rule that is a function is handed besides the arguments. */
export interface ApprovalContext {
  readonly runId: string
  readonly agent: string
  /** The model's id of the call. */
  readonly call: string
  readonly tool: string
  /** Who started the run, where that is known. */
  readonly startedBy: string | undefined
}

/** Whether a call needs an approval: always, never, or decided by its arguments. */
export type ApprovalRule<Input = unknown> =
  | boolean
  | ApprovalPolicy
  | ((
      input: Input,
      context: ApprovalContext,
    ) => boolean | ApprovalPolicy | Promise<boolean | ApprovalPolicy>)

/** A rule's decision about one call. */
export interface ApprovalDecision extends ApprovalPolicy {
  /** Why it is needed, where that is not the decision of the rule's author. */
  readonly reason?: string
  /** A rule failed, so it is not known who must decide. */
  readonly isUnjudged?: boolean
}

/**
 * What a rule says about a call. Nothing fails open: a rule that fails asks for an approval, and not of whoever
 * asked for the run, as far as that is known, who may have had the model bring it about.
 */
export async function decideApproval<Input>(
  rule: ApprovalRule<Input> | undefined,
  input: Input,
  { context, ports }: { readonly context: ApprovalContext; readonly ports: Ports },
): Promise<ApprovalDecision> {
  if (rule === undefined) return { needed: false }
  try {
    // Each rule has its own: what one does to it the others do not see.
    const said =
      typeof rule === 'function'
        ? await inTime(ports, { what: 'It' }, () => rule(frozenCopy(input), frozenCopy(context)))
        : rule
    if (typeof said === 'boolean') return { needed: said }
    checkApprovalPolicy(said, 'The approval rule')
    return said
  } catch (error) {
    const { name, message } = errorData(error) // whatever was thrown: what cannot be told of must not fail either
    const why = `${name}: ${message}`
    const isBarred = context.startedBy !== undefined
    return {
      needed: true,
      isUnjudged: true,
      ...(isBarred ? { notBy: 'requester' } : {}),
      reason: `The approval rule of tool "${context.tool}" failed (${why}), so ${isBarred ? 'somebody else than who asked for the run' : 'a person'} must decide.`,
    }
  }
}

/** One decision made of several: the strictest of each. */
export function combineApprovals(decisions: readonly ApprovalDecision[]): ApprovalDecision {
  const needed = decisions.filter((decision) => decision.needed)
  const [first] = needed
  if (!first) return { needed: false }
  const lists = needed.flatMap(({ approvers }) => (approvers ? [approvers] : []))
  const approvers = lists.reduce<readonly string[] | undefined>(
    (both, list) => (both ? both.filter((name) => list.includes(name)) : list),
    undefined,
  )
  const timeout = soonest(
    needed.flatMap((decision) => decision.timeout ?? []),
    parseDuration,
  )
  const escalate = soonest(
    needed.flatMap((decision) => decision.escalate ?? []),
    ({ after }) => parseDuration(after),
  )
  const prompts = needed.flatMap(({ prompt }) => prompt ?? [])
  const reasons = needed.flatMap(({ reason }) => reason ?? [])
  return {
    needed: true,
    approvals: Math.max(...needed.map(({ approvals = 1 }) => approvals)),
    // An approval by silence counts only when every rule that wants one wants it so.
    otherwise: needed.every(({ otherwise }) => otherwise === 'approve') ? 'approve' : 'deny',
    ...(needed.some(({ notBy }) => notBy) ? { notBy: 'requester' as const } : {}),
    ...(approvers ? { approvers } : {}),
    ...(timeout === undefined ? {} : { timeout }),
    ...(escalate ? { escalate } : {}),
    ...(needed.some(({ isUnjudged }) => isUnjudged) ? { isUnjudged: true } : {}),
    ...(prompts.length > 0 ? { prompt: prompts.join('\n') } : {}),
    ...(reasons.length > 0 ? { reason: reasons.join(' ') } : {}),
  }
}

/** Of several the one that comes first; the first of those that come at once. */
const soonest = <T>(all: readonly T[], afterMs: (one: T) => number): T | undefined =>
  all.toSorted((a, b) => afterMs(a) - afterMs(b))[0]

/** Throws BAD_OPTION or BAD_DURATION unless this is a policy. */
export function checkApprovalPolicy(
  policy: unknown,
  where: string,
): asserts policy is ApprovalPolicy {
  checkOptions(where, policy, [
    'needed',
    'approvals',
    'notBy',
    'approvers',
    'timeout',
    'otherwise',
    'escalate',
    'prompt',
    'reason',
  ])
  const { needed, approvals, notBy, approvers, timeout, otherwise, escalate, prompt } =
    policy as Partial<ApprovalPolicy>
  const bad = (what: string): EverloopError => new EverloopError('BAD_OPTION', `${where}: ${what}.`)
  if (typeof needed !== 'boolean') throw bad('`needed` must be true or false')
  if (approvals !== undefined) checkCount(`${where}: \`approvals\``, approvals, 1)
  if (notBy !== undefined && notBy !== 'requester') throw bad('`notBy` can only be "requester"')
  if (approvers !== undefined && !isNames(approvers))
    throw bad('`approvers` must be a list of names')
  if (otherwise !== undefined && otherwise !== 'deny' && otherwise !== 'approve')
    throw bad('`otherwise` must be "deny" or "approve"')
  if (otherwise === 'approve' && timeout === undefined)
    throw bad('`otherwise` needs a `timeout`: without one it would never be used')
  if (prompt !== undefined && typeof prompt !== 'string') throw bad('`prompt` must be a text')
  if (approvers !== undefined && (approvals ?? 1) > new Set(approvers).size)
    throw bad('there are fewer `approvers` than `approvals`')
  const timeoutMs = timeout === undefined ? Infinity : parseDuration(timeout)
  if (escalate === undefined) return
  checkOptions(`${where}, escalate`, escalate, ['after', 'to'])
  if (typeof escalate.to !== 'string') throw bad('`escalate.to` must be a name')
  if (parseDuration(escalate.after) >= timeoutMs)
    throw bad('`escalate.after` must be shorter than `timeout`: it would never be used')
}

const isNames = (list: unknown): boolean =>
  Array.isArray(list) && list.length > 0 && list.every((name) => typeof name === 'string')
