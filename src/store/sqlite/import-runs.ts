/** Imports (S11), inside the transaction of their batch. */
import { assert } from '../../base/errors.ts'
import type { Entry } from '../../ledger/index.ts'
import type { ImportedRun, ImportResult, RunRow } from '../store.ts'
import { createRun, keepArtifacts, readRun } from './create.ts'
import type { Connection } from './driver.ts'
import { type Subject, writeEntry } from './project.ts'
import { type Spooled, spooledParts } from './spool.ts'
import * as sql from './write-statements.ts'

/** Looks at all runs before it writes one: a refusal leaves the rest of its batch alone (Q2). */
export function importRuns(db: Connection, spooled: Spooled): ImportResult {
  const created = new Set<string>()
  for (const { run: id, seq, hash } of spooled.heads) {
    const run = db.get<readonly [key: number]>(sql.runKeyOf, id)
    if (!run) created.add(id)
    else if (db.get<readonly [string]>(sql.entryHash, run[0], seq)?.[0] !== hash) {
      return { is: 'exists', run: readRun(db, id) }
    }
  }
  write(db, spooled, created)
  const runs = spooled.heads.map(({ run: id }) => ({ id, created: created.has(id) }))
  return { is: 'imported', runs }
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
    else if (run) writeEntry(db, run, part.entry)
  }
  for (const { run: id, seq, hash, epoch, time } of spooled.heads) {
    if (created.has(id)) db.run(sql.endImport, seq, hash, time, epoch, id)
  }
}

function begin(db: Connection, about: ImportedRun, genesis: Entry): Subject {
  const isNew = createRun(db, { ...about, genesis, wake: genesis.time })
  const row = db.get<readonly [key: number]>(sql.runKeyOf, genesis.run)
  assert(isNew && row, 'A run that was not here could not be created.', { run: genesis.run })
  const status: RunRow['status'] = 'active'
  return { id: genesis.run, key: row[0], newest: 0, asking: 0, shown: 0, status, scope: '' }
}
