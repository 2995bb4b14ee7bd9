/** What is thrown when no model answered: with all attempts as data, so that the ledger tells why. */
import { EverloopError } from '../../base/errors.ts'
import type { FailedAttempt, Usage } from './answer.ts'

interface Fields {
  readonly attempts: readonly FailedAttempt[]
  readonly status?: number | undefined
  readonly body?: string | undefined
  readonly usage?: Usage | undefined
}

/** No model answered: MODEL_FAILED, or MODEL_REFUSED when a filter stopped it. */
export class ModelError extends EverloopError {
  /** What was tried, in order. */
  readonly attempts: readonly FailedAttempt[]

  constructor(code: 'MODEL_FAILED' | 'MODEL_REFUSED', message: string, fields: Fields) {
    super(code, message)
    this.attempts = fields.attempts
    // Only what is known: these are kept in the ledger.
    const { status, body, usage } = fields
    if (status !== undefined) Object.assign(this, { status })
    if (body !== undefined) Object.assign(this, { body })
    if (usage !== undefined) Object.assign(this, { usage })
  }

  /** The HTTP status of the last attempt, where there was one. */
  declare readonly status?: number
  /** How the body of the last attempt began, without secrets. */
  declare readonly body?: string
  /** What the refused answer used, where that is known. */
  declare readonly usage?: Usage

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'ModelError', configurable: true })
  }
}
