/** L12: what a store's rows say about a run is what its entries add up to. */
import { addCharge, chargeOf } from '../charge.ts'
import type { Payloads } from '../entry.ts'
import type { RunState } from '../fold.ts'
import { advance, emptyState, foldingOf } from '../fold.ts'
import { placeOf } from '../kinds.ts'
import { fieldsOf } from '../read-entry.ts'
import { codeOf } from '../run-status.ts'
import { isQuestion } from '../wait.ts'
import { type Invariant, invariant, type Projections, type Violation } from './invariant.ts'

type Complaint = Omit<Violation, 'id'>

export const projectionInvariant: Invariant = invariant(
  'L12',
  "The run's row, its open scopes, the entries in them and its open questions equal the fold over the entries, and its account holds at least what they charge to it.",
  () => {
    const state = foldingOf(emptyState)
    const accounts = new Map<string, Map<string, number>>()
    const numbers = new Map<string, number[]>()
    let last = { seq: 0, hash: '', epoch: 0 }
    let run = ''
    let beginning: Beginning | undefined
    /** What cannot be judged: later versions may fold more kinds, and erasing takes fields away. */
    const unknown = { all: false, scopes: false, code: false, title: false, version: false }
    return {
      see(read) {
        const { entry, record } = read
        const { seq, hash, epoch, kind, scope } = entry
        if (seq === 1) beginning = { time: entry.time, fields: fieldsOf(read, 'run.started') }
        last = { seq, hash, epoch }
        run = entry.run
        const others = numbers.get(scope)
        if (others) others.push(seq)
        else numbers.set(scope, [seq])
        const charge = chargeOf(entry)
        if (charge) addCharge(accounts, charge)
        if (placeOf(kind) === undefined) unknown.all = true
        if (record === undefined) {
          unknown.scopes ||= kind === 'run.retried' || kind === 'turn.committed'
        }
        if (kind === 'note.titled') unknown.title = record === undefined
        if (kind === 'run.migrated') unknown.version = record === undefined
        if (kind === 'run.paused' || kind === 'run.failed') unknown.code = record === undefined
        try {
          advance(state, entry, record ?? {})
        } catch {
          unknown.all = true // a record without the fields it must have
        }
        return undefined
      },
      end: (rows) => [
        ...headFlaw(rows, last),
        ...claimFlaws(rows, last),
        ...startFlaws(rows, beginning, unknown.all || unknown.version ? 'unknown' : state),
        ...accountFlaws(rows, { seq: last.seq, own: accounts.get(run) }),
        ...(unknown.all ? [] : rowFlaws(rows, { state, seq: last.seq, unknown })),
        ...(unknown.all || unknown.scopes ? [] : openFlaws(rows, state, numbers)),
      ],
    }
  },
)

/** A truncated ledger is sound in itself: only the row of the run shows that it was longer. */
function headFlaw({ head }: Projections, last: Projections['head']): Complaint[] {
  if (last.seq < head.seq) {
    const what = `is missing: the run stands at entry ${head.seq}, the ledger ends at ${last.seq}`
    return [{ seq: last.seq + 1, what }]
  }
  if (last.seq > head.seq) {
    return [{ seq: head.seq + 1, what: `stands behind the run's head, which is ${head.seq}` }]
  }
  return last.hash === head.hash ? [] : [{ seq: last.seq, what: "is not the run's head" }]
}

/**
 * A claim must have a number above all that were written under, or a holder of before is let in again;
 * and of a run that nobody holds and the row says is held, no worker would ever hear.
 */
function claimFlaws(
  { epoch, holder }: Projections,
  last: { readonly seq: number; readonly epoch: number },
): Complaint[] {
  const { seq } = last
  const flaws: Complaint[] = []
  if (epoch !== undefined && epoch < last.epoch) {
    flaws.push({ seq, what: `epoch: ${epoch} in the row, not ${last.epoch} or more` })
  }
  if (holder === 'gone') {
    flaws.push({ seq, what: 'holder: the row names a session that is not there' })
  }
  return flaws
}

/** The first entry, as far as it can be read. */
interface Beginning {
  readonly time: number
  readonly fields: Partial<Payloads['run.started']> | undefined
}

