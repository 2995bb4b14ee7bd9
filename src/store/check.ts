/**
 * What every store checks of what it is handed, before it writes anything. A violation is a bug of
 * the executor, not of the user, except for a run's id.
 */
import { assert } from '../base/errors.ts'
import { checkRunId } from '../ledger/index.ts'
import type { Append, NewRun } from './store.ts'

/** Throws BAD_NAME for an impossible id, and INTERNAL for a genesis that is none. */
export function checkNewRun({ genesis }: NewRun): void {
  checkRunId(genesis.run)
  assert(genesis.seq === 1, 'A genesis must be entry 1.', { run: genesis.run })
}

/** Throws INTERNAL when the entries do not continue the head they claim to be sealed upon. */
export function checkAppend({ run, after, entries, create = [] }: Append): void {
  entries.forEach((entry, i) => {
    assert(
      entry.run === run && entry.seq === after.seq + 1 + i,
      `Entry ${entry.seq} was handed over where ${after.seq + 1 + i} belongs.`,
      { run },
    )
  })
  for (const child of create) checkNewRun(child)
}
