/** The decision before a call: whether the budgets leave room for it, and what a person says if not. */
import type { Amounts } from '../../ledger/index.ts'
import {
  accountIn,
  clockIn,
  decideIn,
  hasOutcome,
  hasRecords,
  isRecorded,
  liveIn,
} from '../../run/inside.ts'
import type { Run } from '../../run/index.ts'
import type { Agency } from '../loop/agency.ts'
import {
  type Account,
  type Cost,
  higher,
  type Over,
  overOf,
  overText,
  raisedOf,
  raiseName,
  withRaised,
} from './budget.ts'
import { halt } from '../loop/halt.ts'
import { type Raise, raisePrompt, raiseSchema } from './raise.ts'
import { UnderWay } from './under-way.ts'

/** A call that is about to be made. */
export interface Spending {
  /** Identifies the decision in the turn. */
  readonly key: string
  /** The call's own key. When it is recorded there was room for it (C4). */
  readonly call: string
  /** Keys of what comes between: these say the same. */
  readonly before?: readonly string[]
  readonly cost: Cost
}

/** What a call of a model costs that is no turn: nobody knows beforehand. */
export const modelCost: Cost = { amounts: {}, unknown: ['tokens', 'microUsd', 'timeMs'] }

/** What of a call of a model is paid for by the piece. */
const pieceCost: Cost = { amounts: {}, unknown: ['tokens', 'microUsd'] }

/** The key of the decision whether there is room for what guards spend under this key who ask models. */
export const judgesKey = (key: string): string => `budget:${key} judges`

/** Whether this is recorded, or that guards were about to decide it. */
export const isTakenUp = (run: Run, key: string): boolean =>
  hasRecords(run) && (isRecorded(run, key) || isRecorded(run, judgesKey(key)))

/**
 * Makes the call when there is room for it (B1), and hands it the limits that hold from now on.
 * Otherwise asks a person first (B2). Throws BUDGET_STOPPED.
 */
export async function spend<T>(
  at: Agency,
  run: Run,
  raised: Amounts,
  spending: Spending & { readonly execute: (limits: Amounts) => Promise<T> },
): Promise<T> {
  // Nothing limits it, and nobody was asked when something did.
  if (!at.isLimited && !isRecorded(run, spending.key)) return spending.execute(raised)
  const { limits, reserved } = await withRoom(at, run, raised, spending)
  try {
    return await spending.execute(limits)
  } finally {
    at.underWay.remove(reserved)
  }
}

/**
 * Asks a model once more for which there was room before. Where judges or a summary have spent something since,
 * it is looked at again.
 */
export function spendMore<T>(
  at: Agency,
  run: Run,
  raised: Amounts,
  {
    key,
    call,
    hasSpent,
    execute,
  }: Pick<Spending, 'key' | 'call'> & {
    readonly hasSpent: boolean
    readonly execute: () => Promise<T>
  },
): Promise<T> {
  if (!hasSpent && !isRecorded(run, key)) return execute()
  return spend(at, run, raised, { key, call, cost: modelCost, execute })
}

/** What a call of a model would overspend, with what was spent and is on no account yet. Nobody is asked. */
export async function usedUp(
  at: Agency,
  run: Run,
  { raised, spent }: { readonly raised: Amounts; readonly spent: Amounts },
): Promise<readonly Over[]> {
  if (!at.isLimited) return []
  const accounts = await accountsOf(at, run, higher(raised, at.askers.raised))
  const now = new UnderWay()
  now.add(spent)
  return overOf(now.onto(accounts), pieceCost)
}

