/**
 * How a run's entries lie among its scopes, and which rows tell a resume. A row is written only where a resume
 * would not find out by itself; that is hardly ever so while a loop does one thing after another.
 *
 * An open scope has a row in `scopes` with its first needed entry, but for that of the newest entry as long as
 * its entries, few as yet, have followed one another since it opened.
 *
 * A stretch has a row in `everloop_stretches`, but
 * - where it is not far behind the scope's last entry: a resume comes upon it by going on for `farRows`,
 * - where the scope opens or moves to: there a resume begins. A retry may have it begin before; then all have one.
 */
import { type Effect, type Entry, isWithin, type OpenScope } from '../../ledger/index.ts'
import type { Connection } from './driver.ts'
import * as sql from './write-statements.ts'

/** What lies at most so far behind an entry is found from it. Files rely on it: it may grow, never shrink. */
export const farRows = 8

/** A scope that has so many entries has a row, so that nobody has to look far for the first of them. */
const manyEntries = 64

/** So many rows of a run are remembered. */
const rowsKept = 16

/** Where the newest entries of a run are. */
export interface Trail {
  /** The newest entry's scope. */
  readonly scope: string
  /** Where it opened, as long as it may have no row. */
  readonly opened: number | undefined
  /** The scopes that have a row: a few in most loops, which spares looking for them. Undefined for many. */
  readonly rows: readonly string[] | undefined
  /** The scope that had the entries before, and the last of them, where the writer has seen them. */
  readonly before?: { readonly scope: string; readonly seq: number }
}

/** A run whose newest entries are followed. */
interface Followed {
  readonly key: number
  trail: Trail
}

/** The trail of a run as its rows show it. */
export function trailOf(db: Connection, run: number, scope: string): Trail {
  const paths = db.all<readonly [string]>(sql.scopeRows, run, rowsKept + 1)
  const rows = paths.length > rowsKept ? undefined : paths.map(([path]) => path)
  const opened = hasRow(db, run, scope, rows) ? undefined : openedAt(db, run, scope)
  return { scope, opened, rows }
}

/** Writes what rows an entry makes necessary; the trail ends in it then. */
export function follow(
  db: Connection,
  run: Followed,
  { scope, seq }: Entry,
  { close, move }: Effect,
): void {
  const { key, trail } = run
  if (scope === trail.scope) {
    if (trail.opened === undefined || seq - trail.opened < manyEntries) return
    db.run(sql.openScope, key, scope, trail.opened)
    run.trail = { ...trail, opened: undefined, rows: withRow(trail.rows, scope) }
    return
  }
  let { rows } = trail
  const isClosing = close !== undefined && isWithin(trail.scope, close)
  if (trail.opened !== undefined && !isClosing) {
    db.run(sql.openScope, key, trail.scope, trail.opened)
    rows = withRow(rows, trail.scope)
  }
  const isOpen = hasRow(db, key, scope, rows)
  const isNear = trail.before?.scope === scope && seq - trail.before.seq <= farRows
  const isBeginning = !isOpen || (move !== undefined && scope !== '')
  if (!isBeginning && !isNear) db.run(sql.insertStretch, key, scope, seq)
  const before = { scope: trail.scope, seq: seq - 1 }
  run.trail = { scope, opened: isOpen ? undefined : seq, rows, before }
}

/** This scope and all within it are closed. */
export function closeRows(db: Connection, run: Followed, closed: string): void {
  if (closed === '') return // it is always open
  const rows = run.trail.rows?.filter((path) => !isWithin(path, closed))
  if (rows && rows.length === run.trail.rows?.length) return
  db.run(sql.closeScopes, run.key, closed)
  run.trail = { ...run.trail, rows }
}

/** The scope begins with that entry, whether it had a row or not. */
export function putRow(db: Connection, run: Followed, { path, from }: OpenScope): void {
  db.run(sql.putScope, run.key, path, from)
  run.trail = { ...run.trail, rows: withRow(run.trail.rows, path) }
}

/**
 * Scopes are open again after a retry. Where each begins may be a number before its first entry, or before the
 * one that it has moved to.
 */
export function reopen(db: Connection, run: Followed, scopes: readonly OpenScope[]): void {
  const { key } = run
  const paths = new Set(scopes.map(({ path }) => path))
  const first = scopes.reduce((least, { from }) => Math.min(least, from), Infinity)
  for (const scope of scopes) putRow(db, run, scope)
  let before: string | undefined
  for (const [seq, scope] of db.iterate<readonly [number, string]>(sql.scopesFrom, key, first)) {
    if (scope !== before && paths.has(scope)) db.run(sql.insertStretch, key, scope, seq)
    before = scope
  }
}

/** Scope "" needs none: it is always open, from the first entry on. */
const hasRow = (db: Connection, run: number, scope: string, rows: Trail['rows']): boolean =>
  scope === '' || (rows?.includes(scope) ?? db.get(sql.scopeRow, run, scope) !== undefined)

function withRow(rows: Trail['rows'], path: string): Trail['rows'] {
  if (!rows || rows.includes(path)) return rows
  return rows.length < rowsKept ? [...rows, path] : undefined
}

/** Where the newest entries begin that have this scope and no other between them. */
export const openedAt = (db: Connection, run: number, scope: string): number =>
  db.value<number>(sql.lastOutside, run, scope) + 1
