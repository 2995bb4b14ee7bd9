/** How a run stands by its ledger. */
import type { ErrorData } from '../base/errors.ts'

/** What the ledger says about a run; whether it executes or waits right now is its worker's matter. */
export type RunStatus =
  | { readonly is: 'active' }
  | {
      readonly is: 'paused'
      readonly code: string
      readonly message: string
      readonly detail?: unknown
    }
  | { readonly is: 'completed'; readonly output: unknown }
  | { readonly is: 'failed'; readonly error: ErrorData; readonly cause?: number | undefined }
  | { readonly is: 'cancelled'; readonly reason: string }

/** The code that it is paused or failed with. */
export function codeOf(status: RunStatus): string | undefined {
  if (status.is === 'paused') return status.code
  return status.is === 'failed' ? status.error.code : undefined
}

/** True when a run in this status has ended. A failed run can be retried all the same. */
export const isEnd = (is: RunStatus['is']): boolean =>
  is === 'completed' || is === 'failed' || is === 'cancelled'
