/** Answering a question from outside. Whoever answers is told at once what can be told without the run. */
import type { Redactor } from '../../base/redactor.ts'
import { questionPlace } from '../../ledger/index.ts'
import type { Store } from '../../store/store.ts'
import { actor } from '../actor.ts'
import { answerApproval, type Terms } from '../approvals/answer-approval.ts'
import { checkId } from '../check-id.ts'
import { asItIs } from '../as-it-is.ts'
import { checkAnswer } from './check-answer.ts'
import { checkedDelivery, type Delivery } from './delivery.ts'
import { send, type Sent } from './send.ts'

/** Throws BAD_INPUT, UNKNOWN_QUESTION, QUESTION_CLOSED and APPROVAL_REFUSED. */
export async function answer(
  to: { readonly store: Store; readonly redactor?: Redactor | undefined },
  question: string,
  value: unknown,
  delivery: Delivery,
): Promise<void> {
  const { store, redactor } = to
  checkId('question', question)
  const { by: who, id } = checkedDelivery('answer', delivery)
  const given = asItIs(value) // while it is checked the caller may go on changing it
  // Judged is who will be recorded.
  const by = who === undefined ? undefined : (redactor?.text(who) ?? who)
  const [found] = await store.questions({ id: question, limit: 1 })
  const row = found?.id === question ? found : undefined
  if (row) await checkAnswer(row, given, store.clock.now())
  const { run } = questionPlace(question)
  const record = { value: given, ...actor(by) }
  const deliver = (terms?: Terms): Promise<Sent> =>
    send(to, { run, kind: 'answer', record, name: question, id, ...terms })
  if (row?.wait.kind !== 'approval.requested') await deliver()
  else await answerApproval(store, row, { value: given, by }, deliver)
}
