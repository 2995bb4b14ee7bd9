/**
 * Importing: an export becomes runs of this store, all of them or none.
 *
 * Everything is verified before the store is told that all parts have come: until then it shows
 * nothing of them (S11), and what is refused has changed nothing.
 *
 * Only runs that have ended come in, so nobody executes what somebody else executes.
 */
import { EverloopError } from '../../base/errors.ts'
import { linesOf, type TextSource } from '../../ledger/index.ts'
import type { ImportPart, Store } from '../../store/store.ts'
import { DocumentReader } from './document-reader.ts'

/** A run that an export holds. */
export interface Imported {
  readonly run: string
  /** False: it was here before, and is as it was. */
  readonly created: boolean
}

/** Throws BAD_EXPORT, EXPORT_NEWER, RUN_STATE and RUN_EXISTS, and what the source throws. */
export async function importRuns(store: Store, source: TextSource): Promise<readonly Imported[]> {
  const result = await store.importRuns(verified(source))
  if (result.is === 'imported') return result.runs.map(({ id: run, created }) => ({ run, created }))
  if (result.is === 'charges') {
    const { run, account } = result
    throw new EverloopError(
      'RUN_EXISTS',
      `Run "${run}" charges its costs to run "${account}", and a run of this id goes on here without it. Nothing was imported. Import it when run "${account}" has ended, or into another store.`,
      { run },
    )
  }
  const { id, seq } = result.run
  throw new EverloopError(
    'RUN_EXISTS',
    `A run "${id}" exists already, and its ledger, of ${seq} entries, does not hold the one that was to be imported: it is another run, or the same one at another point. An import changes no run that is here, so nothing was imported. Import the export into another store.`,
    { run: id },
  )
}

async function* verified(source: TextSource): AsyncGenerator<ImportPart, void> {
  const reader = new DocumentReader()
  for await (const line of linesOf(source, (what) => reader.refusedNext(what))) {
    const part = reader.take(line)
    if (part) yield part
  }
  reader.end()
}
