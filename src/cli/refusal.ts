/**
 * Why a run did not take the last answer to its question, or the last signal that it waits for. Answers are checked where they are given, with
 * the JSON Schema that lies beside the question; the run's code may want more (the result of a call in doubt
 * has to fit the tool's schema, say), and then the question stays open.
 */
import {
  decode,
  type EntryKind,
  operationPath,
  type Payloads,
  questionPlace,
} from '../ledger/index.ts'
import type { Ever, Question } from '../run/index.ts'
import { unlessBroken } from './unless-broken.ts'

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

/** The same of the wait for a signal at this path. */
export async function lastRefusedSignal(
  ever: Ever,
  run: string,
  path: string,
): Promise<string | undefined> {
  const entries = (await unlessBroken(() => ever.store.openEntries(run))) ?? []
  const refused = entries.findLast(
    ({ kind, scope, key }) => kind === 'signal.refused' && operationPath(scope, key) === path,
  )
  if (!refused || refused.payload === null) return undefined
  return (decode(refused.payload) as Payloads['signal.refused']).reason
}
