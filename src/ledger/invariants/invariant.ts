/**
 * What an invariant of the ledger is: one sentence, and a pure predicate over entries in order.
 *
 * A predicate is written as a watch that is shown one entry after the other, so that a ledger of a
 * million entries is judged without being held: it keeps what the open scopes need, no more. The
 * same watch serves `check` (tests, simulator, conformance) and `verifyRun`.
 */
import type { Amounts } from '../charge.ts'
import type { Entry, OpenScope } from '../entry.ts'
import { fieldsOf, listOf, readEntry, type ReadEntry } from '../read-entry.ts'
import type { RunStatus } from '../run-status.ts'

/** A rule that does not hold, and the entry where it shows. */
export interface Violation {
  /** The invariant's, or `artifact`: what the entry refers to is not in the store as it was kept. */
  readonly id: string
  readonly seq: number
  readonly what: string
}

/** What a store's rows say about a run. What is left out is not compared. */
export interface Projections {
  /** The run row's last entry. */
  readonly head: { readonly seq: number; readonly hash: string }
  /** What it was started with, and when. */
  readonly started?:
    | {
        readonly flow: string
        readonly version: string
        readonly queue: string
        readonly labels: Readonly<Record<string, string>>
        readonly parent: string | undefined
        readonly created: number
      }
    | undefined
  /** The number of its claim. */
  readonly epoch?: number | undefined
  /** The session that the row says holds it is not there. */
  readonly holder?: 'gone' | undefined
  readonly status?: { readonly is: RunStatus['is']; readonly code: string | undefined } | undefined
  readonly title?: { readonly is: string | undefined } | undefined
  readonly scopes?: readonly OpenScope[] | undefined
  /** Numbers of the entries in open scopes, as a resume reads them. */
  readonly open?: readonly number[] | undefined
  /** Numbers of the entries that asked the open questions. */
  readonly questions?: readonly number[] | undefined
  /** What was charged to it, by itself and by the runs below it. */
  readonly account?: Amounts | undefined
}

/** One judgement under way. */
export interface Watch {
  /** What is wrong with this entry, behind those seen before. */
  see(read: ReadEntry): string | undefined
  /** What is wrong with the rows, when all entries have been seen. */
  end?(rows: Projections): readonly Omit<Violation, 'id'>[]
}

export interface Invariant {
  readonly id: string
  /** The rule in one sentence. */
  readonly says: string
  readonly watch: () => Watch
  /** All violations in a whole ledger. Without rows, the ledger is judged by itself. */
  check(entries: Iterable<Entry>, rows?: Projections): Violation[]
}

/** Makes an invariant of a rule and what watches over it. */
export function invariant(id: string, says: string, watch: () => Watch): Invariant {
  return {
    id,
    says,
    watch,
    check(entries, rows) {
      const current = watch()
      const violations: Violation[] = []
      for (const entry of entries) {
        const what = current.see(readEntry(entry))
        if (what !== undefined) violations.push({ id, seq: entry.seq, what })
      }
      const last = rows && current.end ? current.end(rows) : []
      return [...violations, ...last.map(({ seq, what }) => ({ id, seq, what }))]
    },
  }
}

/**
 * Which outcomes no longer count behind this entry: those that a retry names, or, where its payload
 * was erased, perhaps any. Undefined when it is no retry.
 */
export function forgottenBy(read: ReadEntry): ((seq: number) => boolean) | undefined {
  if (read.entry.kind !== 'run.retried') return undefined
  if (read.record === undefined) return () => true
  const forget = new Set(listOf(fieldsOf(read, 'run.retried')?.forget))
  return (seq) => forget.has(seq)
}
