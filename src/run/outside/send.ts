/** Sending a message to a run, and what became of it, for whoever sent it. */
import { EverloopError } from '../../base/errors.ts'
import type { Redactor } from '../../base/redactor.ts'
import { encode, isEnd, redacted } from '../../ledger/index.ts'
import type { DeliverResult, MessageKind, NewMessage, Store } from '../../store/store.ts'
import type { MessageRecords } from '../pass/inbox.ts'

/** How a message is sent. */
export type Manner = Partial<Pick<NewMessage, 'name' | 'id' | 'keepsOpen' | 'unlessNewerThan'>>

export const unknownRun = (id: string): EverloopError =>
  new EverloopError(
    'UNKNOWN_RUN',
    `No run "${id}" is in this store. \`everloop runs list\` shows what is.`,
    { run: id },
  )

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
  throw refused(result, { run, kind, name })
}

/** What a message came to that was refused. */
function refused(
  result: Exclude<DeliverResult, { is: Sent }>,
  { run, kind, name }: { readonly run: string; readonly kind: MessageKind; readonly name: string },
): EverloopError {
  switch (result.is) {
    case 'unknown-run':
      if (kind === 'answer') break
      return unknownRun(run)
    case 'refused': {
      const isLate = isEnd(result.status) && kind !== 'retry' && kind !== 'resume'
      const code = isLate ? 'RUN_ENDED' : 'RUN_STATE'
      return new EverloopError(
        code,
        `Run "${run}" is ${result.status} and takes no ${kind}. ${hintFor(kind)}`,
        { run },
      )
    }
    case 'question-closed':
      return new EverloopError(
        'QUESTION_CLOSED',
        `Question "${name}" was answered, expired or withdrawn before.`,
        { run },
      )
    case 'unknown-question':
      break
  }
  return new EverloopError(
    'UNKNOWN_QUESTION',
    `No question "${name}" is open. \`everloop questions list\` shows what is.`,
    { run },
  )
}

function hintFor(kind: MessageKind): string {
  switch (kind) {
    case 'retry':
      return 'Only a failed run can be retried.'
    case 'resume':
      return 'Only a paused run can be resumed.'
    case 'pause':
      return 'Only an active run can be paused.'
    default:
      return 'Start a new run, or retry this one if it failed.'
  }
}
