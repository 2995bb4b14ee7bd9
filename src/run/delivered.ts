/** What became of a message to a run, for whoever sent it. */
import { EverloopError } from '../base/errors.ts'
import type { DeliverResult, MessageKind } from '../store/store.ts'

export const unknownRun = (id: string): EverloopError =>
  new EverloopError(
    'UNKNOWN_RUN',
    `No run "${id}" is in this store. \`everloop runs list\` shows what is.`,
    { run: id },
  )

/** What becomes of a message that comes without conditions. */
type Delivered = Exclude<DeliverResult, { is: 'news' }>

/** Throws what a message came to that was not taken. */
export function checkDelivered(
  result: Delivered,
  { run, kind, name }: { readonly run: string; readonly kind: MessageKind; readonly name: string },
): void {
  switch (result.is) {
    case 'delivered':
    case 'duplicate':
      return
    case 'unknown-run':
      if (kind === 'answer') break
      throw unknownRun(run)
    case 'refused': {
      const ended =
        result.status === 'completed' || result.status === 'cancelled' || result.status === 'failed'
      const code = ended && kind !== 'retry' && kind !== 'resume' ? 'RUN_ENDED' : 'RUN_STATE'
      throw new EverloopError(
        code,
        `Run "${run}" is ${result.status} and takes no ${kind}. ${hintFor(kind)}`,
        { run },
      )
    }
    case 'question-closed':
      throw new EverloopError(
        'QUESTION_CLOSED',
        `Question "${name}" was answered, expired or withdrawn before.`,
        { run },
      )
    case 'unknown-question':
      break
  }
  throw new EverloopError(
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
