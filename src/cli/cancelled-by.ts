/**
 * Who cancelled a run, where its ledger says it. Undefined where nobody gave a name, and where the ledger is
 * broken.
 */
import { decode, type Payloads } from '../ledger/index.ts'
import type { Ever } from '../run/index.ts'
import { unlessBroken } from './unless-broken.ts'

/** Which entry tells depends on what was left of the run to be stopped. */
const tellers: readonly string[] = ['run.cancelling', 'run.undoing', 'run.cancelled']

export const cancelledBy = (ever: Ever, run: string): Promise<string | undefined> =>
  unlessBroken(() => recordedCanceller(ever, run))

async function recordedCanceller(ever: Ever, run: string): Promise<string | undefined> {
  const entries = await ever.store.openEntries(run)
  // A retry overrules the cancels before it.
  const since = entries.slice(entries.findLastIndex(({ kind }) => kind === 'run.retried') + 1)
  for (const { kind, payload } of since.toReversed()) {
    if (!tellers.includes(kind) || payload === null) continue
    const record = decode(payload) as Payloads['run.cancelling' | 'run.undoing' | 'run.cancelled']
    // What somebody has undone afterwards is no cancel.
    const isCancel = !('because' in record) || record.because === 'cancelled'
    if (isCancel && record.by !== undefined) return record.by
  }
  return undefined
}
