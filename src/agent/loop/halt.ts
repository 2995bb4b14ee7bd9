/** The errors with which an agent ends its run although the model would go on. */
import { EverloopError, type ErrorCode } from '../../base/errors.ts'

/** The error to throw: the run fails with this code. */
export const halt = (
  code: Extract<
    ErrorCode,
    'GUARD_DENIED' | 'GUARD_HALTED' | 'BUDGET_STOPPED' | 'UNKNOWN_PRICE' | 'OUTPUT_INVALID'
  >,
  message: string,
  run: string,
): EverloopError => new EverloopError(code, message, { run })
