/** The decision before a call: whether the budgets leave room for it, and what a person says if not. */
import type { Amounts } from '../../ledger/index.ts'
import { accountIn, clockIn, decideIn, hasOutcome, isRecorded, liveIn } from '../../run/inside.ts'
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
  for (let asked = 0; ;) {
    const decision = asked === 0 ? key : `${key} #${asked + 1}`
    let over: readonly Over[] = []
    if (!isRecorded(run, decision)) {
      const isPast = !at.isLimited || [...before, call].some((one) => isRecorded(run, one))
      const accounts = isPast ? [] : await accountsOf(at, run, allowed())
      // Looked at and taken at once: nobody else can come in between.
      over = overOf(at.underWay.onto(accounts), cost)
      if (over.length === 0) {
        at.underWay.add(reserved)
        return { limits: allowed(), reserved }
      }
      const first = liveIn(run) ?? at.askers.before(over)
      if (first) {
        await first
        continue
      }
    }
    const found = over
    const decided = decideIn(run, {
      kind: 'budget.reserved',
      key: decision,
      make: async () => ({ over: found }),
    })
    await at.askers.ask(
      found,
      decided.then((record) => record.over),
      async (told) => {
        const answer = await run.ask<Raise>(raisePrompt(at.agent.name, overText(told), told), {
          schema: raiseSchema(told, withRaised(at.limits, allowed())),
          key: `${decision} asked`,
        })
        return answered(at, run, answer, told)
      },
    )
    asked++
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
