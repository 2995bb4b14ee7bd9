/**
 * What runs have spent, added up a second time from their entries, and whether that kept to their
 * budgets: nobody goes beyond a limit but by the calls that were under way.
 */
import { isDeepStrictEqual } from 'node:util'
import { type Entry, operationPath } from '../../src/ledger/index.ts'
import type { Limits } from './agent-spec.ts'
import type { Must } from './must.ts'
import type { Mirror } from './mirror.ts'
import { recordOf } from './record-of.ts'
import type { Report } from './report.ts'

type Amounts = Readonly<Record<string, number>>

/** Amounts that a single call is known to cost beforehand. */
const counted = ['turns', 'calls']

/** Whatever a model has used is charged, and so is a call where something limits what the run may spend. */
function checkCharge(run: Mirror, entry: Entry, { own, speaks }: Spender, must: Must): void {
  const { charge, value } = recordOf(entry, 'step.completed')
  const amounts: Amounts = charge?.amounts ?? {}
  if (entry.key === '=model') {
    const { input, output } = (value as { readonly answer: { readonly usage: Usage } }).answer.usage
    const wanted = { turns: 1, tokens: input + output, microUsd: input + 2 * output }
    const said = `${JSON.stringify(amounts)} is charged, used were ${JSON.stringify(wanted)}`
    // What was said by those that failed is charged besides, see model-attempts.ts.
    const isSo = speaks ? amounts['turns'] === 1 : isDeepStrictEqual({ ...amounts }, wanted)
    must(isSo, 'budgets', said)
  } else if (entry.key.startsWith('=call:')) {
    const isLimited = own !== undefined || run.ancestors.some(({ limits }) => limits !== undefined)
    must(!isLimited || amounts['calls'] === 1, 'budgets', 'a call is not charged')
  }
}

/** What the run is of. */
interface Spender {
  /** The limits of its own budget. */
  readonly own: Limits | undefined
  /** Its models may fail when they have said something. */
  readonly speaks: boolean
}

interface Usage {
  readonly input: number
  readonly output: number
}

/** The limits as accounts count them. */
export function amountsOf({ usd, time, ...rest }: Limits = {}): Amounts {
  return {
    ...rest,
    ...(usd === undefined ? {} : { microUsd: Math.round(usd * 1e6) }),
    ...(time === undefined ? {} : { timeMs: time }),
  }
}

/** The open question of the same turn about a limit that this one is about. */
function askedBeside(run: Mirror, entry: Entry): Entry | undefined {
  const names = overIn(run, entry).map(nameOf)
  return Array.from(run.begun.values()).find(
    (other) =>
      other.kind === 'question.asked' &&
      other.seq !== entry.seq &&
      other.scope === entry.scope &&
      overIn(run, other).some((one) => names.includes(nameOf(one))),
  )
}

/** What this question tells to be used up. */
function overIn(run: Mirror, { scope, key }: Entry): readonly Limit[] {
  const decided = run.outcomes.get(operationPath(scope, key.replace(/ asked$/, '')))
  return decided?.kind === 'budget.reserved' ? recordOf(decided, decided.kind).over : []
}

interface Limit {
  readonly what: string
  readonly of?: string
}

const nameOf = ({ what, of = '' }: Limit): string => `${what} of ${of}`

export class Accounts {
  readonly #report: Report
  readonly #spent = new Map<string, Map<string, number>>()
  /** What people have lifted, by run. */
  readonly #raised = new Map<string, Map<string, number>>()
  /** The turn in which a run went beyond a limit, by run, account and limit. */
  readonly #over = new Map<string, string>()

  constructor(report: Report) {
    this.#report = report
  }

