/**
 * Who cancelled a run, where its ledger says it. Undefined where nobody gave a name, and where nothing of
 * the run was left to be stopped (then its end alone is written down), and where the ledger is broken.
 */
import { decode, type Payloads } from '../ledger/index.ts'
import type { Ever } from '../run/index.ts'
import { unlessBroken } from './unless-broken.ts'

export const cancelledBy = (ever: Ever, run: string): Promise<string | undefined> =>
  unlessBroken(() => recordedCanceller(ever, run))

async function recordedCanceller(ever: Ever, run: string): Promise<string | undefined> {
  const entries = await ever.store.openEntries(run)
  // A retry overrules the cancels before it.
  const since = entries.slice(entries.findLastIndex(({ kind }) => kind === 'run.retried') + 1)
  for (const { kind, payload } of since.toReversed()) {
    if ((kind !== 'run.cancelling' && kind !== 'run.undoing') || payload === null) continue
    const record = decode(payload) as Payloads['run.cancelling' | 'run.undoing']
    // What somebody has undone afterwards is no cancel.
    const isCancel = !('because' in record) || record.because === 'cancelled'
    if (isCancel && record.by !== undefined) return record.by
  }
  return undefined
}
