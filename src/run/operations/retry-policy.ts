/** The retry policy of a step, with all defaults filled in, and what it says about an attempt that failed. */
import { type BackOff, backOffOf } from '../../base/back-off.ts'
import { EverloopError } from '../../base/errors.ts'
import { checkFunctions, checkOptions } from '../../base/options.ts'
import type { RetryPolicy } from '../face.ts'

export interface Retry extends BackOff {
  readonly when: (error: unknown) => boolean
}

/** What a step without a policy gets. */
const single: Retry = { attempts: 1, delayMs: 0, factor: 1, maxDelayMs: 0, when: () => true }

/** Errors that the same attempt would meet again. */
const finalCodes: readonly unknown[] = ['NOT_SERIALISABLE', 'VALUE_TOO_LARGE', 'BAD_INPUT']

/** Throws BAD_OPTION. */
export function retryOf(policy: RetryPolicy | undefined): Retry {
  if (policy === undefined) return single
  checkOptions('retry', policy, ['attempts', 'delay', 'factor', 'maxDelay', 'when'])
  const { when = () => true } = policy
  checkFunctions('retry', { when })
  return { ...backOffOf(policy, '5m'), when }
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
