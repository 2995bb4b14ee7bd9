/** The decision before a call: whether the budgets leave room for it, and what a person says if not. */
import { accountIn, clockIn, decideIn, isRecorded } from '../run/inside.ts'
import type { Run } from '../run/index.ts'
import type { Agency } from './agency.ts'
import { type Account, amountNames, type Cost, type Over, overOf, overText } from './budget.ts'
import { halt } from './halt.ts'
import { dataSchema } from './data-schema.ts'
import type { Amounts } from './state.ts'

/** A call that is about to be made. */
export interface Spending {
  /** Identifies the decision in the turn. */
  readonly key: string
  /** Keys of the call and of what comes before it: when one is recorded, there was room (C4). */
  readonly later: readonly string[]
  readonly cost: Cost
}

/** What a person says about a budget that is used up. */
interface Raise {
  readonly verdict: 'raise' | 'continue' | 'stop'
  readonly limits?: Amounts
}

const raiseSchema = dataSchema<Raise>({
  type: 'object',
  required: ['verdict'],
  properties: {
    verdict: { enum: ['raise', 'continue', 'stop'] },
    limits: {
      type: 'object',
      properties: Object.fromEntries(amountNames.map((name) => [name, { type: 'number' }])),
      additionalProperties: false,
    },
  },
  additionalProperties: false,
})

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
  const { cost, execute } = spending
  const limits = await withRoom(at, run, raised, spending)
  try {
    return await execute(limits)
  } finally {
    at.underWay.remove(cost.amounts)
  }
}

/** The limits with which there is room. The amounts are under way when it resolves. */
async function withRoom(
  at: Agency,
  run: Run,
  raised: Amounts,
  { key, later, cost }: Spending,
): Promise<Amounts> {
  let limits = raised
  for (let round = 1; ; round++) {
    const decision = round === 1 ? key : `${key} #${round}`
    let over: readonly Over[] = []
    if (!isRecorded(run, decision)) {
      const isPast = !at.isLimited || later.some((one) => isRecorded(run, one))
      const accounts = isPast ? [] : await accountsOf(at, run, limits)
      // Looked at and taken at once: nobody else can come in between.
      over = overOf(at.underWay.onto(accounts), cost)
      if (over.length === 0) {
        at.underWay.add(cost.amounts)
        return limits
      }
    }
    const record = await decideIn(run, {
      kind: 'budget.reserved',
      key: decision,
      make: async () => ({ over }),
    })
    const answer = await run.ask<Raise>(
      `The budget of agent "${at.agent.name}" is used up: ${overText(record.over)}. Raise the limits (verdict "raise" with limits), go on without them ("continue") or stop ("stop")?`,
      { schema: raiseSchema, key: `${decision}:asked` },
    )
    limits = { ...limits, ...answered(at, run, answer, record.over) }
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
      return limits
    case 'continue':
      return Object.fromEntries(over.map(({ what }) => [what, Infinity]))
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
  const timeMs = clockIn(run) - at.started
  const own = {
    run: undefined,
    limits: { ...at.limits, ...raised },
    spent: { ...(await accountIn(run, run.id)), timeMs },
  }
  const around = await Promise.all(
    at.around.map(async (one) => ({
      run: one.run,
      // What a person has lifted here is lifted for this run, whoever set the limit.
      limits: { ...one.limits, ...beyond(one.limits, raised) },
      spent: await accountIn(run, one.run),
    })),
  )
  return [own, ...around]
}

/** Those of the raised limits that go beyond what another run allows. */
const beyond = (limits: Amounts, raised: Amounts): Amounts =>
  Object.fromEntries(
    Object.entries(raised).filter(([what, limit]) => limit > (limits[what] ?? Infinity)),
  )
