/**
 * Which question or approval is meant by what somebody typed. Much may hang on the answer, so it never leads
 * to one beside the one that was named: who gives the whole id of a run means no other run whose id begins so,
 * and who gives the number of a question means no longer number, even when what was named is not open.
 */
import { EverloopError } from '../base/errors.ts'
import { questionPlace } from '../ledger/index.ts'
import type { Ever } from '../run/index.ts'
import type { QuestionRow } from '../store/store.ts'
import { runsThatAsk } from './runs-below.ts'

/** So many ids are named where several fit. */
const toldMax = 5

/** The one that is meant, undefined when none is open. Throws AMBIGUOUS_ID, and BAD_NAME for an empty text. */
export async function namedQuestion(
  ever: Ever,
  text: string,
  what: 'question' | 'approval',
): Promise<QuestionRow | undefined> {
  // All ids begin so: a variable that is not set in a script would decide about whatever is open alone.
  if (text === '') {
    throw new EverloopError(
      'BAD_NAME',
      `The id of ${what === 'approval' ? 'an approval' : 'a question'} is missing. \`everloop ${what}s list\` shows them.`,
    )
  }
  const fitting = (await candidates(ever, text)).map((rows) =>
    rows.filter(({ wait }) => what === 'question' || wait.kind === 'approval.requested'),
  )
  const rows = fitting.find(({ length }) => length > 0) ?? []
  if (rows.length <= 1) return rows[0]
  const ids = rows.map(({ id }) => id)
  throw new EverloopError(
    'AMBIGUOUS_ID',
    `"${text}" fits several ${what}s: ${ids.slice(0, toldMax).join(', ')}${ids.length > toldMax ? ' and more' : ''}. Give more of the id.`,
  )
}

/** The one of this id; those of the run of this id, then of the runs below it; or all whose ids begin so. */
async function candidates(ever: Ever, text: string): Promise<readonly (readonly QuestionRow[])[]> {
  const { store } = ever
  const { run, seq } = questionPlace(text)
  const exact = seq === 0 ? [] : (await store.questions({ run })).filter(({ id }) => id === text)
  if (exact.length > 0) return [exact]
  if ((await store.run(text)) === undefined) {
    const rows = await store.questions({ id: text })
    return [rows.filter((row) => seq === 0 || row.run !== run)]
  }
  const below = (await runsThatAsk(ever, text)).filter((one) => one !== text)
  const theirs = await Promise.all(below.map((one) => store.questions({ run: one })))
  return [await store.questions({ run: text }), theirs.flat()]
}
