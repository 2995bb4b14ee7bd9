/**
 * Verifying a run: all invariants over all of its entries, read once and, but for their numbers, never held
 * together.
 *
 * Finds an edit, a deletion, an insertion and a reordering at the entry where it was made, and a
 * truncation by the head that the run's row tells. A rewrite of everything from some entry on,
 * hashes and head included, is consistent in itself: it shows only against a head that was kept
 * elsewhere, which is what to hand in as `head` then.
 */
import type { Entry } from '../entry.ts'
import { type ReadEntry, readEntry } from '../read-entry.ts'
import { artifactCheck, type ArtifactSource } from './artifact-check.ts'
import type { Projections, Violation } from './invariant.ts'
import { invariants } from './invariants.ts'

/** Entries in order: all there are, or a function that reads the page behind a number. */
export type EntrySource =
  | AsyncIterable<Entry>
  | Iterable<Entry>
  | ((after: number) => Promise<readonly Entry[]>)

/** Whether a ledger is sound, and what is wrong with it. */
export type Verdict =
  | {
      readonly ok: true
      readonly entries: number
      /** How many of them have had their payload erased. */
      readonly erased: number
    }
  | { readonly ok: false; readonly violations: readonly Violation[] }

/** Enough to see what happened; a ledger that is damaged all over need not be listed entry by entry. */
const violationsMax = 100

/** All invariants over a ledger whose entries come one by one. */
export class Verification {
  readonly #watches = invariants.map(({ id, watch }) => ({ id, watch: watch() }))

  /** What is wrong with the next entry. */
  see(read: ReadEntry): readonly Violation[] {
    const found: Violation[] = []
    for (const { id, watch } of this.#watches) {
      const what = watch.see(read)
      if (what !== undefined) found.push({ id, seq: read.entry.seq, what })
    }
    return found
  }

  /** What is wrong with the rows, and with the ledger as a whole, when all entries have been seen. */
  end(rows: Projections): readonly Violation[] {
    return this.#watches.flatMap(({ id, watch }) =>
      (watch.end?.(rows) ?? []).map(({ seq, what }) => ({ id, seq, what })),
    )
  }
}

/**
 * Reads the run once and says what is wrong with it, first things first, at most 100 of them. Artifacts
 * are looked at where it is told how to read them.
 */
export async function verifyRun(
  source: EntrySource,
  head: Projections['head'],
  rows: Omit<Projections, 'head'> = {},
  artifact?: ArtifactSource,
): Promise<Verdict> {
  const artifactFlaws = artifact && artifactCheck(artifact)
  const verification = new Verification()
  const violations: Violation[] = []
  let entries = 0
  let erased = 0
  for await (const entry of typeof source === 'function' ? pages(source) : source) {
    entries++
    if (entry.payload === null) erased++
    const read = readEntry(entry)
    violations.push(...verification.see(read))
    for (const what of (await artifactFlaws?.(read)) ?? []) {
      violations.push({ id: 'artifact', seq: entry.seq, what })
    }
    if (violations.length >= violationsMax) return damaged(violations)
  }
  violations.push(...verification.end({ head, ...rows }))
  return violations.length === 0 ? { ok: true, entries, erased } : damaged(violations)
}

const damaged = (violations: readonly Violation[]): Verdict => ({
  ok: false,
  violations: violations.slice(0, violationsMax),
})

async function* pages(read: (after: number) => Promise<readonly Entry[]>): AsyncGenerator<Entry> {
  let after = 0
  for (;;) {
    const page = await read(after)
    yield* page
    const last = page.at(-1)?.seq ?? 0
    // A damaged store may number its entries anyhow: each page leads further, or is the last.
    if (!(last > after)) return
    after = last
  }
}
