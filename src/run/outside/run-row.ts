/** The row of a run that somebody names. */
import { EverloopError } from '../../base/errors.ts'
import type { RunRow, Store } from '../../store/store.ts'
import { checkId } from '../check-id.ts'

/** Throws UNKNOWN_RUN, and BAD_NAME for what is no text. */
export async function runRow(store: Store, id: string): Promise<RunRow> {
  checkId('run', id)
  const row = await store.run(id)
  if (!row) throw unknownRun(id)
  return row
}

export const unknownRun = (id: string): EverloopError =>
  new EverloopError(
    'UNKNOWN_RUN',
    `No run "${id}" is in this store. \`everloop runs list\` shows what is.`,
    { run: id },
  )
