/** A run below another one that is ending: a retry that asks for it again waits for its end. */
import type { Ever } from '../run/index.ts'
import { standingOf } from '../run/replay/earlier-child.ts'
import { unlessBroken } from './unless-broken.ts'

/** The first one found, if there is one. */
export async function endingBelow(ever: Ever, parent: string): Promise<string | undefined> {
  const status = ['active', 'paused', 'failed'] as const
  const rows = await ever.store.runs({ parent, status, limit: 20 })
  for (const { id } of rows) {
    const standing = await unlessBroken(() => standingOf(ever.store, id))
    if (standing?.is === 'ending') return id
  }
  return undefined
}
