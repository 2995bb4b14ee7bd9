/**
 * Asks one guard about something, in the time that it has.
 *
 * - G1 Nothing fails open: a guard that throws, takes too long, or returns what is no verdict has
 *   denied, and so has a fix that cannot stand in the place of what it replaces.
 */
import { type ErrorData, EverloopError } from '../../base/errors.ts'
import { formatDuration } from '../../base/duration.ts'
import type { Ports } from '../../base/ports.ts'
import { timeLimit, TimeOver } from '../../base/time-limit.ts'
import { errorData } from '../../ledger/index.ts'
import type { Guard, GuardContext } from './guard.ts'
import { type Position, type Subjects, withFix } from './position.ts'
import { asVerdict, type GuardVerdict } from './verdict.ts'

/** What a guard is asked with. */
export interface Asking {
  readonly ports: Ports
  /** Aborted when nobody waits for the verdict any more. */
  readonly signal: AbortSignal
  readonly context: Omit<GuardContext, 'position' | 'signal'>
  /** What a guard asks models with. */
  readonly judgeFor?: (guard: Guard) => GuardContext['judge']
}

/** Where the model can try again. Elsewhere a wish for another try is a denial. */
const retriable: ReadonlySet<Position> = new Set<Position>(['answer', 'call', 'result', 'output'])

/** What came of asking a guard. */
export interface Said<P extends Position> {
  readonly verdict: GuardVerdict
  readonly error?: ErrorData
  /** The subject behind a fix. */
  readonly fixed?: Subjects[P]
}

/** One guard's verdict, and a denial where it has none. Never rejects. */
export async function askGuard<P extends Position>(
  guard: Guard,
  position: P,
  subject: Subjects[P],
  asking: Asking,
): Promise<Said<P>> {
  try {
    const said = await checked(guard, position, subject, asking)
    if (said instanceof TimeOver) {
      return denied(guard, `did not answer within ${formatDuration(guard.timeoutMs)}`)
    }
    const verdict = asVerdict(said)
    if (!verdict) return denied(guard, 'returned no verdict')
    if (verdict.is === 'fix') return replaced(guard, position, subject, verdict)
    // Before the model has said anything there is nothing that it could try again.
    if (verdict.is === 'retry' && !retriable.has(position)) {
      return { verdict: { is: 'deny', reason: verdict.feedback } }
    }
    return { verdict }
  } catch (thrown) {
    const error = errorData(thrown) // what was thrown may not want to be looked at
    const mayNot = error.code === 'BUDGET_STOPPED' // see judging.ts
    const what = mayNot ? 'may not ask a model, as the budget is used up' : 'failed'
    return denied(guard, what, error)
  }
}

/** What a fix makes of the subject, and a denial where it cannot stand there. */
function replaced<P extends Position>(
  guard: Guard,
  position: P,
  subject: Subjects[P],
  verdict: Extract<GuardVerdict, { readonly is: 'fix' }>,
): Said<P> {
  try {
    return { verdict, fixed: withFix(position, subject, verdict.value) }
  } catch (thrown) {
    return denied(guard, 'returned a fix that cannot be used', errorData(thrown))
  }
}

const denied = ({ name }: Guard, what: string, error?: ErrorData): Said<never> => ({
  verdict: { is: 'deny', reason: `Guard "${name}" ${what}, so this was denied.` },
  ...(error ? { error } : {}),
})

/** What the check returns, if that is in time. Throws what it throws, and what the signal was aborted with. */
async function checked<P extends Position>(
  guard: Guard,
  position: P,
  subject: Subjects[P],
  { ports, signal, context, judgeFor }: Asking,
): Promise<unknown> {
  signal.throwIfAborted()
  const limit = timeLimit(ports, guard.timeoutMs, {
    outer: signal,
    reason: () => new EverloopError('TIMEOUT', 'The guard took too long.'),
  })
  const { promise: unwanted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const said = (async () =>
      await guard.check(subject as never, {
        judge: judgeFor?.(guard),
        ...context,
        position,
        signal: limit.signal,
      }))()
    return await Promise.race([said, limit.over, unwanted])
  } finally {
    limit.end()
    signal.removeEventListener('abort', onAbort)
  }
}
