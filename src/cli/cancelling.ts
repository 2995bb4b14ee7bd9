/** A cancel that a worker has taken while something still holds the run open: a call in doubt, say. */
import type { Ever } from '../run/index.ts'
import { stateOf } from '../run/view.ts'
import { cleanLine } from './clean.ts'

/** Its reason; undefined where there is none, and where the ledger cannot be read. */
export async function cancelling(ever: Ever, run: string): Promise<string | undefined> {
  const row = await ever.store.run(run)
  if (row?.status !== 'active' && row?.status !== 'paused') return undefined
  const state = await stateOf(ever.store, run).catch(() => undefined)
  return state?.cancelling
}

export const cancellingText = (reason: string): string =>
  `It is being cancelled (${cleanLine(reason, 200)}): nothing new begins, and it ends when this is over.`
