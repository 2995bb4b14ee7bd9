/** Why an agent ends although the model would go on: errors of the run, with a stable code. */
import { EverloopError, type ErrorCode } from '../base/errors.ts'

/** Ends the agent's run as failed. */
export const halt = (
  code: Extract<
    ErrorCode,
    'GUARD_DENIED' | 'GUARD_HALTED' | 'BUDGET_STOPPED' | 'UNKNOWN_PRICE' | 'OUTPUT_INVALID'
  >,
  message: string,
  run: string,
): EverloopError => new EverloopError(code, message, { run })
