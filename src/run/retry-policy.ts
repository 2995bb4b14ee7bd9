/** The retry policy of a step, with everything said, and what it says about an attempt that failed. */
import { EverloopError } from '../base/errors.ts'
import { parseDuration } from '../base/duration.ts'
import type { RetryPolicy } from './face.ts'
import { checkOptions } from '../base/options.ts'
import type { Ports } from '../base/ports.ts'

export interface Retry {
  readonly attempts: number
  readonly delayMs: number
  readonly factor: number
  readonly maxDelayMs: number
  readonly when: (error: unknown) => boolean
}

/** What a step without a policy gets. */
const single: Retry = { attempts: 1, delayMs: 0, factor: 1, maxDelayMs: 0, when: () => true }

/** No wait is longer where nothing else is said; nor shorter than the first one is to be. */
const usualMaxDelayMs = parseDuration('5m')

/** Errors that the same attempt would meet again. */
const finalCodes: readonly unknown[] = ['NOT_SERIALISABLE', 'VALUE_TOO_LARGE', 'BAD_INPUT']

/** Throws BAD_OPTION. */
export function retryOf(policy: RetryPolicy | undefined): Retry {
  if (policy === undefined) return single
  checkOptions('retry', policy, ['attempts', 'delay', 'factor', 'maxDelay', 'when'])
  const { attempts, delay = '1s', factor = 2, maxDelay, when = () => true } = policy
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new EverloopError('BAD_OPTION', `retry.attempts must be a whole number of at least 1.`)
  }
  if (!Number.isFinite(factor) || factor < 1) {
    throw new EverloopError('BAD_OPTION', `retry.factor must be a number of at least 1.`)
  }
  const firstMs = parseDuration(delay)
  const maxDelayMs =
    maxDelay === undefined ? Math.max(usualMaxDelayMs, firstMs) : parseDuration(maxDelay)
  return { attempts, delayMs: firstMs, factor, maxDelayMs, when }
}

/** `thrown`: what the body threw, or the record of it where another process has seen it. */
export function isWorthTrying(retry: Retry, thrown: unknown): boolean {
  try {
    if (isOurs(thrown) && finalCodes.includes(thrown.code)) return false
    return retry.when(thrown)
  } catch {
    return false // a policy that throws has no opinion worth repeating an effect for
  }
}

/** True for an error of everloop, and for the record of one. */
const isOurs = (thrown: unknown): thrown is { readonly code: unknown } =>
  EverloopError.is(thrown) ||
  (typeof thrown === 'object' &&
    thrown !== null &&
    !(thrown instanceof Error) &&
    'code' in thrown &&
    'name' in thrown &&
    thrown.name === 'EverloopError')

/** The wait before the next attempt, spread by a quarter so that failed callers do not return as one. */
export function delayMs(
  { ports }: { readonly ports: Ports },
  retry: Retry,
  attempt: number,
): number {
  const full = Math.min(retry.delayMs * retry.factor ** (attempt - 1), retry.maxDelayMs)
  const chance = (ports.randomBytes(1)[0] ?? 0) / 255
  return Math.round(full * (0.75 + chance / 4))
}
