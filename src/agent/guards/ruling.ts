/**
 * What the guards say at one position, as the loop acts on it.
 *
 * - V1 A decision is recorded before anything follows from it, and served ever after.
 * - V2 What is recorded behind it in the turn is proof that it was allowed then: guards that a deploy
 *   has added are not asked about the past (C4).
 */
import { frozenCopy } from '../../base/frozen-copy.ts'
import { isTakenUp, judgesKey, modelCost, spend } from '../budgets/spending.ts'
import { decideIn, hasRecords, isRecorded, taintsIn } from '../../run/inside.ts'
import type { Run } from '../../run/index.ts'
import type { Agency } from '../loop/agency.ts'
import { dataSchema } from '../schemas/data-schema.ts'
import { type Position, type Subjects, withFix } from './position.ts'
import { type Grant, type GuardDecision, nameAmong, runGuards } from './run-guards.ts'
import { halt } from '../loop/halt.ts'
import { judging } from './judging.ts'
import { type AgentState, recentCalls } from '../loop/state.ts'

/** What is decided about, and where it stands in the turn. */
export interface Matter<P extends Position> {
  readonly position: P
  readonly key: string
  /** Keys of what comes after it. */
  readonly later: readonly string[]
  readonly subject: Subjects[P]
  /** Recorded with the decision: what exactly it is about. */
  readonly about?: Readonly<Record<string, unknown>>
  /** What a person has granted about exactly this. */
  readonly granted?: readonly Grant[]
}

export type Ruling<P extends Position> =
  /** It goes on, perhaps as guards have changed it. */
  | {
      readonly is: 'allow'
      readonly subject: Subjects[P]
      readonly isFixed: boolean
      /** What was recorded with the decision. */
      readonly about?: unknown
    }
  | { readonly is: 'deny'; readonly by: string; readonly reason: string }
  | { readonly is: 'retry'; readonly by: string; readonly reason: string; readonly max: number }
  /** At calls only: a person has to approve. Elsewhere the person has been asked already. */
  | {
      readonly is: 'ask'
      readonly reason: string
      /** Each guard that asks, with its question. */
      readonly asking: readonly Required<Grant>[]
      readonly subject: Subjects[P]
      readonly isFixed: boolean
    }

/** What a person says whom a guard has asked. */
interface Permission {
  readonly verdict: 'allow' | 'deny'
  readonly reason?: string
}

const permission = dataSchema<Permission>({
  type: 'object',
  required: ['verdict'],
  properties: { verdict: { enum: ['allow', 'deny'] }, reason: { type: 'string' } },
  additionalProperties: false,
})

const isGuarded = (at: Agency, position: Position): boolean =>
  at.guards.some((one) => one.at.includes(position))

/** Whether one that asks a model stands at this position. */
export const isJudged = (at: Agency, position: Position): boolean =>
  at.guards.some((one) => one.judges && one.at.includes(position))

/**
 * Asks the guards, where there are some, and where one of them asks a model once there is room for that. Throws
 * GUARD_HALTED when one ends the run, and BUDGET_STOPPED.
 */
export function rule<P extends Position>(
  at: Agency,
  run: Run,
  state: AgentState,
  matter: Matter<P>,
): Ruling<P> | Promise<Ruling<P>> {
  const { position, key, later, subject } = matter
  const untouched = { is: 'allow', subject, isFixed: false } as const
  if (!hasRecords(run) && !isGuarded(at, position)) return untouched // which is nearly always so
  const isAsked = isRecorded(run, key)
  const isWanted = isAsked || (isGuarded(at, position) && !later.some((one) => isTakenUp(run, one)))
  const made = (): Ruling<P> | Promise<Ruling<P>> =>
    isWanted ? ruled(at, run, state, matter) : untouched
  const room = judgesKey(key)
  const mayCost = isWanted && !isAsked && isJudged(at, position)
  if (!mayCost && !isRecorded(run, room)) return made()
  return spend(at, run, state.raised, {
    key: room,
    call: key,
    before: later,
    cost: modelCost,
    execute: async () => made(),
  })
}

async function ruled<P extends Position>(
  at: Agency,
  run: Run,
  state: AgentState,
  { position, key, subject, about, granted = [] }: Matter<P>,
): Promise<Ruling<P>> {
  const decision = await decideIn(run, {
    kind: 'guard.decided',
    key,
    make: async () => {
      const costs = judging(at, run, state.raised)
      const { ports, agent } = at
      const made = await runGuards(at.guards, position, subject, {
        ports,
        signal: run.abortSignal,
        context: {
          runId: run.id,
          agent: agent.name,
          turn: state.turns + 1,
          history: frozenCopy(recentCalls(state)),
          tainted: frozenCopy(taintsIn(run)),
        },
        judgeFor: costs.judgeFor,
        granted,
      })
      return { ...costs.charge(), ...(about ? { about } : {}), ...made }
    },
  })
  const decided = decision as unknown as Decided
  const { outcome, by = '', reason = '', max = 0, fixed } = decided
  const seen = {
    subject: fixed ? withFix(position, subject, fixed.value) : subject,
    isFixed: fixed !== undefined,
    about: decided.about,
  }
  switch (outcome) {
    case 'allow':
      return { is: 'allow', ...seen }
    case 'deny':
      return { is: 'deny', by, reason }
    case 'retry':
      return { is: 'retry', by, reason, max }
    case 'halt':
      throw halt('GUARD_HALTED', `Guard "${by}" halted agent "${at.agent.name}": ${reason}`, run.id)
    case 'ask': {
      if (position === 'call') return { is: 'ask', reason, asking: askingIn(decided), ...seen }
      const said = await run.ask<Permission>(reason, { schema: permission, key: `${key} asked` })
      if (said.verdict === 'allow') return { is: 'allow', ...seen }
      return { is: 'deny', by, reason: said.reason ?? 'A person said no.' }
    }
  }
}

/** Who has asked. Decisions of before several could put only what the first of them asked. */
function askingIn({ by = '', asking = [by], verdicts }: Decided): Required<Grant>[] {
  return verdicts.flatMap(({ guard, verdict, reason }, i) =>
    verdict === 'ask' && asking.includes(guard)
      ? [{ guard: nameAmong(guard, verdicts.slice(0, i)), question: reason }]
      : [],
  )
}

/** A decision as it is recorded. */
interface Decided extends Omit<GuardDecision, 'position'> {
  readonly about?: unknown
}