  of(run: string): Amounts {
    return Object.fromEntries(this.#spent.get(run) ?? [])
  }

  /** To how much people have lifted a limit of the run itself. */
  raisedOf(run: string, what: string): number {
    return this.#raised.get(run)?.get(`${what} of ${run}`) ?? 0
  }

  /** Takes in what an entry says of money, and checks it. */
  see(run: Mirror, entry: Entry, by: Spender, must: Must): void {
    const { own } = by
    if (entry.kind === 'question.answered' && entry.key.startsWith('=budget:')) {
      this.#raise(run, entry)
    }
    if (entry.kind === 'budget.reserved') this.#refused(run, entry)
    if (entry.kind === 'question.asked' && run.retries === 0) {
      const other = askedBeside(run, entry)
      must(!other, 'budgets', `"${entry.key}" asks what "${other?.key}" is asking already`)
    }
    if (run.isAgent && entry.kind === 'step.completed') checkCharge(run, entry, by, must)
    if (!entry.payload?.startsWith('{"charge":')) return
    const { charge } = recordOf(entry, 'step.completed')
    if (!charge) return
    const to = [...new Set(charge.to)]
    const wanted = [run.id, ...run.ancestors.map((one) => one.run)]
    must(to.join() === wanted.join(), 'budgets', `it charges ${to.join()}, not ${wanted.join()}`)
    for (const account of to) {
      const sums = this.#spent.get(account) ?? new Map<string, number>()
      this.#spent.set(account, sums)
      for (const [what, amount] of Object.entries(charge.amounts)) {
        const before = sums.get(what) ?? 0
        sums.set(what, before + amount)
        this.#check(run, entry, must, { account, what, before, amount, own })
      }
    }
  }

  #check(
    run: Mirror,
    entry: Entry,
    must: Must,
    {
      account,
      what,
      before,
      amount,
      own,
    }: {
      readonly account: string
      readonly what: string
      readonly before: number
      readonly amount: number
      readonly own: Limits | undefined
    },
  ): void {
    const limit = this.#limit(run, account, what, own)
    if (limit === undefined) return
    const isOver = counted.includes(what) ? before + amount > limit : before >= limit
    if (!isOver) return
    this.#report.reach('budget passed by a call under way')
    const turn = entry.scope
    const key = `${run.id} ${account} ${what} ${limit}`
    const other = this.#over.get(key) ?? turn
    this.#over.set(key, turn)
    const said = `${before} ${what} of ${limit} were spent on the account of ${account}`
    must(other === turn, 'budgets', `${said} already in ${other}, and it goes on in ${turn}`)
    const isAlone = account === run.id && !run.hasHadChildren && !run.hasCompacted
    must(!isAlone, 'budgets', `${said}, and nobody else has spent on it`)
  }

  #limit(run: Mirror, account: string, what: string, own: Limits | undefined): number | undefined {
    const { timeMs: _time, ...mine } = amountsOf(own)
    const around: Amounts = run.ancestors.find((one) => one.run === account)?.limits ?? {}
    const limit = (account === run.id ? mine : around)[what]
    const raised = this.#raised.get(run.id)?.get(`${what} of ${account}`)
    return limit === undefined ? undefined : Math.max(limit, raised ?? 0)
  }

  /** A person has said something about a budget that was used up. */
  #raise(run: Mirror, entry: Entry): void {
    const { value } = recordOf(entry, 'question.answered')
    const { verdict, limits = {} } = value as {
      readonly verdict: string
      readonly limits?: Amounts
    }
    const raised = this.#raised.get(run.id) ?? new Map<string, number>()
    this.#raised.set(run.id, raised)
    const path = `${entry.scope}/${entry.key.replace(/ asked$/, '')}`
    const asked = run.outcomes.get(path)
    if (asked?.kind !== 'budget.reserved') return
    const over: readonly { readonly what: string; readonly of?: string }[] = recordOf(
      asked,
      asked.kind,
    ).over
    for (const { what, of = run.id } of over) {
      const limit = verdict === 'continue' ? Infinity : (limits[what] ?? 0)
      const name = `${what} of ${of}`
      raised.set(name, Math.max(limit, raised.get(name) ?? 0))
    }
  }

  #refused(run: Mirror, entry: Entry): void {
    const { over } = recordOf(entry, 'budget.reserved')
    if (over.length === 0) {
      this.#report.reach('call let through that a budget had refused')
      return
    }
    this.#report.reach('budget used up')
    if (over.some((one) => 'of' in one)) {
      this.#report.reach('child budget refused by the account of its parent')
    }
    const calls = Array.from(run.begun.values())
    if (calls.some(({ key, scope }) => key.startsWith('=call:') && scope === entry.scope)) {
      this.#report.reach('budget used up while other calls of the turn are open')
    }
  }
}
