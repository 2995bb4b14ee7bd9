/** A cancel that a worker has taken while something still holds the run open: a call in doubt, say. */
import type { Ever } from '../run/index.ts'
import { EverloopError } from '../base/errors.ts'
import { stateOf } from '../run/view.ts'
import { cleanLine } from './clean.ts'

/** Its reason; undefined where there is none, and where the ledger is broken. Throws what the store does. */
export async function cancelling(ever: Ever, run: string): Promise<string | undefined> {
  const row = await ever.store.run(run)
  if (row?.status !== 'active' && row?.status !== 'paused') return undefined
  try {
    return (await stateOf(ever.store, run)).cancelling
  } catch (error) {
    // The command says what it can of such a run; every other trouble is the command's.
    if (EverloopError.is(error) && error.code === 'BROKEN_CHAIN') return undefined
    throw error
  }
}

export const cancellingText = (reason: string): string =>
  `It is being cancelled (${cleanLine(reason, 200)}): nothing new begins, and it ends when this is over.`
