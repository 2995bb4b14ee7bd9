/** What to do about a failed run: a retry helps where it would do something else than before. */
import type { ErrorData } from '../base/errors.ts'
import type { UndoInfo } from '../run/index.ts'
import { cleanLine } from './clean.ts'
import type { RunAbove } from './run-above.ts'

export interface RetryAdvice {
  /** Why a retry does not help; undefined where it may. */
  readonly why: string | undefined
  readonly fix: string
}

/** What is around a failed run. */
export interface Surroundings {
  readonly undos: readonly UndoInfo[]
  readonly above: RunAbove | undefined
  /** Runs below it that were cancelled, whether they have ended yet or not. */
  readonly cancelled: readonly CancelledChild[]
}

/** What a retry makes of it: another run takes its place, only as agreed where what it has done is `repeated`. */
export interface CancelledChild {
  readonly run: string
  readonly is: 'begun anew' | 'repeated' | 'awaited'
}

/** Failures that follow from what is recorded: a retry is served the same, and fails again. */
const decided: Readonly<Record<string, string>> = {
  BUDGET_STOPPED: 'the answer "stop" is recorded',
  GUARD_DENIED: 'the verdict of the guard is recorded',
  GUARD_HALTED: 'the verdict of the guard is recorded',
  OUTPUT_INVALID: 'the answers of the model are recorded',
}

/** What becomes of runs below that were cancelled. */
function afresh(cancelled: readonly CancelledChild[]): readonly string[] {
  if (cancelled.length === 0) return ['nothing else is executed again']
  const named = (is: CancelledChild['is']): string =>
    cancelled.flatMap((child) => (child.is === is ? cleanLine(child.run, 300) : [])).join(', ')
  const [free, repeated, awaited] = [named('begun anew'), named('repeated'), named('awaited')]
  return [
    ...(awaited
      ? [`where it asks for what is ending below it, it waits for that: ${awaited}`]
      : []),
    ...(free ? [`other runs take the place of what was cancelled with it: ${free}`] : []),
    ...(repeated
      ? [
          `it is paused where it asks again for what was cancelled with it and did, or may still do, what must not be done twice: ${repeated}. Undo that before (everloop runs undo), or let other runs do it again: --anew`,
        ]
      : []),
  ]
}

/** What the ledger says about going on with a failed run. */
export function retryAdvice(
  run: string,
  { code = '' }: ErrorData,
  { undos, above, cancelled }: Surroundings,
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
  const which = above?.is === 'failed' ? above.run : run
  const says = [
    'executes what failed again',
    ...(above?.is === 'failed'
      ? [`this run is below ${cleanLine(which, 300)}, and goes on with it`]
      : []),
    ...(code === 'CHILD_FAILED' ? ['a child that failed goes on from its own failure'] : []),
    ...afresh(cancelled),
  ]
  return {
    why: undefined,
    fix: `Mend the cause, then: everloop runs retry ${which} (${says.join('; ')})`,
  }
}
