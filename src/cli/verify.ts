/** Verification of a run through the store. */
import { type Verdict, verifyRun } from '../ledger/index.ts'
import type { Ever } from '../run/index.ts'

export async function verify(ever: Ever, id: string): Promise<Verdict> {
  const row = await ever.store.run(id)
  return verifyRun((after) => ever.store.entries(id, { after, limit: 500 }), {
    seq: row?.seq ?? 0,
    hash: row?.hash ?? '',
  })
}
