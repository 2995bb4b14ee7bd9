/** What is said when a run is started, besides its flow and input. */
import { type Duration, parseDuration } from '../../base/duration.ts'
import { EverloopError } from '../../base/errors.ts'
import type { Clock } from '../../base/ports.ts'

/** Under which id, when and for whom `ever.start` starts a run. */
export interface StartOptions {
  /** The same id twice is one run. Default: a new id. */
  readonly id?: string
  /** Runs of a queue share its concurrency limit. Default "default". */
  readonly queue?: string
  readonly labels?: Readonly<Record<string, string>>
  /** Not before this much time has passed, or this date. */
  readonly delay?: Duration
  readonly at?: Date
  /** The run fails with DEADLINE when it has not ended after this much time. */
  readonly deadline?: Duration
  /** Who starts it, for the record. */
  readonly by?: string
}

/**
 * When the run may begin and must have ended, on the store's clock; undefined where nothing is said.
 * Throws BAD_OPTION and BAD_DURATION.
 */
export function startTimes(
  { delay, at, deadline }: StartOptions,
  clock: Clock,
): { readonly notBefore: number | undefined; readonly deadline: number | undefined } {
  if (delay !== undefined && at !== undefined) {
    throw new EverloopError('BAD_OPTION', 'start takes `delay` or `at`, not both.')
  }
  const later = (duration: Duration | undefined): number | undefined =>
    duration === undefined ? undefined : clock.now() + parseDuration(duration)
  if (at === undefined) return { notBefore: later(delay), deadline: later(deadline) }
  if (at instanceof Date && !Number.isNaN(at.getTime())) {
    return { notBefore: at.getTime(), deadline: later(deadline) }
  }
  throw new EverloopError('BAD_DURATION', '`at` must be a valid Date.')
}
