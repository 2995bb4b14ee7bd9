/** A cancel that a worker has taken while something still holds the run open: a call in doubt, say. */
import type { Ever } from '../run/index.ts'
import { stateOf } from '../run/outside/settled.ts'
import { cleanLine } from './clean.ts'
import { unlessBroken } from './unless-broken.ts'

/** Its reason; undefined where there is none, and where the ledger is broken. Throws what the store does. */
export async function cancelling(ever: Ever, run: string): Promise<string | undefined> {
  const row = await ever.store.run(run)
  if (row?.status !== 'active' && row?.status !== 'paused') return undefined
  return (await unlessBroken(() => stateOf(ever.store, run)))?.cancelling
}

export const cancellingText = (reason: string): string =>
  `It is being cancelled (${cleanLine(reason, 200)}): nothing new begins, and it ends when this is over.`
