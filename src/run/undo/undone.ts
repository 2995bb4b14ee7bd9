/** How a run ends that was undone: as it would have, with what became of the compensations. */
import { erased, type Payloads, type Undoables } from '../../ledger/index.ts'
import type { RunEnd } from '../work/ending.ts'

/** The last entry; undefined when the run has ended before, and somebody asked for it. */
export function lastEntry(
  { because, error, reason, cause }: Payloads['run.undoing'],
  undoables: Undoables,
): RunEnd | undefined {
  if (because === 'asked') return undefined
  const states = undoables.list().map(({ state }) => state)
  const count = (wanted: string): number => states.filter((state) => state === wanted).length
  const undo = { completed: count('undone'), failed: count('failed'), skipped: count('skipped') }
  if (because === 'cancelled') {
    const rest = error === undefined ? {} : { error }
    return { kind: 'run.cancelled', record: { reason: reason ?? erased, ...rest, undo } }
  }
  const rest = cause === undefined ? {} : { cause }
  const thrown = error ?? { name: 'Error', message: erased }
  return { kind: 'run.failed', record: { error: thrown, ...rest, undo } }
}
