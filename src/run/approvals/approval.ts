/**
 * Approvals: a call that waits until the people who may allow it have decided.
 *
 * - A1 A decision is bound to the request's digest: a request that is found in the ledger and would
 *   have another digest now is voided, and an answer that was given to another digest is refused.
 * - A2 Nobody votes twice, and nobody who is barred votes.
 * - A3 One denial denies. The call goes ahead with as many approvals as the request wants, all of them
 *   for the same arguments. One edit ends the request, with the edited arguments: whoever asked judges
 *   anew who must approve these.
 * - A4 When the time is over without a decision the call is denied, unless the request says otherwise.
 * - A5 The request is handed over with the decision: people decided about what it says, and nothing else.
 */
import type { AnyDraft, Payloads, Vote } from '../../ledger/index.ts'
import { actor } from '../actor.ts'
import { approvalSchema, judge } from './approval-answer.ts'
import { withEscalation } from './escalation.ts'
import type { Answer, Operation } from '../pass/operation.ts'
import type { Pass } from '../pass/pass.ts'
import { isLine, type Line } from '../replay/recorded.ts'
import type { Scope } from '../pass/scope.ts'
import { expire, firstDue, register } from '../operations/waits.ts'

/** What is asked for. */
export interface ApprovalRequest {
  /** Identifies it in its scope. */
  readonly key: string
  readonly record: Omit<Payloads['approval.requested'], 'due' | 'escalate' | 'schema' | 'digest'>
  /** What a request about these arguments is bound to, as things are now. */
  readonly binding: (args: unknown) => string
  /** How long the people have, in milliseconds. */
  readonly timeoutMs?: number | undefined
  readonly escalate?: { readonly afterMs: number; readonly to: string } | undefined
  /** What is wrong with arguments that somebody has edited; undefined when nothing is. */
  readonly complaint: (args: unknown) => Promise<string | undefined>
}

/** What became of it, and what exactly was asked about. */
export type ApprovalOutcome = { readonly asked: Payloads['approval.requested'] } & (
  | ({ readonly kind: 'approval.decided' } & Payloads['approval.decided'])
  | { readonly kind: 'approval.expired' }
  | ({ readonly kind: 'approval.voided' } & Payloads['approval.voided'])
)

/** Whether it is enough that this person wants it so. */
export function suffices({ record, binding }: ApprovalRequest, by: string | undefined): boolean {
  const request = { ...record, digest: binding(record.args) }
  return judge(request, [], { value: { verdict: 'approve' }, by }, 0).is === 'decided'
}

/** Asks, and waits for what becomes of it. */
export function approve(
  pass: Pass,
  scope: Scope,
  request: ApprovalRequest,
): Promise<ApprovalOutcome> {
  const { key, record, binding, timeoutMs, escalate } = request
  const waiting = new Waiting(pass, request)
  return pass.request(scope, 'approval', scope.key('', key), {
    begin: (operation) => {
      const { begun } = operation
      if (isLine(begun, 'approval.requested')) {
        waiting.resume(operation, begun)
        return
      }
      const now = pass.store.clock.now()
      register(pass, operation, 'approval.requested', {
        ...record,
        digest: binding(record.args),
        schema: approvalSchema,
        ...(timeoutMs === undefined ? {} : { due: now + timeoutMs }),
        ...(escalate ? { escalate: { due: now + escalate.afterMs, to: escalate.to } } : {}),
      })
    },
    onDue: (operation) => waiting.onDue(operation),
    onAnswer: (operation, answer) => void waiting.onAnswer(operation, answer),
  }) as Promise<ApprovalOutcome>
}

/** An approval that waits: the votes so far, and what comes next by itself. */
class Waiting {
  readonly #pass: Pass
  readonly #request: ApprovalRequest
  #votes: Vote[] = []
  #escalated = false

  constructor(pass: Pass, request: ApprovalRequest) {
    this.#pass = pass
    this.#request = request
  }

  /** Goes on with a request that the ledger holds, and with what has been said about it (A1). */
  resume(operation: Operation, begun: Line<'approval.requested'>): void {
    if (begun.record.digest !== this.#request.binding(begun.record.args)) {
      const reason = 'The call is no longer the one that was asked about.'
      this.#pass.conclude(operation, 'approval.voided', { reason })
      return
    }
    for (const line of this.#pass.recorded.said.get(operation.path) ?? []) {
      if (isLine(line, 'approval.voted')) this.#votes.push(line.record)
      else if (isLine(line, 'approval.changed')) this.#escalated ||= line.record.escalated === true
    }
    this.#wait(operation)
  }

  onDue(operation: Operation): void {
    const { escalate, due = Infinity } = this.#requested(operation)
    if (due <= this.#pass.store.clock.now()) expire(this.#pass, operation, 'approval.expired')
    else if (escalate && !this.#escalated) {
      this.#escalated = true
      this.#say(operation, 'approval.changed', { escalated: true, assignee: escalate.to })
    } else this.#wait(operation)
  }

  async onAnswer(operation: Operation, answer: Answer): Promise<void> {
    const pass = this.#pass
    const { number, time } = answer
    const judgement = judge(this.#requested(operation), this.#votes, answer, time)
    if (judgement.is === 'decided' && 'args' in judgement.record) {
      const complaint = await this.#request.complaint(judgement.record.args)
      if (operation.phase !== 'busy' || operation.scope.closed) {
        pass.mailbox.giveBack(number)
        return
      }
      if (complaint !== undefined) {
        this.#say(operation, 'approval.refused', { reason: complaint, ...actor(answer.by) }, number)
        return
      }
    }
    switch (judgement.is) {
      case 'refused': {
        const record = { reason: judgement.reason, ...actor(answer.by) }
        this.#say(operation, 'approval.refused', record, number)
        return
      }
      case 'changed': {
        const isEscalated = this.#escalated
        const requested = this.#requested(operation)
        const record = withEscalation(requested, judgement.record, { isEscalated, time })
        this.#escalated ||= record.escalated === true
        this.#say(operation, 'approval.changed', record, number)
        return
      }
      case 'voted':
        this.#votes.push(judgement.vote)
        this.#say(operation, 'approval.voted', judgement.vote, number)
        return
      case 'decided':
        pass.conclude(operation, 'approval.decided', judgement.record, { taken: [number] })
    }
  }

  /** Records something about the request; it goes on waiting. */
  #say<K extends 'approval.voted' | 'approval.changed' | 'approval.refused'>(
    operation: Operation,
    kind: K,
    record: Payloads[K],
    number?: number,
  ): void {
    const draft = { ...operation.place, kind, record }
    this.#pass.commit({
      drafts: [draft as AnyDraft],
      ...(number === undefined ? {} : { taken: [number] }),
      committed: () => this.#wait(operation),
    })
  }

  #wait(operation: Operation): void {
    const requested = this.#requested(operation)
    this.#pass.wait(operation, this.#escalated ? requested.due : firstDue(requested))
  }

  #requested({ begun }: Operation): Payloads['approval.requested'] {
    return (begun as Line<'approval.requested'>).record
  }
}
