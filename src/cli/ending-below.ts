/** A run below another one that was cancelled and has not ended: a retry that asks for it again waits for its end. */
import type { Ever } from '../run/index.ts'
import { stateOf } from '../run/outside/settled.ts'
import { unlessBroken } from './unless-broken.ts'

/** The first one found, if there is one. */
export async function endingBelow(ever: Ever, parent: string): Promise<string | undefined> {
  const rows = await ever.store.runs({ parent, status: ['active', 'paused'], limit: 20 })
  for (const { id } of rows) if (await isEnding(ever, id)) return id
  return undefined
}

async function isEnding(ever: Ever, run: string): Promise<boolean> {
  const state = await unlessBroken(() => stateOf(ever.store, run))
  if (state?.cancelling ?? state?.undoing) return true
  return (await ever.store.messages(run, [])).some(({ kind }) => kind === 'cancel')
}
