/** Operations that wait, and those of them that ask somebody. */
import type { Entry, EntryKind, Payloads, WaitKind } from './entry.ts'

/** An operation whose outcome is still to come. */
export interface Wait {
  readonly seq: number
  readonly scope: string
  readonly key: string
  readonly kind: WaitKind
  readonly since: number
  /** The decoded payload of the entry that registered it. */
  readonly record: Payloads[WaitKind]
  /** When it goes on by itself, if ever. */
  readonly due: number | undefined
}

/** The wait that this entry registers. */
export function waitOf(entry: Entry, record: Payloads[WaitKind]): Wait {
  const { seq, scope, key, time } = entry
  const due = 'due' in record ? record.due : undefined
  return { seq, scope, key, kind: entry.kind as WaitKind, since: time, record, due }
}

/** True when somebody is asked: what waits is answered under the number of its entry. */
export const isQuestion = ({ kind, record }: Pick<Wait, 'kind' | 'record'>): boolean =>
  mayAsk(kind) && (kind !== 'effect.doubted' || 'prompt' in record)

/** True for kinds of which an entry may ask somebody. */
export const mayAsk = (kind: EntryKind | undefined): boolean =>
  kind === 'question.asked' || kind === 'approval.requested' || kind === 'effect.doubted'
