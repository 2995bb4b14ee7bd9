/**
 * Budgets: what an agent may spend, decided before each call.
 *
 * - B1 No call begins unless every account has room for it, as far as the accounts know. Calls under way
 *   in other branches or runs may still come on top, one for each of them.
 * - B2 A call that was not made is recorded, with what was spent. A person decides what follows: raise the
 *   limit, go on without one, or stop.
 * - B3 A run keeps the limits of the runs around it as well as its own.
 */
import { EverloopError } from '../../base/errors.ts'
import { type Duration, parseDuration } from '../../base/duration.ts'
import { messageOf } from '../../base/message-of.ts'
import type { Amounts, Ancestor } from '../../ledger/index.ts'
import { checkOptions } from '../../base/options.ts'

/** What an agent may spend. What is left out is not limited; of what is 0 nothing may be spent unasked. */
export interface Budget {
  /** Model calls of the agent's loop. */
  readonly turns?: number
  /** Input and output tokens. */
  readonly tokens?: number
  /** Dollars, by the price table. A model of unknown price refuses to start. */
  readonly usd?: number
  /** Time since the run was started, or since a delayed one could begin. */
  readonly time?: Duration
  /** Tool calls that were executed. */
  readonly calls?: number
}

/** Amounts by name, as accounts and entries hold them. */
export const amountNames = ['turns', 'tokens', 'microUsd', 'timeMs', 'calls'] as const

/** The limits of a budget as amounts. Throws BAD_OPTION and BAD_DURATION. */
export function limitsOf(budget: Budget | undefined): Amounts {
  if (budget === undefined) return {}
  checkOptions('budget', budget, ['turns', 'tokens', 'usd', 'time', 'calls'])
  const limits: Record<string, number> = {}
  for (const name of ['turns', 'tokens', 'calls'] as const) {
    const limit = budget[name]
    if (limit === undefined) continue
    if (!Number.isInteger(limit) || limit < 0) throw bad(name, 'a whole number', limit)
    limits[name] = limit
  }
  const { usd, time } = budget
  if (usd !== undefined) {
    const microUsd = typeof usd === 'number' ? Math.round(usd * 1e6) : Number.NaN
    if (!Number.isFinite(microUsd) || usd < 0) throw bad('usd', 'a number of dollars', usd)
    limits['microUsd'] = microUsd
  }
  if (time !== undefined) limits['timeMs'] = msOf(time)
  return limits
}

const bad = (name: string, wanted: string, given: unknown): EverloopError =>
  new EverloopError(
    'BAD_OPTION',
    `budget.${name} must be ${wanted} of at least 0, and is ${typeof given === 'number' ? given : `of type ${typeof given}`}. Leave it out where nothing is to be limited.`,
  )

function msOf(time: Duration): number {
  try {
    return parseDuration(time)
  } catch (error) {
    throw new EverloopError('BAD_DURATION', `budget.time: ${messageOf(error)}`, { cause: error })
  }
}

/** What is used up. */
export interface Over {
  readonly what: string
  readonly spent: number
  readonly limit: number
  /** The run whose account it is, when it is one around this run. */
  readonly of?: string
}

/** An account, its limits, and what is under way here and not on it yet. */
export interface Account {
  readonly run: string | undefined
  readonly limits: Amounts
  readonly spent: Amounts
}

/** What a call will cost: these amounts, and of others an amount that nobody knows beforehand. */
export interface Cost {
  readonly amounts: Amounts
  readonly unknown: readonly string[]
}

/** The limits that do not leave room for a call. */
export function overOf(accounts: readonly Account[], { amounts, unknown }: Cost): Over[] {
  return accounts.flatMap(({ run, limits, spent }) =>
    Object.entries(limits).flatMap(([what, limit]) => {
      const before = spent[what] ?? 0
      const next = amounts[what]
      const isOver =
        next === undefined ? unknown.includes(what) && before >= limit : before + next > limit
      const of = run === undefined ? {} : { of: run }
      return isOver ? [{ what, spent: before, limit, ...of }] : []
    }),
  )
}

/** The higher of each two limits: several calls of a turn may have had theirs raised. The first where none is higher. */
export function higher(one: Amounts, other: Amounts): Amounts {
  const raised = Object.entries(other).filter(([what, limit]) => limit > (one[what] ?? -1))
  return raised.length === 0 ? one : { ...one, ...Object.fromEntries(raised) }
}

/** The limits, raised where the raise goes beyond them. A raise lowers no limit and adds none. */
export const withRaised = (limits: Amounts, raised: Amounts): Amounts => ({
  ...limits,
  ...Object.fromEntries(
    Object.entries(raised).filter(([what, limit]) => limit > (limits[what] ?? Infinity)),
  ),
})

/** The name under which a raise of an amount is kept: of the run's own limit, or of that of another run. */
export const raiseName = (what: string, of: string | undefined): string =>
  of === undefined ? what : `${what} of ${of}`

/** What was raised of the limits of another run, by name of the amount. */
export function raisedOf(run: string, raised: Amounts): Amounts {
  const suffix = raiseName('', run)
  const own = Object.entries(raised).filter(([name]) => name.endsWith(suffix))
  return Object.fromEntries(own.map(([name, limit]) => [name.slice(0, -suffix.length), limit]))
}

/** A run whose limits are to be kept. */
export interface LimitedRun {
  readonly run: string
  readonly limits: Amounts
  /** From when on its time counts. */
  readonly started: number | undefined
}

/** The ancestors that have limits. */
export const limited = (ancestors: readonly Ancestor[] = []): readonly LimitedRun[] =>
  ancestors.flatMap(({ run, limits, started }) => (limits ? [{ run, limits, started }] : []))

/** What is used up, in words for people. */
export function overText(over: readonly Over[]): string {
  return over
    .map(({ what, spent, limit, of }) => {
      const around = of === undefined ? '' : ` (budget of run ${of})`
      return `${shown(what, spent)} of ${shown(what, limit)} ${label(what)}${around}`
    })
    .join(', ')
}

function shown(what: string, amount: number): string {
  if (what === 'microUsd') return `$${(amount / 1e6).toFixed(4)}`
  return what === 'timeMs' ? `${Math.round(amount / 1000)}s` : String(amount)
}

const label = (what: string): string =>
  ({ microUsd: 'of money', timeMs: 'of time', calls: 'tool calls' })[what] ?? what

/** In what an amount is counted. */
export const unitOf = (what: string): string =>
  ({ microUsd: 'millionths of a dollar', timeMs: 'milliseconds', calls: 'tool calls' })[what] ??
  what

/** The limits of an agent and of the policies it is under, the smaller of each. */
export function stricter(
  own: Amounts,
  policies: readonly { readonly budget?: Budget | undefined }[],
): Amounts {
  const limits: Record<string, number> = { ...own }
  for (const { budget } of policies) {
    for (const [what, limit] of Object.entries(limitsOf(budget))) {
      limits[what] = Math.min(limit, limits[what] ?? Infinity)
    }
  }
  return limits
}
