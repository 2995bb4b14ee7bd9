/** What a run waits for, as people and programs are told it. */
import type { ErrorData } from '../../base/errors.ts'
import { operationPath, questionId, unescape, type Wait } from '../../ledger/index.ts'

/** What a waiting run waits for. */
export interface WaitInfo {
  readonly kind:
    | 'timer'
    | 'signal'
    | 'question'
    | 'child'
    | 'retry'
    | 'approval'
    | 'effect'
    | 'undo'
  /** The operation, as its path in the run. */
  readonly path: string
  /**
   * Signal: its name. Question and approval: the prompt. Child: its id. Retry and undo: the error of
   * the last attempt. Effect: the prompt, or what is known of a call whose outcome is not.
   */
  readonly what: string
  /** What a person is asked: the id to answer under. */
  readonly question?: string
  readonly since: number
  readonly due: number | undefined
}

export function waitInfoOf(
  run: string,
  { kind, scope, key, seq, since, due, record }: Wait,
): WaitInfo {
  const path = unescape(operationPath(scope, key))
  const rest = { path, since, due }
  switch (kind) {
    case 'timer.set':
      return { kind: 'timer', what: 'a date', ...rest }
    case 'signal.awaited':
      return { kind: 'signal', what: 'name' in record ? record.name : '', ...rest }
    case 'question.asked':
    case 'approval.requested':
      return {
        kind: kind === 'question.asked' ? 'question' : 'approval',
        what: textIn(record, 'prompt'),
        question: questionId(run, seq),
        ...rest,
      }
    case 'effect.intended':
      return { kind: 'effect', what: 'a call that has begun', ...rest }
    case 'effect.resolved':
      return { kind: 'effect', what: 'a call that did not happen', ...rest }
    case 'effect.doubted': {
      const prompt = textIn(record, 'prompt')
      const asked = prompt === '' ? {} : { question: questionId(run, seq) }
      return { kind: 'effect', what: prompt || 'a call that may have happened', ...asked, ...rest }
    }
    case 'undo.retrying':
      return { kind: 'undo', what: 'error' in record ? errorText(record.error) : '', ...rest }
    case 'child.started':
      return { kind: 'child', what: 'run' in record ? record.run : '', ...rest }
    case 'step.retrying':
      return { kind: 'retry', what: 'error' in record ? errorText(record.error) : '', ...rest }
  }
}

const errorText = (error: ErrorData | undefined): string => error?.message ?? ''

/** A text of a record; "" when it has none of this name, or was erased. */
function textIn(record: object, field: string): string {
  const value = (record as Readonly<Record<string, unknown>>)[field]
  return typeof value === 'string' ? value : ''
}
