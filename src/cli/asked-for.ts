/** What was asked of a run from outside and lies in its inbox: nothing of it is in the ledger yet. */
import { decode } from '../ledger/index.ts'
import type { Ever, StatusWord } from '../run/index.ts'
import { type MessageKind, reception } from '../store/store.ts'
import { cleanLine } from './clean.ts'
import { dateTime } from './times.ts'

/** A message that changes whether the run goes on. */
export interface AskedFor {
  readonly what: Extract<MessageKind, 'cancel' | 'pause' | 'resume' | 'retry'>
  readonly time: number
  readonly by?: string
  readonly reason?: string
  /** Children may begin anew. */
  readonly anew?: true
}

/** The oldest first. */
export async function askedFor(ever: Ever, run: string): Promise<readonly AskedFor[]> {
  const row = await ever.store.run(run)
  const messages = await ever.store.messages(run, [])
  const isRetried = messages.some(({ kind }) => kind === 'retry')
  return messages.flatMap(({ kind: what, time, payload }) => {
    if (what !== 'cancel' && what !== 'pause' && what !== 'resume' && what !== 'retry') return []
    // A run that has ended takes no notice of a cancel that came too late.
    if (row === undefined || reception(what, row.status, isRetried) !== 'wake') return []
    const { by, reason, anew } = decode(payload) as Pick<AskedFor, 'by' | 'reason' | 'anew'>
    const said = {
      ...(by === undefined ? {} : { by }),
      ...(reason === undefined ? {} : { reason }),
      ...(anew === undefined ? {} : { anew }),
    }
    return [{ what, time, ...said }]
  })
}

/** "A cancel was asked for at 2026-11-21 08:00:00 by bob and waits for a worker." */
export const askedForText = (asked: AskedFor, status: StatusWord): string =>
  `A ${asked.what}${asked.anew ? ' with --anew' : ''} was asked for ${whenText(asked)} and ${untakenText(status)}.`

/** Behind what is asked for once more: "that was asked for at … by bob already and waits for a worker." */
export const alreadyText = (asked: AskedFor, status: StatusWord): string =>
  `that was asked for ${whenText(asked)} already and ${untakenText(status)}.`

const whenText = ({ time, by }: AskedFor): string =>
  `at ${dateTime(time)}${by === undefined ? '' : ` by ${cleanLine(by, 60)}`}`

const untakenText = (status: StatusWord): string =>
  status === 'running' ? 'its worker has not taken it yet' : 'waits for a worker'
