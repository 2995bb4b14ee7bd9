/** Backing off: how many attempts there are, and the growing waits between them. */
import { type Duration, parseDuration } from './duration.ts'
import { EverloopError } from './errors.ts'
import { checkCount } from './options.ts'
import type { Ports } from './ports.ts'

/** With all defaults filled in. */
export interface BackOff {
  readonly attempts: number
  /** The wait after the first attempt. */
  readonly delayMs: number
  /** What each further wait is multiplied by. */
  readonly factor: number
  /** No wait is longer. */
  readonly maxDelayMs: number
}

interface BackOffOptions {
  readonly attempts: number
  readonly delay?: Duration | undefined
  readonly factor?: number | undefined
  readonly maxDelay?: Duration | undefined
}

/**
 * What these options of `retry` say. Without `maxDelay` no wait is longer than `usualMaxDelay`, unless
 * the first one is to be. Throws BAD_OPTION and BAD_DURATION.
 */
export function backOffOf(
  { attempts, delay = '1s', factor = 2, maxDelay }: BackOffOptions,
  usualMaxDelay: Duration,
): BackOff {
  checkCount('retry.attempts', attempts, 1)
  if (!Number.isFinite(factor) || factor < 1) {
    throw new EverloopError('BAD_OPTION', 'retry.factor must be a number of at least 1.')
  }
  const delayMs = parseDuration(delay)
  const maxDelayMs =
    maxDelay === undefined
      ? Math.max(parseDuration(usualMaxDelay), delayMs)
      : parseDuration(maxDelay)
  return { attempts, delayMs, factor, maxDelayMs }
}

/** The wait after this attempt, spread by a quarter so that failed callers do not return as one. */
export function waitMs(
  ports: Pick<Ports, 'randomBytes'>,
  { delayMs, factor, maxDelayMs }: BackOff,
  attempt: number,
): number {
  // Nothing, infinitely often, would be no number.
  const full = Math.min(delayMs * Math.min(factor ** (attempt - 1), Number.MAX_VALUE), maxDelayMs)
  const chance = (ports.randomBytes(1)[0] ?? 0) / 255
  return Math.round(full * (0.75 + chance / 4))
}
