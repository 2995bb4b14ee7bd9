/**
 * Reads the runs that are listed. A store knows where a run stands, and not whether a worker holds it or whether it
 * is due: runs that are to be ready, running or waiting are chosen from among all that may be.
 */
import type { RunRow, Store } from '../../store/store.ts'
import type { ListedStatus, Listing } from './list-options.ts'
import { infoOf, type RunInfo, wordOf } from './run-info.ts'

/** There may be millions. */
const pageMax = 500

/** The newest first. */
export async function listed(store: Store, listing: Listing): Promise<readonly RunInfo[]> {
  const { filter, statuses, limit } = listing
  const now = store.clock.now()
  const kept = statuses && [...new Set(statuses.flatMap((status) => rowsThatMayBe[status]))]
  const isChosen = statuses?.some(
    (one) => one === 'ready' || one === 'running' || one === 'waiting',
  )
  const found: RunInfo[] = []
  for (let { before } = listing; found.length < limit;) {
    const page = isChosen ? pageMax : limit
    const rows = await store.runs({ ...filter, status: kept, limit: page, before })
    for (const row of rows) {
      if (found.length < limit && isOneOf(statuses, row, now)) found.push(infoOf(row, now))
    }
    if (!isChosen || rows.length < page) break
    before = rows.at(-1)?.id
  }
  return found
}

/** By what the store knows it as, or by what it is. */
const isOneOf = (
  statuses: readonly ListedStatus[] | undefined,
  row: RunRow,
  now: number,
): boolean =>
  statuses === undefined || statuses.includes(row.status) || statuses.includes(wordOf(row, now))

/** What a store knows those as that may have this status. Failed and paused ones may have been told to go on. */
const rowsThatMayBe: Readonly<Record<ListedStatus, readonly RunRow['status'][]>> = {
  active: ['active'],
  ready: ['active', 'paused', 'failed'],
  running: ['active', 'paused', 'failed'],
  waiting: ['active'],
  paused: ['paused'],
  completed: ['completed'],
  failed: ['failed'],
  cancelled: ['cancelled'],
}
