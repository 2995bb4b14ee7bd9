/**
 * Who may begin beside whom: executing a run may kill its process, and with it what is in hand there.
 *
 * W5 What lost its worker once goes on at once, beside all others. A run on its last chance, which would
 *    be parked if it were lost once more, is executed by itself: nothing is claimed beside it, and it
 *    begins when nothing is in hand that has come lately. Else it were parked for what another one does.
 */
import type { RunRow } from '../../store/store.ts'
import type { Executing } from './executing.ts'
import { barrenMax } from './opening.ts'

/** What has been in hand for so long holds up no other: it may hang, but it has not killed. */
export const provenMs = 60_000

/** A run in hand. All times are those of a clock that nobody sets. */
export interface InHand {
  readonly executing: Pick<Executing, 'isBlocked'>
  /** When it has been in hand for so long that it is not taken for what kills the process. */
  readonly provenAt: number
  /** It would be parked if it were lost now. */
  readonly isOnLastChance: boolean
}

export const isOnLastChance = ({ barren }: RunRow): boolean => barren === barrenMax - 1

/** For how long nothing may be claimed, because of a run that is by itself or of one that waits to be. */
export function heldUpMs(held: readonly InHand[], isOneWaiting: boolean, now: number): number {
  const before = held.filter(
    (one) => one.isOnLastChance || (isOneWaiting && !one.executing.isBlocked),
  )
  return before.reduce((ms, { provenAt }) => Math.max(ms, provenAt - now), 0)
}

/** The one of these runs that has to wait: for those that were claimed with it, or are in hand. */
export function waitingAmong(
  claimed: readonly RunRow[],
  held: readonly InHand[],
  now: number,
): RunRow | undefined {
  const isAlone = claimed.length === 1 && heldUpMs(held, true, now) === 0
  return isAlone ? undefined : claimed.find(isOnLastChance)
}
