/**
 * Listing runs: one index finds candidates from the newest down, the rest of the filter is checked
 * row by row, and reading stops at the limit.
 */
import { fitsFilter } from '../fits-filter.ts'
import type { RunFilter, RunRow } from '../store.ts'
import type { Connection, Value } from './driver.ts'
import * as sql from './read-statements.ts'
import { runRow, type RunTuple } from './rows.ts'
import { toStored } from './stored-text.ts'

type Listed = readonly [key: number, ...run: RunTuple]

/** After so many rows it is worth finding out where a listing since some time ends. */
const rowsUnbounded = 500

export function listRuns(db: Connection, filter: RunFilter): RunRow[] {
  const { limit = Infinity, before, createdSince } = filter
  const end = before === undefined ? Number.MAX_SAFE_INTEGER : keyOf(db, before)
  if (end === undefined) return []
  const found: { readonly key: number; readonly row: RunRow }[] = []
  const sources = sourcesOf(filter)
  for (const { statement, values } of sources) {
    let [read, count, start] = [0, 0, 0]
    for (const [key, ...run] of db.iterate<Listed>(statement, ...values, end)) {
      if (read++ === rowsUnbounded && createdSince !== undefined) start = firstKey(db, createdSince)
      if (count >= limit || key < start) break
      const row = runRow(run)
      if (!fitsFilter(row, filter)) continue
      found.push({ key, row })
      count += 1
    }
  }
  // Several sources are several statuses, each in order but not all together.
  const ordered = sources.length === 1 ? found : found.toSorted((a, b) => b.key - a.key)
  return ordered.slice(0, limit).map(({ row }) => row)
}

interface Source {
  readonly statement: string
  readonly values: readonly Value[]
}

/** The narrowest index first. */
function sourcesOf(filter: RunFilter): readonly Source[] {
  const { id, session, parent, labels, status, queue, flow } = filter
  if (id !== undefined && id !== '') {
    return [{ statement: sql.runsByPrefix, values: [id, `${id}\u{10ffff}`] }]
  }
  if (session !== undefined) return [{ statement: sql.runsBySession, values: [toStored(session)] }]
  if (parent !== undefined) return [{ statement: sql.runsByParent, values: [parent] }]
  const [label] = Object.entries(labels ?? {})
  if (label) {
    return [{ statement: sql.runsByLabel, values: [toStored(label[0]), toStored(label[1])] }]
  }
  if (status !== undefined) {
    return Array.from(new Set(status), (one) => ({ statement: sql.runsByStatus, values: [one] }))
  }
  if (flow !== undefined) return [{ statement: sql.runsByFlow, values: [toStored(flow)] }]
  if (queue !== undefined) return [{ statement: sql.runsByQueue, values: [toStored(queue)] }]
  return [{ statement: sql.runsByKey, values: [] }]
}

function keyOf(db: Connection, id: string): number | undefined {
  return db.get<readonly [key: number]>(sql.runKey, id)?.[0]
}

/** Asking takes time for each run since then; a listing that is full before needs none of them. */
function firstKey(db: Connection, time: number): number {
  return db.value<number | null>(sql.firstKeySince, time) ?? Infinity
}
