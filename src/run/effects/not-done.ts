/** What follows when a call did not happen (E4). */
import { type ErrorData, EverloopError } from '../../base/errors.ts'
import { isWorthTrying, type Retry } from '../operations/retry-policy.ts'
import type { Doubt, Source } from './doubt.ts'

/** True for what says that a call did not happen. By its code: another copy of everloop may have made it. */
export const isNotDone = (thrown: unknown): boolean =>
  EverloopError.is(thrown) && thrown.code === 'NOT_DONE'

/** What is known when it turns out. */
interface Known {
  readonly via: Source['via']
  /** How many calls a crash has cut short before this one. */
  readonly lost: number
  /** Somebody waits for the outcome. */
  readonly isWanted: boolean
  readonly retry: Retry
}

export type AfterNotDone =
  /** It is made again at once. `lost`: how many calls a crash has cut short by then. */
  | { readonly is: 'again'; readonly lost: number }
  /** It is made again when the policy says so, of which this was that many failures. */
  | { readonly is: 'later'; readonly error: ErrorData; readonly failures: number }
  /** The step fails; without an error where there was none, as nobody waits for it. */
  | { readonly is: 'failed'; readonly error: ErrorData | undefined }

export function afterNotDone(
  { attempt, why, error, thrown }: Doubt,
  { via, lost, isWanted, retry }: Known,
): AfterNotDone {
  const isCrash = why === 'crashed'
  if (isWanted && (via === 'person' || isCrash)) {
    return { is: 'again', lost: isCrash ? lost + 1 : lost }
  }
  const failures = attempt - lost
  const mayRetry = isWanted && error !== undefined && failures < retry.attempts
  return mayRetry && isWorthTrying(retry, thrown ?? error)
    ? { is: 'later', error, failures }
    : { is: 'failed', error }
}
