/**
 * Asks guards about something, and says what becomes of it.
 *
 * - G1 Nothing fails open: a guard that throws, takes too long, or returns what is no verdict has
 *   denied, and so has a fix that cannot stand in the place of what it replaces.
 * - G2 Guards are asked in order, one after the other, and each sees what those before it have made of
 *   the subject. The first to deny, to halt or to want another try decides; nobody is asked after it.
 * - G3 A question to a person decides only when no guard behind it decides otherwise: people are not
 *   asked about what will be denied. What several guards ask is put as one question, and each is told.
 * - G4 A person's yes counts for the guards whose questions it answered, and for exactly what it was
 *   said about.
 */
import { type ErrorData, EverloopError } from '../../base/errors.ts'
import { formatDuration } from '../../base/duration.ts'
import type { Ports } from '../../base/ports.ts'
import { timeLimit, TimeOver } from '../../base/time-limit.ts'
import { digestOf, errorData, type Payloads } from '../../ledger/index.ts'
import type { Guard, GuardContext } from './guard.ts'
import { fixedPart, type Position, type Subjects, withFix } from './position.ts'
import { asVerdict, type GuardVerdict } from './verdict.ts'

/** What became of it: plain data, as `guard.decided` keeps it. */
export interface GuardDecision {
  readonly position: Position
  readonly verdicts: Payloads['guard.decided']['verdicts']
  readonly outcome: 'allow' | 'deny' | 'retry' | 'ask' | 'halt'
  /** The guard that decided, unless all allowed; at `ask` the first. */
  readonly by?: string
  /** At `ask`: all that want a person, where there are several. `reason` has what each of them asks. */
  readonly asking?: readonly string[]
  /** For the model at `deny`, feedback at `retry`, the question at `ask`, for people at `halt`. */
  readonly reason?: string
  /** At `retry`: how often this guard may send something back. */
  readonly max?: number
  /** What the subject became, when a guard has replaced it. */
  readonly fixed?: { readonly value: unknown }
}

/** A guard whose question a person has answered with yes. */
export interface Grant {
  readonly guard: string
  /** Where that person has changed what was asked about: it counts for this question only. */
  readonly question?: string | undefined
}

export interface GuardRound {
  readonly ports: Ports
  /** Aborted when nobody waits for the verdicts any more. */
  readonly signal: AbortSignal
  readonly context: Omit<GuardContext, 'position' | 'signal'>
  /** What a person has granted about exactly this. */
  readonly granted?: readonly Grant[]
}

/** Where the model can try again. Elsewhere a wish for another try is a denial. */
const retriable: ReadonlySet<Position> = new Set<Position>(['answer', 'call', 'result', 'output'])

/** Asks those of the guards that stand at this position. Never rejects. */
export async function runGuards<P extends Position>(
  guards: readonly Guard[],
  position: P,
  subject: Subjects[P],
  round: GuardRound,
): Promise<GuardDecision> {
  const verdicts: Payloads['guard.decided']['verdicts'][number][] = []
  let current = subject
  let isFixed = false
  const asked: { readonly guard: string; readonly reason: string }[] = []
  const isGranted = (guard: string, question: string): boolean =>
    (round.granted ?? []).some(
      (grant) => grant.guard === guard && (grant.question ?? question) === question,
    ) && isAlike(position, current, subject)
  const decision = (
    outcome: GuardDecision['outcome'],
    rest: Partial<GuardDecision> = {},
  ): GuardDecision => ({
    position,
    verdicts,
    outcome,
    ...rest,
    ...(isFixed ? { fixed: { value: fixedPart(position, current) } } : {}),
  })

  for (const guard of guards) {
    if (!guard.at.includes(position)) continue
    const { name } = guard
    const said = await ask(guard, position, current, round)
    const { verdict, error } = said
    const reason = reasonOf(verdict)
    const isFailure = error === undefined ? {} : { error }
    verdicts.push({
      guard: name,
      verdict: verdict.is,
      ...(reason === undefined ? {} : { reason }),
      ...isFailure,
    })
    switch (verdict.is) {
      case 'allow':
        break
      case 'fix':
        current = said.fixed ?? current
        isFixed = true
        break
      case 'ask':
        if (!isGranted(name, verdict.prompt)) asked.push({ guard: name, reason: verdict.prompt })
        break
      case 'deny':
      case 'halt':
        return decision(verdict.is, { by: name, reason: verdict.reason })
      case 'retry':
        return decision('retry', { by: name, reason: verdict.feedback, max: verdict.max ?? 0 })
    }
  }
  const [first, ...others] = asked
  if (!first) return decision('allow')
  return decision('ask', {
    by: first.guard,
    reason: [...new Set(asked.map(({ reason }) => reason))].join('\n'),
    ...(others.length > 0 ? { asking: asked.map(({ guard }) => guard) } : {}),
  })
}

