/**
 * Where a scope's entries begin again behind those of others, so that a resume finds them without passing by
 * all the others. A row is written only where they would not be found without:
 *
 * - where they stand not far behind the scope's last entry, a resume comes upon them by going on for
 *   `farRows`; that is how the turns of most loops lie;
 * - where the scope opens or moves to, it begins to read.
 */
import type { Effect, Entry } from '../../ledger/index.ts'
import type { Connection } from './driver.ts'
import * as sql from './write-statements.ts'

/** What lies at most so far behind an entry is found from it. Files rely on it: it may grow, never shrink. */
export const farRows = 8

/** Where a run's entries stand, as far as the writer has seen them. */
export interface Trail {
  /** Of the newest entry. */
  readonly scope: string
  /** The scope that had the entries before the newest stretch, and the last of them. */
  readonly before?: { readonly scope: string; readonly seq: number } | undefined
}

/** The trail with one more entry. */
export const followed = (trail: Trail, { scope, seq }: Entry): Trail =>
  scope === trail.scope ? trail : { scope, before: { scope: trail.scope, seq: seq - 1 } }

/** Writes that a stretch begins with this entry, where it would not be found otherwise. */
export function noteStretch(
  db: Connection,
  run: { readonly key: number; readonly trail: Trail },
  { scope, seq }: Entry,
  { isNew, move }: { readonly isNew: boolean; readonly move: Effect['move'] },
): void {
  const { trail } = run
  if (scope === trail.scope || isNew || move?.path === scope) return
  const { before } = trail
  if (before?.scope === scope && seq - before.seq <= farRows) return
  db.run(sql.insertStretch, run.key, scope, seq)
}
