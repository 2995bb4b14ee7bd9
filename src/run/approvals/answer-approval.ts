/**
 * Delivering an answer to an approval. Whoever answers is told at once what can be told without the run;
 * the holder of the run judges again when it takes the answer.
 */
import { EverloopError } from '../../base/errors.ts'
import type { Payloads } from '../../ledger/index.ts'
import type { NewMessage, QuestionRow, Store } from '../../store/store.ts'
import type { Sent } from '../outside/send.ts'
import { judge } from './approval-answer.ts'
import { readAnswers, standingOf } from './approval-standing.ts'

/** How an answer to an approval is to be delivered. */
export type Terms = Required<Pick<NewMessage, 'unlessNewerThan' | 'keepsOpen'>>

/**
 * Judges an answer by all that were given before it, and has it delivered as long as that holds. `news`
 * from `deliver`: others came first. Throws APPROVAL_REFUSED, and QUESTION_CLOSED when it is decided.
 */
export async function answerApproval(
  store: Store,
  row: QuestionRow,
  answer: { readonly value: unknown; readonly by: string | undefined },
  deliver: (terms: Terms) => Promise<Sent>,
): Promise<void> {
  const { id, run, wait } = row
  const request = wait.record as Payloads['approval.requested']
  for (;;) {
    const reading = await readAnswers(store, run)
    const { votes, isDecided } = standingOf(row, reading)
    const judgement = judge(request, votes, answer, store.clock.now())
    const terms = { unlessNewerThan: reading.newest, keepsOpen: judgement.is !== 'decided' }
    if (isDecided || judgement.is === 'refused') {
      // What was delivered before under the same id has been accepted.
      if ((await deliver({ ...terms, unlessNewerThan: -1 })) !== 'news') return
      throw judgement.is === 'refused' && !isDecided
        ? refusal(id, run, judgement.reason)
        : decided(id, run)
    }
    if ((await deliver(terms)) !== 'news') return
  }
}

const decided = (id: string, run: string): EverloopError =>
  new EverloopError(
    'QUESTION_CLOSED',
    `Approval "${id}" was decided: the answer is on its way to the run.`,
    { run },
  )

const refusal = (id: string, run: string, reason: string): EverloopError =>
  new EverloopError('APPROVAL_REFUSED', `Approval "${id}": ${reason}`, { run })
