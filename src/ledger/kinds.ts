/** What is known about kinds as such: what they are entries of, and which belong together. entry.ts lists them. */
import { type PayloadKind, reservedKinds } from './entry.ts'

/** What an entry is of: the run as a whole, an operation, or a loop's turn. */
type Place = 'run' | 'operation' | 'turn'

/** Complete by its type: a new kind that is missing here does not compile. */
const places: Readonly<Record<PayloadKind, Place>> = {
  'run.started': 'run',
  'run.tainted': 'run',
  'run.overtaken': 'run',
  'run.cancelling': 'run',
  'run.paused': 'run',
  'run.resumed': 'run',
  'run.migrated': 'run',
  'run.undoing': 'run',
  'run.retried': 'run',
  'run.completed': 'run',
  'run.failed': 'run',
  'run.cancelled': 'run',
  'step.completed': 'operation',
  'step.failed': 'operation',
  'step.retrying': 'operation',
  'effect.intended': 'operation',
  'effect.doubted': 'operation',
  'effect.resolved': 'operation',
  'effect.refused': 'operation',
  'undo.registered': 'operation',
  'undo.retrying': 'operation',
  'undo.completed': 'operation',
  'undo.failed': 'operation',
  'undo.skipped': 'operation',
  'timer.set': 'operation',
  'timer.fired': 'operation',
  'signal.awaited': 'operation',
  'signal.received': 'operation',
  'signal.refused': 'operation',
  'signal.expired': 'operation',
  'question.asked': 'operation',
  'question.answered': 'operation',
  'question.refused': 'operation',
  'question.expired': 'operation',
  'approval.requested': 'operation',
  'approval.voted': 'operation',
  'approval.changed': 'operation',
  'approval.refused': 'operation',
  'approval.decided': 'operation',
  'approval.expired': 'operation',
  'approval.voided': 'operation',
  'guard.decided': 'operation',
  'budget.reserved': 'operation',
  'message.received': 'operation',
  'context.compacted': 'operation',
  'child.started': 'operation',
  'child.completed': 'operation',
  'child.failed': 'operation',
  'note.titled': 'operation',
  'note.written': 'operation',
  'input.drifted': 'operation',
  'scope.closed': 'operation',
  'scope.failed': 'operation',
  'turn.committed': 'turn',
}

/** The kinds whose payload this version writes. */
export const payloadKinds = Object.keys(places) as readonly PayloadKind[]

/** What an entry of this kind is of; undefined for reserved kinds and unknown ones. */
export const placeOf = (kind: string): Place | undefined =>
  Object.hasOwn(places, kind) ? places[kind as PayloadKind] : undefined

const reserved: ReadonlySet<string> = new Set(reservedKinds)

/** True for kinds that are set aside for later versions. */
export const isReserved = (kind: string): boolean => reserved.has(kind)

/**
 * What comes before the dot: all entries of one operation share it, but `input.drifted`. What is
 * said about an effect belongs to its step.
 */
export function familyOf(kind: string): string {
  const family = kind.slice(0, kind.indexOf('.'))
  return family === 'effect' ? 'step' : family
}
