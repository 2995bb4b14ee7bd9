/**
 * What an outcome entry means to the code that waits for it: a value, or an error. The only place
 * where recorded outcomes become JavaScript again, live and on replay alike.
 */
import { Cancelled, EverloopError, StepError } from '../../base/errors.ts'
import type { ErrorData } from '../../base/errors.ts'
import { operationPath } from '../../ledger/index.ts'
import type { OutcomeKind, Payloads, WaitKind } from '../../ledger/index.ts'
import type { Line } from '../replay/recorded.ts'

export type Outcome =
  | { readonly is: 'value'; readonly value: unknown }
  | { readonly is: 'error'; readonly error: Error }

/** `begun` is what registered the operation, for waits that ended by time; `whole` as in `Live`. */
export function outcomeOf(
  line: Line<OutcomeKind>,
  begun: Line<WaitKind> | undefined,
  whole = false,
): Outcome {
  const { kind, record } = line
  if (whole && kind === 'signal.received') return { is: 'value', value: { ...record, kind } }
  switch (kind) {
    case 'step.completed':
    case 'signal.received':
    case 'question.answered':
    case 'scope.closed':
      return { is: 'value', value: (record as Payloads['scope.closed']).value }
    case 'child.completed':
      return { is: 'value', value: (record as Payloads['child.completed']).output }
    case 'timer.fired':
    case 'note.written':
    case 'note.titled':
    case 'undo.registered':
      return { is: 'value', value: undefined }
    case 'undo.completed':
    case 'undo.failed':
    case 'undo.skipped':
    case 'approval.decided':
    case 'approval.expired':
    case 'approval.voided':
      return { is: 'value', value: { ...record, kind, asked: begun?.record } }
    case 'guard.decided':
    case 'budget.reserved':
    case 'message.received':
    case 'context.compacted':
      // What the runtime itself has asked for is handed over whole, with its kind.
      return { is: 'value', value: { ...record, kind } }
    default:
      return unhappy(line as Line<UnhappyKind>, begun)
  }
}

type UnhappyKind =
  | 'step.failed'
  | 'scope.failed'
  | 'child.failed'
  | 'signal.expired'
  | 'question.expired'

function unhappy(line: Line<UnhappyKind>, begun: Line<WaitKind> | undefined): Outcome {
  const { entry, kind, record } = line
  const place = { run: entry.run, step: operationPath(entry.scope, entry.key) }
  switch (kind) {
    case 'step.failed': {
      const { attempts, error } = record as Payloads['step.failed']
      return { is: 'error', error: new StepError({ ...place, attempts, cause: error }) }
    }
    case 'scope.failed':
      return { is: 'error', error: scopeError((record as Payloads['scope.failed']).error, place) }
    case 'child.failed': {
      const { status, error } = record as Payloads['child.failed']
      const message = `Child run of "${place.step}" ${status === 'failed' ? 'failed' : 'was cancelled'}: ${error.name}: ${error.message}`
      return { is: 'error', error: withData('CHILD_FAILED', message, place, error) }
    }
    case 'signal.expired':
    case 'question.expired': {
      const { otherwise } = (begun?.record ?? {}) as Payloads['signal.awaited']
      if (otherwise) return { is: 'value', value: otherwise.value }
      const message = `"${place.step}" of run "${place.run}" waited until its deadline and nothing came. Give the wait an \`otherwise\`, or catch this error.`
      return { is: 'error', error: new EverloopError('EXPIRED', message, place) }
    }
  }
}

/** The error of a scope: a StepError stays one; anything else keeps its name, message and data. */
function scopeError(error: ErrorData, place: { run: string; step: string }): Error {
  const { data } = error
  if (error.code === 'STEP_FAILED' && isStepData(data)) {
    return new StepError({ run: place.run, ...data })
  }
  if (error.code === 'CANCELLED' && isCancelData(data)) {
    return new Cancelled({ run: place.run, reason: data.reason })
  }
  return withData('SCOPE_FAILED', `${error.name}: ${error.message}`, place, error)
}

interface StepData {
  readonly step: string
  readonly attempts: number
  readonly cause: ErrorData
}

const isStepData = (data: unknown): data is StepData =>
  typeof data === 'object' && data !== null && 'attempts' in data && 'cause' in data

const isCancelData = (data: unknown): data is { readonly reason: string } =>
  typeof data === 'object' && data !== null && 'reason' in data

const withData = (
  code: 'CHILD_FAILED' | 'SCOPE_FAILED',
  message: string,
  place: { run: string; step: string },
  cause: ErrorData,
): EverloopError => new EverloopError(code, message, { ...place, cause })
