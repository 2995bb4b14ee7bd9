/** What to do about a failed run: a retry helps where it would do something else than before. */
import type { ErrorData } from '../base/errors.ts'
import type { UndoInfo } from '../run/index.ts'

export interface RetryAdvice {
  /** Why a retry does not help; undefined where it may. */
  readonly why: string | undefined
  readonly fix: string
}

/** Failures that follow from what is recorded: a retry is served the same, and fails again. */
const decided: Readonly<Record<string, string>> = {
  BUDGET_STOPPED: 'the answer "stop" is recorded',
  GUARD_DENIED: 'the verdict of the guard is recorded',
  GUARD_HALTED: 'the verdict of the guard is recorded',
  OUTPUT_INVALID: 'the answers of the model are recorded',
}

/** What the ledger says about going on with a failed run. */
export function retryAdvice(
  run: string,
  { code = '' }: ErrorData,
  undos: readonly UndoInfo[],
): RetryAdvice {
  const reason = Object.hasOwn(decided, code) ? decided[code] : undefined
  const fix = 'Start a new run, under another id'
  if (undos.length > 0) {
    const isUndone = undos.every(({ state }) => state === 'undone')
    const what = isUndone ? 'what it did was undone' : 'undoing what it did has begun'
    return { why: `It cannot be retried, because ${what}.`, fix }
  }
  if (code === 'DEADLINE') {
    return { why: 'It cannot be retried, because its deadline has passed.', fix }
  }
  if (reason !== undefined) {
    return { why: `A retry would fail the same way, because ${reason}.`, fix }
  }
  return {
    why: undefined,
    fix: `Mend the cause, then: everloop runs retry ${run} (executes what failed again, and nothing else${code === 'CHILD_FAILED' ? '; a child that failed goes on from its own failure' : ''})`,
  }
}
