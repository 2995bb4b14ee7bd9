/** Whether a run's row passes a filter, page limits apart: what every store's listing must mean. */
import type { RunFilter, RunRow } from './store.ts'

export function fitsFilter(row: RunRow, filter: RunFilter): boolean {
  const { status, flow, queue, labels = {}, id, parent, session, createdSince } = filter
  return (
    (status === undefined || status.includes(row.status)) &&
    (flow === undefined || row.flow === flow) &&
    (queue === undefined || row.queue === queue) &&
    (id === undefined || row.id.startsWith(id)) &&
    (parent === undefined || row.parent === parent) &&
    (session === undefined || row.session === session) &&
    (createdSince === undefined || row.created >= createdSince) &&
    Object.entries(labels).every(
      ([name, value]) => Object.hasOwn(row.labels, name) && row.labels[name] === value,
    )
  )
}
