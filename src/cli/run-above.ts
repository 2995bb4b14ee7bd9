/** The run that has started a run which has ended: what it makes of that end, and what a retry of it would. */
import type { Ever } from '../run/index.ts'
import { stateOf } from '../run/outside/settled.ts'
import { unlessBroken } from './unless-broken.ts'

export type RunAbove =
  /** It has failed, as have those between it and the run: a retry of it asks for the run again. */
  | { readonly is: 'failed'; readonly run: string }
  /** It goes on, or has ended, without the run. */
  | { readonly is: 'elsewhere'; readonly run: string }

/** Undefined where there is none, or it is about to take the run's end. */
export async function runAbove(ever: Ever, run: string): Promise<RunAbove | undefined> {
  const above = (await ever.store.run(run))?.parent
  const row = above === undefined ? undefined : await ever.store.run(above)
  if (!row) return undefined
  if (row.status === 'failed') return topmost(ever, row.id)
  const waits = (await unlessBroken(() => stateOf(ever.store, row.id)))?.waits.values() ?? []
  const isAwaited = Array.from(waits).some(
    ({ record }) => record !== undefined && 'run' in record && record.run === run,
  )
  return isAwaited ? undefined : { is: 'elsewhere', run: row.id }
}

/** A run that has failed with one below it is told of a retry by the one above it. */
async function topmost(ever: Ever, run: string): Promise<RunAbove> {
  const above = (await ever.store.run(run))?.parent
  const row = above === undefined ? undefined : await ever.store.run(above)
  return row?.status === 'failed' ? topmost(ever, row.id) : { is: 'failed', run }
}
