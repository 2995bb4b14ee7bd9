/** Why something that people are asked is not open, for whoever wants to see or decide it. */
import { EverloopError } from '../../base/errors.ts'
import { mayAsk, questionPlace } from '../../ledger/index.ts'
import type { Store } from '../../store/store.ts'

/** QUESTION_CLOSED when it was asked once; UNKNOWN_QUESTION otherwise, of a run's id too. */
export async function notOpen(
  store: Store,
  id: string,
  what: 'question' | 'approval' = 'question',
): Promise<EverloopError> {
  const { run, seq } = questionPlace(id)
  const [entry] = seq > 0 ? await store.entries(run, { after: seq - 1, limit: 1 }) : []
  if (entry?.seq === seq && mayAsk(entry.kind)) {
    return new EverloopError(
      'QUESTION_CLOSED',
      `${what === 'question' ? 'Question' : 'Approval'} "${id}" was answered, expired or withdrawn. \`everloop runs events ${run}\` shows what became of it, once a worker has taken it.`,
      { run },
    )
  }
  const list = `\`everloop ${what}s list\` shows those that are.`
  if ((await store.run(id)) === undefined) {
    return new EverloopError('UNKNOWN_QUESTION', `No ${what} "${id}" is open. ${list}`)
  }
  const open = (await store.questions({ run: id })).filter(
    ({ wait }) => what === 'question' || wait.kind === 'approval.requested',
  )
  const ids = open.map((row) => JSON.stringify(row.id)).join(', ')
  return new EverloopError(
    'UNKNOWN_QUESTION',
    open.length > 0
      ? `"${id}" is a run. Give the id of what it asks, with its number behind the slash: ${ids}.`
      : `No ${what} of run "${id}" is open. \`everloop runs explain ${id}\` says where it stands; ${list}`,
    { run: id },
  )
}
