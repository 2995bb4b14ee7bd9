/** Which run is meant by the beginning of an id. */
import { EverloopError } from '../../base/errors.ts'
import type { RunRow, Store } from '../../store/store.ts'
import { unknownRun } from './run-row.ts'

/** A run may have many children, whose ids begin as its own does. */
const pageMax = 500
/** So many ids are named where several fit. */
const toldMax = 5

/** The id that begins with this text; a run comes before its children. Throws UNKNOWN_RUN and AMBIGUOUS_ID. */
export async function resolveId(store: Store, prefix: string): Promise<string> {
  if (await store.run(prefix)) return prefix
  const rows: RunRow[] = []
  for (let before: string | undefined; rows.length <= toldMax;) {
    const found = await store.runs({ id: prefix, limit: pageMax, before })
    // Children's ids begin with their parent's, which is who is meant.
    rows.push(...found.filter(({ parent }) => parent?.startsWith(prefix) !== true))
    before = found.at(-1)?.id
    if (found.length < pageMax) break
  }
  const [only] = rows
  if (!only) throw unknownRun(prefix)
  if (rows.length === 1) return only.id
  const some = rows.slice(0, toldMax).map(({ id }) => id)
  throw new EverloopError(
    'AMBIGUOUS_ID',
    `"${prefix}" fits several runs: ${some.join(', ')}${rows.length > toldMax ? ' and more' : ''}. Give more of the id.`,
  )
}