/** A worker takes a run by what the row says, so the row must say what was started, and what it has become. */
function startFlaws(
  { started }: Projections,
  beginning: Beginning | undefined,
  fold: Pick<RunState, 'version'> | 'unknown',
): Complaint[] {
  if (!started || !beginning) return []
  const { time, fields } = beginning
  const complaints: Complaint[] = []
  const compare = (name: string, row: unknown, entry: unknown): void => {
    const [is, should] = [JSON.stringify(row) ?? 'none', JSON.stringify(entry) ?? 'none']
    if (is !== should) complaints.push({ seq: 1, what: `${name}: ${is} in the row, not ${should}` })
  }
  compare('created', started.created, time)
  if (!fields) return complaints // erased or unreadable
  compare('flow', started.flow, fields.flow)
  if (fold !== 'unknown') compare('version', started.version, fold.version ?? fields.version)
  compare('queue', started.queue, fields.queue)
  compare('labels', sorted(started.labels), sorted(fields.labels ?? {}))
  compare('parent', started.parent, fields.parent?.run)
  return complaints
}

/** Runs below this one charge it too, so the account may hold more; and an erased charge is not read. */
function accountFlaws(
  { account }: Projections,
  {
    seq,
    own = new Map(),
  }: { readonly seq: number; readonly own?: ReadonlyMap<string, number> | undefined },
): Complaint[] {
  if (!account) return []
  return Array.from(own, ([name, amount]) => ({ name, amount, has: account[name] ?? 0 }))
    .filter(({ amount, has }) => has < amount - Math.abs(amount) * 1e-9) // sums of fractions
    .map(({ name, amount, has }) => ({
      seq,
      what: `account: ${has} ${name} in the row, not ${amount}`,
    }))
}

const sorted = (labels: Readonly<Record<string, string>>): readonly (readonly string[])[] =>
  Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))

function rowFlaws(
  { status, title, scopes, questions }: Projections,
  fold: {
    readonly state: RunState
    readonly seq: number
    readonly unknown: {
      readonly scopes: boolean
      readonly code: boolean
      readonly title: boolean
    }
  },
): Complaint[] {
  const { state, seq, unknown } = fold
  const complaints: Complaint[] = []
  const compare = (name: string, row: string, folded: string): void => {
    if (row !== folded) complaints.push({ seq, what: `${name}: ${row} in the row, not ${folded}` })
  }
  if (status) {
    const row = shown(status.is, unknown.code ? undefined : status.code)
    compare('status', row, shown(state.status.is, unknown.code ? undefined : codeOf(state.status)))
  }
  if (title && !unknown.title) compare('title', title.is ?? 'none', state.title ?? 'none')
  if (scopes && !unknown.scopes) {
    const folded = Array.from(state.scopes, ([path, from]) => ({ path, from }))
    compare('open scopes', listed(scopes.map(showScope)), listed(folded.map(showScope)))
  }
  if (questions && !unknown.scopes) {
    const asked = Array.from(state.waits.values()).filter(isQuestion)
    const folded = asked.map((wait) => String(wait.seq))
    compare('open questions', listed(questions.map(String)), listed(folded))
  }
  return complaints
}

/** What a resume would leave out, or take although it is over. */
function openFlaws(
  { open }: Projections,
  { scopes }: RunState,
  numbers: ReadonlyMap<string, readonly number[]>,
): Complaint[] {
  if (!open) return []
  const read = new Set(open)
  const needed = new Set([
    ...(numbers.get('') ?? []),
    ...Array.from(scopes).flatMap(([path, from]) =>
      path === '' ? [] : (numbers.get(path) ?? []).filter((seq) => seq >= from),
    ),
  ])
  return [
    ...missing(needed, read).map((seq) => ({ seq, what: 'is not read by a resume' })),
    ...missing(read, needed).map((seq) => ({
      seq,
      what: 'is read by a resume although its scope is closed',
    })),
  ].toSorted((a, b) => a.seq - b.seq)
}

const missing = (these: ReadonlySet<number>, there: ReadonlySet<number>): number[] =>
  [...these].filter((seq) => !there.has(seq))

const shown = (is: string, code: string | undefined): string =>
  code === undefined ? is : `${is} (${code})`

const showScope = ({ path, from }: { readonly path: string; readonly from: number }): string =>
  `"${path}" from ${from}`

const listed = (items: readonly string[]): string =>
  items.length === 0 ? 'none' : items.toSorted().join(', ')