/** Whether guards have left it as it was, or made the same of it again. */
const isAlike = <P extends Position>(position: P, one: Subjects[P], other: Subjects[P]): boolean =>
  one === other || digestOf(fixedPart(position, one)) === digestOf(fixedPart(position, other))

interface Said<P extends Position> {
  readonly verdict: GuardVerdict
  readonly error?: ErrorData
  /** The subject behind a fix. */
  readonly fixed?: Subjects[P]
}

/** One guard's verdict, and a denial where it has none (G1). */
async function ask<P extends Position>(
  guard: Guard,
  position: P,
  subject: Subjects[P],
  round: GuardRound,
): Promise<Said<P>> {
  const { name } = guard
  const failed = (what: string, error?: ErrorData): Said<P> => ({
    verdict: { is: 'deny', reason: `Guard "${name}" ${what}, so this was denied.` },
    ...(error ? { error } : {}),
  })
  try {
    const said = await checked(guard, position, subject, round)
    if (said instanceof TimeOver)
      return failed(`did not answer within ${formatDuration(guard.timeoutMs)}`)
    const verdict = asVerdict(said)
    if (!verdict) return failed('returned no verdict')
    if (verdict.is === 'fix') return replacing(failed, verdict, { position, subject })
    // Before the model has said anything there is nothing that it could try again.
    if (verdict.is === 'retry' && !retriable.has(position))
      return { verdict: { is: 'deny', reason: verdict.feedback } }
    return { verdict }
  } catch (thrown) {
    return failed('failed', errorData(thrown))
  }
}

/** What a fix makes of the subject, and a denial where it cannot stand there. */
function replacing<P extends Position>(
  failed: (what: string, error?: ErrorData) => Said<P>,
  verdict: Extract<GuardVerdict, { readonly is: 'fix' }>,
  { position, subject }: { readonly position: P; readonly subject: Subjects[P] },
): Said<P> {
  try {
    return { verdict, fixed: withFix(position, subject, verdict.value) }
  } catch (thrown) {
    return failed('returned a fix that cannot be used', errorData(thrown))
  }
}

/** What the check returns, if that is in time. Throws what it throws, and what the signal was aborted with. */
async function checked<P extends Position>(
  { check, timeoutMs }: Guard,
  position: P,
  subject: Subjects[P],
  { ports, signal, context }: GuardRound,
): Promise<unknown> {
  signal.throwIfAborted()
  const limit = timeLimit(ports, timeoutMs, {
    outer: signal,
    reason: () => new EverloopError('TIMEOUT', 'The guard took too long.'),
  })
  const { promise: unwanted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const said = (async () =>
      await check(subject as never, { ...context, position, signal: limit.signal }))()
    return await Promise.race([said, limit.over, unwanted])
  } finally {
    limit.end()
    signal.removeEventListener('abort', onAbort)
  }
}

/** What is said to whoever is told of a verdict. */
function reasonOf(verdict: GuardVerdict): string | undefined {
  switch (verdict.is) {
    case 'allow':
      return undefined
    case 'retry':
      return verdict.feedback
    case 'ask':
      return verdict.prompt
    default:
      return verdict.reason
  }
}