/** The limits with which there is room, and the amounts that are under way from now on. */
async function withRoom(
  at: Agency,
  run: Run,
  raised: Amounts,
  { key, call, before = [], cost }: Spending,
): Promise<{ readonly limits: Amounts; readonly reserved: Amounts }> {
  // What a call that has ended cost stands on the accounts already.
  const reserved = hasOutcome(run, call) ? {} : cost.amounts
  const allowed = (): Amounts => higher(raised, at.askers.raised)
  const decisionOf = (round: number): string => (round === 1 ? key : `${key} #${round}`)
  const decide = (round: number, over: readonly Over[]) =>
    decideIn(run, {
      kind: 'budget.reserved',
      key: decisionOf(round),
      make: async () => ({ over }),
    })
  /** It was let through before, or nothing limits it any more. */
  const isPast = (): boolean =>
    !at.isLimited || isRecorded(run, call) || before.some((one) => isTakenUp(run, one))
  let hasWaited = false
  for (let round = 1; ;) {
    let over: readonly Over[] = []
    if (!isRecorded(run, decisionOf(round))) {
      const accounts = isPast() ? [] : await accountsOf(at, run, allowed())
      // Looked at and taken at once: nobody else can come in between.
      over = overOf(at.underWay.onto(accounts), cost)
      const isLetThrough = over.length === 0
      if (isLetThrough) at.underWay.add(reserved)
      // What another one was told lets it through on record only: others must not find its room after a crash.
      if (isLetThrough && hasWaited && !isPast()) await takenBack(at, reserved, decide(round, over))
      if (isLetThrough) return { limits: allowed(), reserved }
      // What was said is known when all that is recorded has been handed over.
      const other = liveIn(run) ?? (round === 1 ? undefined : at.askers.before(over))
      if (other) {
        await other
        continue
      }
    }
    const { over: told } = await decide(round, over)
    if (told.length === 0) {
      at.underWay.add(reserved)
      return { limits: allowed(), reserved }
    }
    hasWaited = (await hears(round, told)) === 'another'
    round++
  }

  /** Waits for what a person says to this call, or to another one that asks about the same: then it looks again. */
  async function hears(round: number, told: readonly Over[]): Promise<'itself' | 'another'> {
    const question = `${decisionOf(round)} asked`
    if (!isRecorded(run, question)) {
      if (isRecorded(run, decisionOf(round + 1)) || isPast()) return 'another'
      await liveIn(run) // nobody knows sooner who asks, and what was said
      const other = at.askers.before(told)
      if (other) await other
      if (other || told.some((one) => isRaised(one, allowed()))) return 'another'
    }
    await at.askers.ask(told, async () => {
      const answer = await run.ask<Raise>(raisePrompt(at.agent.name, overText(told), told), {
        schema: raiseSchema(told, withRaised(at.limits, allowed())),
        key: question,
      })
      return answered(at, run, answer, told)
    })
    return 'itself'
  }
}

const isRaised = ({ what, of, limit }: Over, raised: Amounts): boolean =>
  (raised[raiseName(what, of)] ?? limit) > limit

/** Whoever is not let through after all takes its room from nobody. */
async function takenBack(at: Agency, reserved: Amounts, decided: Promise<unknown>): Promise<void> {
  try {
    await decided
  } catch (error) {
    at.underWay.remove(reserved)
    throw error
  }
}

function answered(
  at: Agency,
  run: Run,
  { verdict, limits = {} }: Raise,
  over: readonly Over[],
): Amounts {
  switch (verdict) {
    case 'raise':
      return Object.fromEntries(
        Object.entries(limits).flatMap(([what, limit]) => {
          const used = over.filter((one) => one.what === what)
          return used.length === 0
            ? [[what, limit]]
            : used.map(({ of }) => [raiseName(what, of), limit])
        }),
      )
    case 'continue':
      return Object.fromEntries(over.map(({ what, of }) => [raiseName(what, of), Infinity]))
    case 'stop':
      throw halt(
        'BUDGET_STOPPED',
        `Agent "${at.agent.name}" was stopped because its budget is used up: ${overText(over)}.`,
        run.id,
      )
  }
}

/** What the accounts of the run and of those around it hold, with the limits that they have to keep. */
async function accountsOf(at: Agency, run: Run, raised: Amounts): Promise<readonly Account[]> {
  const now = clockIn(run)
  // All at once: until the last one is read nothing of this run ends, and leaves what is under way.
  return Promise.all([
    accountIn(run, run.id).then((spent) => ({
      run: undefined,
      limits: withRaised(at.limits, raised),
      spent: { ...spent, timeMs: now - at.started },
    })),
    ...at.around.map(async ({ run: account, limits, started = now }) => ({
      run: account,
      // What a person was asked about and has lifted is lifted for this run, whoever set the limit.
      limits: withRaised(limits, raisedOf(account, raised)),
      spent: { ...(await accountIn(run, account)), timeMs: now - started },
    })),
  ])
}
