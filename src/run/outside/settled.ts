/** Where a run has come to rest, read from its ledger. Nothing is executed. */
import type { ErrorData } from '../../base/errors.ts'
import {
  checkLinks,
  decode,
  effectOf,
  emptyState,
  fold,
  type RunState,
  type RunStatus,
} from '../../ledger/index.ts'
import type { RunRow, Store } from '../../store/store.ts'
import { largeIn, largeOf } from '../replay/large.ts'
import { isReopening, wordOf } from './run-info.ts'
import { type WaitInfo, waitInfoOf } from './wait-info.ts'

/** Where a run has come to rest. */
export type Settled<Output = unknown> =
  | { readonly status: 'completed'; readonly output: Output }
  | { readonly status: 'failed'; readonly error: ErrorData }
  | { readonly status: 'cancelled'; readonly reason: string }
  | { readonly status: 'paused'; readonly code: string; readonly message: string }
  | { readonly status: 'waiting'; readonly on: readonly WaitInfo[] }

/** The fold of what a resume would read. Throws BROKEN_CHAIN. */
export async function stateOf(store: Store, run: string): Promise<RunState> {
  const entries = await store.openEntries(run)
  checkLinks(entries)
  return fold(emptyState, entries)
}

/** How the run has ended, or why it is paused; undefined while it moves. Reads one entry. */
export async function endOf(
  store: Store,
  row: RunRow,
): Promise<Exclude<Settled, { readonly status: 'waiting' }> | undefined> {
  if (row.status === 'active' || isReopening(row, store.clock.now())) return undefined
  // What gave a run its status is the last thing that was written, or nearly so.
  const entries = await store.entriesAt(row.id, [row.seq])
  checkLinks(entries)
  const [entry] = entries
  if (!entry) return undefined
  const large = await largeIn(store, row.id, entry.payload)
  const record = decode(entry.payload ?? '{}', {
    resolve: (ref) => large.get(largeOf(ref) ?? ''),
  })
  const { status } = effectOf(entry, record)
  // What an operator undoes or says afterwards stands behind the end.
  const isBehind = status === undefined && row.status !== 'paused'
  return settledAs(isBehind ? (await stateOf(store, row.id)).status : status)
}

function settledAs(
  status: RunStatus | undefined,
): Exclude<Settled, { readonly status: 'waiting' }> | undefined {
  switch (status?.is) {
    case 'active':
    case undefined:
      return undefined
    case 'paused':
      return { status: 'paused', code: status.code, message: status.message }
    case 'completed':
      return { status: 'completed', output: status.output }
    case 'failed':
      return { status: 'failed', error: status.error }
    case 'cancelled':
      return { status: 'cancelled', reason: status.reason }
  }
}

/** Where the run rests, or undefined while it is moving. */
export async function settledOf(store: Store, row: RunRow): Promise<Settled | undefined> {
  const end = await endOf(store, row)
  if (end || wordOf(row, store.clock.now()) !== 'waiting') return end
  const { waits } = await stateOf(store, row.id)
  return { status: 'waiting', on: Array.from(waits.values(), (wait) => waitInfoOf(row.id, wait)) }
}
