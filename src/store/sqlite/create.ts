/** New runs and artifacts, inside the transaction of their batch. */
import { assert } from '../../base/errors.ts'
import { checkNewRun } from '../check.ts'
import type { NewArtifact, NewRun, RunRow } from '../store.ts'
import type { Connection } from './driver.ts'
import { insertEntry } from './project.ts'
import { runRow, type RunTuple } from './rows.ts'
import { toStored } from './stored-text.ts'
import * as sql from './write-statements.ts'

/** Writes the run and its genesis, unless the id is taken. */
export function createRun(db: Connection, run: NewRun): boolean {
  checkNewRun(run)
  const { genesis, flow, version, queue, labels, parent, wake } = run
  const { time, hash } = genesis
  const key = db.insert(
    sql.insertRun,
    genesis.run,
    toStored(flow),
    toStored(version),
    toStored(queue),
    JSON.stringify(labels),
    parent ?? null,
    time,
    time,
    hash,
    wake,
  )
  if (key === undefined) return false
  insertEntry(db, key, genesis)
  for (const [name, value] of Object.entries(labels)) {
    db.run(sql.insertLabel, toStored(name), toStored(value), key)
  }
  db.run(sql.addQueue, toStored(queue))
  keepArtifacts(db, run.artifacts)
  return true
}

/** The run as a reply shows it. It is there: runs are never deleted. */
export function readRun(db: Connection, id: string): RunRow {
  const row = findRun(db, id)
  assert(row, 'A run vanished that was just there.', { run: id })
  return row
}

export function findRun(db: Connection, id: string): RunRow | undefined {
  const row = db.get<RunTuple>(sql.runById, id)
  return row && runRow(row)
}

/** Keeps each content once. */
export function keepArtifacts(db: Connection, artifacts: readonly NewArtifact[] = []): void {
  for (const { hash, bytes } of artifacts) db.run(sql.insertArtifact, hash, bytes)
}
