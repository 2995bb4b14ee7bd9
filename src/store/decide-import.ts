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
  const runs: { readonly id: string; readonly created: boolean }[] = []
  for (const { last, charged } of heads) {
    const { run: id, seq, hash } = last
    const run = here.run(id)
    if (run && here.hash(id, seq) !== hash) return { is: 'exists', run }
    runs.push({ id, created: !run })
    if (run) continue
    // A run that goes on here has all that it has started here, too: what else says so takes from its budget.
    for (const account of charged) {
      const other = here.run(account)
      if (other && !isEnd(other.status)) return { is: 'charges', run: id, account }
    }
  }
  return { is: 'imported', runs }
}

/** The runs that are to be written. */
export const createdBy = ({
  runs,
}: Extract<ImportResult, { is: 'imported' }>): ReadonlySet<string> =>
  new Set(runs.filter(({ created }) => created).map(({ id }) => id))
