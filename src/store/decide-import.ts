/** What becomes of an import when all its parts have come, decided in its transaction: one place for all stores. */
import { isEnd } from '../ledger/index.ts'
import type { ImportHead } from './import-heads.ts'
import type { ImportResult, RunRow } from './store.ts'

/** What the store holds, in the transaction. */
export interface Here {
  readonly run: (id: string) => RunRow | undefined
  /** The hash of an entry of a run that is here. */
  readonly hash: (run: string, seq: number) => string | undefined
}

/** Which runs are to be created, or what keeps all of them out. */
export function decideImport(heads: readonly ImportHead[], here: Here): ImportResult {
  for (const { last } of heads) {
    const run = here.run(last.run)
    if (run && here.hash(last.run, last.seq) !== last.hash) return { is: 'exists', run }
  }
  const runs = heads.map(({ last }) => ({ id: last.run, created: !here.run(last.run) }))
  // A run that goes on here has all that it has started here, too: what else says so takes from its budget.
  for (const [i, { last, charged }] of heads.entries()) {
    const account = runs[i]?.created && [...charged].find((id) => isGoingOn(here.run(id)))
    if (account) return { is: 'charges', run: last.run, account }
  }
  return { is: 'imported', runs }
}

const isGoingOn = (run: RunRow | undefined): boolean => run !== undefined && !isEnd(run.status)

/** The runs that are to be written. */
export const createdBy = ({
  runs,
}: Extract<ImportResult, { is: 'imported' }>): ReadonlySet<string> =>
  new Set(runs.filter(({ created }) => created).map(({ id }) => id))
