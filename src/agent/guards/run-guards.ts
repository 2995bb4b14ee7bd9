/**
 * Asks guards about something, and says what becomes of it.
 *
 * - G2 Guards are asked in order, one after the other, and each sees what those before it have made of
 *   the subject. The first to deny, to halt or to want another try decides; nobody is asked after it.
 * - G3 A question to a person decides only when no guard behind it decides otherwise: people are not
 *   asked about what will be denied. What several guards ask is put as one question, and each is told.
 * - G4 A person's yes counts for the guards whose questions it answered, and for exactly what it was
 *   said about.
 * - G5 What a guard is handed it cannot change: what it returns counts, and nothing else.
 */
import { frozenCopy } from '../../base/frozen-copy.ts'
import { digestOf, type Payloads } from '../../ledger/index.ts'
import { type Asking, askGuard, type Said } from './ask-guard.ts'
import type { Guard } from './guard.ts'
import { fixedPart, type Position, type Subjects } from './position.ts'
import type { GuardVerdict } from './verdict.ts'

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
  /** As `nameAmong` tells it. */
  readonly guard: string
  /** Where that person has changed what was asked about: it counts for this question only. */
  readonly question?: string | undefined
}

export interface GuardRound extends Asking {
  /** What a person has granted about exactly this. */
  readonly granted?: readonly Grant[]
}

/** The name of a guard, told apart from that of those before it: a policy and an agent may have guards of one name. */
export function nameAmong(guard: string, before: readonly { readonly guard: string }[]): string {
  const alike = before.filter((one) => one.guard === guard).length
  return alike === 0 ? guard : `${guard} #${alike + 1}`
}

/** Asks those of the guards that stand at this position. Never rejects. */
export async function runGuards<P extends Position>(
  guards: readonly Guard[],
  position: P,
  subject: Subjects[P],
  round: GuardRound,
): Promise<GuardDecision> {
  const hearing = new Hearing(position, subject, round.granted)
  for (const guard of guards) {
    if (!guard.at.includes(position)) continue
    const decision = hearing.take(
      guard.name,
      await askGuard(guard, position, hearing.subject, round),
    )
    if (decision) return decision
  }
  return hearing.end()
}

/** What the guards have said so far. */
class Hearing<P extends Position> {
  readonly #position: P
  /** As it was when the first guard was asked. */
  readonly #given: Subjects[P]
  readonly #granted: readonly Grant[]
  readonly #verdicts: Payloads['guard.decided']['verdicts'][number][] = []
  /** Those that want a person, with their questions. */
  readonly #asking: { readonly guard: string; readonly question: string }[] = []
  #subject: Subjects[P]
  #isFixed = false

  constructor(position: P, subject: Subjects[P], granted: readonly Grant[] = []) {
    this.#position = position
    this.#given = frozenCopy(subject)
    this.#subject = this.#given
    this.#granted = granted
  }

  /** As the guards have made it, for the next of them: what one does to its own copy the others do not see. */
  get subject(): Subjects[P] {
    return frozenCopy(this.#subject)
  }

  /** Takes what a guard has said. Returns the decision, where that is it (G2). */
  take(guard: string, { verdict, error, fixed }: Said<P>): GuardDecision | undefined {
    const reason = reasonOf(verdict)
    const name = nameAmong(guard, this.#verdicts)
    this.#verdicts.push({
      guard,
      verdict: verdict.is,
      ...(reason === undefined ? {} : { reason }),
      ...(error === undefined ? {} : { error }),
    })
    switch (verdict.is) {
      case 'allow':
        return undefined
      case 'fix':
        this.#subject = frozenCopy(fixed) ?? this.#subject
        this.#isFixed = true
        return undefined
      case 'ask': {
        const question = verdict.prompt
        if (!this.#isGranted(name, question)) this.#asking.push({ guard, question })
        return undefined
      }
      case 'deny':
      case 'halt':
        return this.#decision(verdict.is, { by: guard, reason: verdict.reason })
      case 'retry':
        return this.#decision('retry', {
          by: guard,
          reason: verdict.feedback,
          max: verdict.max ?? 0,
        })
    }
  }

  /** All were asked, and none has decided: a person does, if one of them wants that (G3). */
  end(): GuardDecision {
    const asking = this.#asking
    const [first] = asking
    if (!first) return this.#decision('allow')
    return this.#decision('ask', {
      by: first.guard,
      reason: [...new Set(asking.map(({ question }) => question))].join('\n'),
      ...(asking.length > 1 ? { asking: asking.map(({ guard }) => guard) } : {}),
    })
  }

  /** G4. */
  #isGranted(guard: string, question: string): boolean {
    const isAnswered = this.#granted.some(
      (grant) => grant.guard === guard && (grant.question ?? question) === question,
    )
    return isAnswered && this.#isAsGiven()
  }

  /** Whether guards have left it as it was, or made the same of it again. */
  #isAsGiven(): boolean {
    const [now, given] = [this.#subject, this.#given]
    if (now === given) return true
    const position = this.#position
    return digestOf(fixedPart(position, now)) === digestOf(fixedPart(position, given))
  }

  #decision(outcome: GuardDecision['outcome'], rest: Partial<GuardDecision> = {}): GuardDecision {
    const position = this.#position
    return {
      position,
      verdicts: this.#verdicts,
      outcome,
      ...rest,
      ...(this.#isFixed ? { fixed: { value: fixedPart(position, this.#subject) } } : {}),
    }
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
