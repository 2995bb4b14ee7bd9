/** A run whose time is over is cancelled, and has failed whatever its code comes to. */
import type { Clock } from '../../base/ports.ts'
import type { Payloads } from '../../ledger/index.ts'

/** What it is cancelled with. */
export const overdue: Payloads['run.cancelling'] = {
  reason: 'The deadline of the run has passed.',
  deadline: true,
}

/** True from the deadline on. */
export const isPast = (deadline: number | undefined, clock: Clock): boolean =>
  deadline !== undefined && deadline <= clock.now()

/** What the run ends with. */
export const missed = (
  run: string,
): { readonly kind: 'run.failed'; readonly record: Payloads['run.failed'] } => {
  const message = `Run "${run}" did not end before its deadline.`
  return {
    kind: 'run.failed',
    record: { error: { name: 'EverloopError', code: 'DEADLINE', message } },
  }
}
