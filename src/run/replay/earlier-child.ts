/**
 * What has become of a run that another one had started, when a retry of that one asks for it again.
 *
 * R5 What a child has done is not done again because its parent failed: a child that has failed goes on from its
 *    own failure, as the same run, and the output of one that has completed is taken. Another run is started only
 *    for one that was cancelled, cannot go on, or was asked for otherwise: with another input, or another version.
 */
import type { Taint } from '../../ledger/index.ts'
import type { Message, Store } from '../../store/store.ts'
import { endOf, stateOf } from '../outside/settled.ts'
import { hindranceOf } from './retry.ts'

/** `stale`: what it has told its parent that is not news any more, by number. */
export type EarlierChild =
  | { readonly is: 'gone' }
  | { readonly is: 'failed' | 'under way'; readonly stale: readonly number[] }
  | {
      readonly is: 'completed'
      readonly output: unknown
      readonly taints: readonly Taint[]
      readonly stale: readonly number[]
    }

/** Looks at the run. What it tells while it is being looked at is not stale. Throws BROKEN_CHAIN. */
export async function earlierChild(
  store: Store,
  {
    parent,
    run,
    version,
  }: { readonly parent: string; readonly run: string; readonly version: string },
): Promise<EarlierChild> {
  const told = async (): Promise<readonly number[]> =>
    (await store.messages(parent, [])).filter(isFrom(run)).map(({ number }) => number)
  const before = await told()
  const row = await store.run(run)
  if (row?.version !== version || row.status === 'cancelled') return { is: 'gone' }
  if (row.status === 'failed' && (await hindranceOf(store, row))) return { is: 'gone' }
  const asked = await store.messages(run, [])
  const isRetried = asked.some(({ kind }) => kind === 'retry')
  if (row.status === 'active' || row.status === 'paused' || isRetried) {
    const { cancelling, undoing } = await stateOf(store, run)
    const isEnding =
      cancelling !== undefined ||
      undoing !== undefined ||
      asked.some(({ kind }) => kind === 'cancel')
    return isEnding ? { is: 'gone' } : { is: 'under way', stale: before }
  }
  // It has ended, and tells nothing more.
  const stale = await told()
  if (row.status === 'failed') return { is: 'failed', stale }
  const end = await endOf(store, row)
  if (end?.status !== 'completed') return { is: 'gone' }
  const { taints, undoing } = await stateOf(store, run)
  if (undoing) return { is: 'gone' } // by hand: what it had done is not there any more
  return {
    is: 'completed',
    output: end.output,
    taints: taints.map((taint) => ({ run, ...taint })),
    stale,
  }
}

const isFrom =
  (run: string) =>
  ({ kind, name }: Message): boolean =>
    kind === 'child' && name === run
