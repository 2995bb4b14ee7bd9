/** What people say when a run asks them: about calls, doubts, budgets and guards, or anything else. */
import type { Approvals } from '../../src/run/approvals/approvals.ts'
import { operationPath } from '../../src/ledger/index.ts'
import type { Entry } from '../../src/ledger/index.ts'
import type { Chance } from './chance.ts'
import { effectValue } from './effect-spec.ts'
import type { Mirror } from './mirror.ts'
import { recordOf } from './record-of.ts'
import type { Outside } from './outside.ts'

/** How somebody answers. */
export type Word =
  | { readonly is: 'answer'; readonly value: unknown }
  | { readonly is: 'decision'; readonly tell: (approvals: Approvals) => Promise<void> }

/** Who may say something. */
export const people = ['ann', 'bob', 'cyd'] as const

export interface Asked {
  readonly run: Mirror
  readonly entry: Entry
  readonly by: string
  /** They say what can be accepted, and what brings the run on. */
  readonly isGood: boolean
  /** They may put it off. */
  readonly mayWait: boolean
}

export function wordOf(chance: Chance, outside: Outside, asked: Asked): Word {
  const { run, entry, by, isGood } = asked
  if (entry.kind === 'approval.requested') return { is: 'decision', tell: decision(chance, asked) }
  if (!isGood) return { is: 'answer', value: { good: false, by } }
  if (entry.kind === 'effect.doubted') {
    return { is: 'answer', value: truth(chance, outside, run, entry) }
  }
  if (entry.key.startsWith('=budget:'))
    return { is: 'answer', value: aboutBudget(chance, run, entry) }
  if (entry.key.startsWith('=guard:')) {
    return { is: 'answer', value: { verdict: chance.roll(0.7) ? 'allow' : 'deny' } }
  }
  return { is: 'answer', value: { good: true, by } }
}

/** They look at the world, and tell the truth. */
function truth(chance: Chance, outside: Outside, run: Mirror, entry: Entry): unknown {
  const path = operationPath(entry.scope, entry.key)
  const { attempt } = recordOf(entry, 'effect.doubted')
  const mayFail = outside.specOf(run.id, path)?.mayFail === true || attempt > 4
  if (mayFail && chance.roll(0.4)) return { verdict: 'fail', reason: 'Let it be.' }
  if (!outside.hasHappened(run.id, path)) return { verdict: 'retry' }
  return { verdict: 'done', result: effectValue(path) }
}

function aboutBudget(chance: Chance, run: Mirror, entry: Entry): unknown {
  const path = `${entry.scope}/${entry.key.replace(/ asked$/, '')}`
  const asked = run.outcomes.get(path)
  const over = asked?.kind === 'budget.reserved' ? recordOf(asked, asked.kind).over : []
  const verdict = chance.weighted([
    [6, 'raise'],
    [2, 'continue'],
    [2, 'stop'],
  ] as const)
  if (verdict !== 'raise') return { verdict }
  const more = (what: string): number => {
    if (what === 'timeMs') return chance.between(1, 100) * 3_600_000
    return what === 'turns' || what === 'calls' ? chance.between(1, 3) : chance.between(300, 1500)
  }
  const limits = over.map(({ what }) => {
    // The same may be used up on several accounts.
    const used = over.filter((one) => one.what === what)
    return [what, Math.max(...used.flatMap(({ spent, limit }) => [spent, limit])) + more(what)]
  })
  return { verdict, limits: Object.fromEntries(limits) }
}

function decision(
  chance: Chance,
  { run, entry, by, isGood, mayWait }: Asked,
): (approvals: Approvals) => Promise<void> {
  const id = `${run.id}/${entry.seq}`
  const { digest, args, barred } = recordOf(entry, 'approval.requested')
  const shown = chance.roll(0.6) ? { shown: digest } : {}
  if (!isGood) {
    return chance.roll(0.5)
      ? (approvals) => approvals.approve(id, { by, shown: 'something else' })
      : (approvals) => approvals.approve(id, { by, args: { n: 'one' } })
  }
  // Who asked for it is not known: nobody can approve.
  if (barred?.length === 0) return (approvals) => approvals.deny(id, { by, reason: 'Who asks?' })
  const does = chance.weighted([
    [10, 'approve'],
    [3, 'deny'],
    [3, 'edit'],
    [mayWait ? 2 : 0, 'snooze'],
    [mayWait ? 2 : 0, 'assign'],
    [1, 'nameless'],
  ] as const)
  switch (does) {
    case 'approve':
      return (approvals) => approvals.approve(id, { by, channel: 'sim', ...shown })
    case 'deny':
      return (approvals) => approvals.deny(id, { by, reason: 'No.', ...shown })
    case 'edit': {
      const { n = 0, ...rest } = (args ?? {}) as { n?: number }
      const edited = { ...rest, n: n + 10_000, edited: true }
      return (approvals) => approvals.approve(id, { by, args: edited, ...shown })
    }
    case 'snooze':
      return (approvals) => approvals.snooze(id, 5000, { by })
    case 'assign':
      return (approvals) => approvals.assign(id, 'bob', { by })
    case 'nameless':
      return (approvals) => approvals.approve(id, {})
  }
}
