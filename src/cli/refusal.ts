/**
 * Why a run did not take the last answer to its question. Answers are checked where they are given, with
 * the JSON Schema that lies beside the question; the run's code may want more (the result of a call in doubt
 * has to fit the tool's schema, say), and then the question stays open.
 */
import { decode, type EntryKind, type Payloads, questionPlace } from '../ledger/index.ts'
import type { Ever, Question } from '../run/index.ts'

type Refusal = 'question.refused' | 'effect.refused' | 'approval.refused'

const refusals: ReadonlySet<EntryKind> = new Set<Refusal>([
  'question.refused',
  'effect.refused',
  'approval.refused',
])

export async function lastRefusal(
  ever: Ever,
  { id, run }: Pick<Question, 'id' | 'run'>,
): Promise<string | undefined> {
  const asked = questionPlace(id).seq
  const [question, ...later] = await ever.store.entries(run, { after: asked - 1 })
  const refused = later.findLast(
    ({ kind, scope, key }) =>
      refusals.has(kind) && scope === question?.scope && key === question.key,
  )
  if (!refused || refused.payload === null) return undefined
  return (decode(refused.payload) as Payloads[Refusal]).reason
}
