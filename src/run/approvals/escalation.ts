/** To whom a request for approval goes when nobody has decided in time. */
import type { Payloads } from '../../ledger/index.ts'

/** Who gets it next, and when, in milliseconds since 1970. */
export interface Escalation {
  readonly to: string
  readonly due: number
}

/** The one that its policy wants; undefined also where the request expires before. */
export function escalationOf({
  escalate,
  due = Infinity,
}: Pick<Payloads['approval.requested'], 'escalate' | 'due'>): Escalation | undefined {
  return escalate && escalate.due < due ? { to: escalate.to, due: escalate.due } : undefined
}

/** Whoever is handed it behind the time of its escalation keeps it, although no worker was there to escalate it. */
export function withEscalation(
  { escalate }: Pick<Payloads['approval.requested'], 'escalate'>,
  record: Payloads['approval.changed'],
  { isEscalated, time }: { readonly isEscalated: boolean; readonly time: number },
): Payloads['approval.changed'] {
  if (record.assignee === undefined || !escalate || isEscalated || time < escalate.due) {
    return record
  }
  return { ...record, escalated: true }
}
