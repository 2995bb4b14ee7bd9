/** What people are asked, as it is listed. */
import { checkOptions } from '../../base/options.ts'
import type { Payloads } from '../../ledger/index.ts'
import type { Store } from '../../store/store.ts'
import { checkId } from '../check-id.ts'
import { checkLimit } from './list-options.ts'
import { type WaitInfo, waitInfoOf } from './wait-info.ts'

/** A question that is open. */
export interface Question extends Omit<WaitInfo, 'kind'> {
  /** Asked by the code, for leave to make a call, or about a call of which the outcome is not known. */
  readonly kind: 'question' | 'approval' | 'effect'
  readonly id: string
  readonly run: string
  readonly prompt: string
  /** JSON Schema of the answer, where it is known. */
  readonly schema: unknown
}

/** Which questions are listed. */
export interface QuestionsOptions {
  /** Those of this run alone. */
  readonly run?: string
  /** At most so many. */
  readonly limit?: number
}

/** Those that are open, the oldest first. Throws BAD_OPTION, and BAD_NAME for a run that is no id. */
export async function openQuestions(
  store: Store,
  filter: QuestionsOptions,
): Promise<readonly Question[]> {
  checkOptions('questions', filter, ['run', 'limit'])
  checkLimit('questions', filter.limit)
  if (filter.run !== undefined) checkId('run', filter.run)
  const rows = await store.questions(filter)
  return rows
    .filter(({ state }) => state === 'open')
    .map(({ id, run, wait }) => {
      const { prompt, schema } = wait.record as Payloads['question.asked']
      // A row of this table is of a wait that asks (see isQuestion).
      const { kind, ...info } = waitInfoOf(run, wait)
      return { ...info, kind: kind as Question['kind'], id, run, prompt, schema }
    })
}
