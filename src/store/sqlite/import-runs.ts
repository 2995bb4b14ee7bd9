/** Imports (S11), inside the transaction of their batch. */
import { assert } from '../../base/errors.ts'
import type { Entry } from '../../ledger/index.ts'
import { createdBy, decideImport } from '../decide-import.ts'
import type { ImportedRun, ImportResult, RunRow } from '../store.ts'
import { chargeOthers, chargesIn, spentIn, spentWith } from './accounts.ts'
import { createRun, findRun, keepArtifacts } from './create.ts'
import type { Connection } from './driver.ts'
import { type Subject, writeEntry } from './project.ts'
import { type Spooled, spooledParts } from './spool.ts'
import * as sql from './write-statements.ts'

/** Decides before it writes: a refusal leaves the rest of its batch alone (Q2). */
export function importRuns(db: Connection, spooled: Spooled): ImportResult {
  const result = decideImport(spooled.heads, {
    run: (id) => findRun(db, id),
    hash: (id, seq) => db.get<readonly [string]>(sql.entryHash, id, seq)?.[0],
  })
  if (result.is === 'imported') write(db, spooled, createdBy(result))
  return result
}

/** Writes what belongs to these runs, and all artifacts. */
function write(db: Connection, spooled: Spooled, created: ReadonlySet<string>): void {
  let about: ImportedRun | undefined
  let run: Subject | undefined
  for (const part of spooledParts(spooled)) {
    if (part.is === 'artifact') keepArtifacts(db, [part.artifact])
    else if (part.is === 'run') {
      about = created.has(part.id) ? part : undefined
      run = undefined
    } else if (about && !run) run = begin(db, about, part.entry)
    else if (run) continueWith(db, run, part.entry)
  }
  for (const { last } of spooled.heads) {
    const { run: id, seq, hash, epoch, time } = last
    if (created.has(id)) db.run(sql.endImport, seq, hash, time, epoch, id)
  }
}

function continueWith(db: Connection, run: Subject, entry: Entry): void {
  writeEntry(db, run, entry)
  const charges = chargesIn([entry])
  if (charges.length === 0) return
  run.spent = spentWith(run, charges)
  db.run(sql.setSpent, run.spent.text, run.key)
  chargeOthers(db, run.id, charges)
}

function begin(db: Connection, about: ImportedRun, genesis: Entry): Subject {
  const isNew = createRun(db, { ...about, genesis, wake: genesis.time })
  const row = db.get<readonly [key: number]>(sql.runKeyOf, genesis.run)
  assert(isNew && row, 'A run that was not here could not be created.', { run: genesis.run })
  const status: RunRow['status'] = 'active'
  const trail = { scope: genesis.scope, opened: undefined, rows: [] }
  const none = { newest: 0, asking: 0, shown: 0, spent: spentIn('{}') }
  return { id: genesis.run, key: row[0], ...none, status, trail }
}
