/** Sending a message to a run, and what became of it, for whoever sent it. */
import { EverloopError } from '../../base/errors.ts'
import type { Redactor } from '../../base/redactor.ts'
import { encode, isEnd, redacted } from '../../ledger/index.ts'
import type { DeliverResult, MessageKind, NewMessage, RunRow, Store } from '../../store/store.ts'
import type { MessageRecords } from '../pass/inbox.ts'
import { notOpen } from './not-open.ts'
import { unknownRun } from './run-row.ts'

/** How a message is sent. */
export type Manner = Partial<Pick<NewMessage, 'name' | 'id' | 'keepsOpen' | 'unlessNewerThan'>>

/** What became of a message that was not refused. `news`: a newer one was there than it allows. */
export type Sent = Extract<DeliverResult['is'], 'delivered' | 'duplicate' | 'news'>

/**
 * Puts a message into the run's inbox, without secrets. Throws what it came to when it was refused.
 */
export async function send<K extends MessageKind>(
  { store, redactor }: { readonly store: Store; readonly redactor?: Redactor | undefined },
  {
    run,
    kind,
    record,
    name = '',
    ...rest
  }: { readonly run: string; readonly kind: K; readonly record: MessageRecords[K] } & Manner,
): Promise<Sent> {
  const text = encode(record)
  const payload = redactor ? redacted(text, redactor, 'record') : text
  const result = await store.deliver({ run, kind, name, payload, ...rest })
  if (result.is === 'news' || result.is === 'delivered' || result.is === 'duplicate') {
    return result.is
  }
  // Whether the run has ended or is not there at all: what is answered is not open.
  if (kind === 'answer') throw await notOpen(store, name)
  if (result.is === 'refused') throw refused({ run, kind, name }, result.status)
  throw unknownRun(run)
}

function refused(
  { run, kind, name }: Pick<NewMessage, 'run' | 'kind' | 'name'>,
  status: RunRow['status'],
): EverloopError {
  const isLate = isEnd(status) && kind !== 'retry' && kind !== 'resume'
  const sent = kind === 'signal' && name === 'message' ? name : kind // what `ever.send` sends
  return new EverloopError(
    isLate ? 'RUN_ENDED' : 'RUN_STATE',
    `Run "${run}" is ${status} and takes no ${sent}. ${hintFor(kind, status)}`,
    { run },
  )
}

function hintFor(kind: MessageKind, status: RunRow['status']): string {
  switch (kind) {
    case 'retry':
      return `Only a failed run can be retried.${status === 'paused' ? ' Resume this one.' : ''}`
    case 'resume':
      return `Only a paused run can be resumed.${status === 'failed' ? ' Retry this one.' : ''}`
    case 'pause':
      return 'Only an active run can be paused.'
    default:
      return 'Start a new run, or retry this one if it failed.'
  }
}
