/**
 * What a commit means to others. A step of a run that somebody holds concerns only those who watch that
 * run: nobody else need look for work because of it.
 */
import type { Append, AppendResult, Change, DeliverResult, ImportResult } from './store.ts'

/** After an append: whether it made, woke or freed something, or only wrote entries. */
export function changeOfAppend(append: Append, result: AppendResult): Change | undefined {
  if (result.is !== 'committed') return undefined
  const { create = [], deliver = [], release } = append
  return create.length > 0 || deliver.length > 0 || release ? 'work' : 'ledger'
}

/** After a message: it may have woken its run. */
export const changeOfDelivery = (result: DeliverResult): Change | undefined =>
  result.is === 'delivered' ? 'work' : undefined

/** After an import: there is more to be seen, and nothing to be done. */
export const changeOfImport = (result: ImportResult): Change | undefined =>
  result.is === 'imported' && result.runs.some(({ created }) => created) ? 'ledger' : undefined
