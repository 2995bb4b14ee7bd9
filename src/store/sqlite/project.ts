/**
 * Entries and the rows made of them (S7): status, title and version, open questions, chunks that are over, and
 * by trail.ts open scopes and stretches. Runs inside the transaction of its batch.
 */
import { type Entry, isEnd, isQuestion, operationPath, questionId } from '../../ledger/index.ts'
import { rowEffect, statusColumns } from '../projection.ts'
import type { RunRow } from '../store.ts'
import type { Spent } from './accounts.ts'
import type { Connection } from './driver.ts'
import { toStored } from './stored-text.ts'
import { closeRows, follow, putRow, reopen, type Trail } from './trail.ts'
import * as sql from './write-statements.ts'

/** The run as the append finds it, and as it changes it. */
export interface Subject {
  readonly id: string
  readonly key: number
  newest: number
  asking: number
  shown: number
  status: RunRow['status']
  spent: Spent
  trail: Trail
}

/** Writes an entry and does to the projections what it says (S7), in the order of `fold`, but for its charge. */
export function writeEntry(db: Connection, run: Subject, entry: Entry): void {
  const effect = rowEffect(entry)
  insertEntry(db, run.key, entry)
  follow(db, run, entry, effect)
  if (run.shown > 0 && effect.settle !== undefined) hide(db, run, sql.dropChunks, effect.settle)
  if (run.asking > 0) settle(db, run, effect.settle)
  if (effect.wait) {
    const path = operationPath(entry.scope, entry.key)
    if (run.asking > 0) settle(db, run, path)
    if (isQuestion(effect.wait)) ask(db, run, entry, path)
  }
  if (effect.reask !== undefined) db.run(sql.askAgain, run.key, effect.reask)
  if (effect.close !== undefined) {
    closeRows(db, run, effect.close)
    if (run.shown > 0) hide(db, run, sql.dropChunksWithin, effect.close)
    if (run.asking > 0) {
      setAsking(db, run, run.asking - db.run(sql.closeQuestions, run.key, effect.close))
    }
  }
  if (effect.move) putRow(db, run, effect.move)
  if (effect.reopen && effect.reopen.length > 0) reopen(db, run, effect.reopen)
  if (effect.title !== undefined) db.run(sql.setTitle, toStored(effect.title), run.key)
  if (effect.version !== undefined) db.run(sql.setVersion, toStored(effect.version), run.key)
  if (effect.status) {
    const { status, code } = statusColumns(effect.status)
    run.status = status
    db.run(sql.setStatus, status, code === undefined ? null : toStored(code), run.key)
  }
  const isOver = isEnd(run.status) || effect.undoing !== undefined
  if (isOver && run.shown > 0) hide(db, run, sql.dropAllChunks)
  if (isOver && run.asking > 0) {
    db.run(sql.settleAllQuestions, run.key)
    setAsking(db, run, 0)
  }
}

/** What was shown of an operation is gone when the ledger has it (S10). */
function hide(db: Connection, run: Subject, statement: string, ...path: string[]): void {
  const gone = db.run(statement, run.key, ...path)
  if (gone === 0) return
  run.shown -= gone
  db.run(sql.noteShown, -gone, run.key)
}

export function insertEntry(db: Connection, run: number, entry: Entry): void {
  const { seq, epoch, time, scope, kind, key, salt, digest, hash, payload } = entry
  db.run(sql.insertEntry, run, seq, epoch, time, scope, kind, key, salt, digest, hash, payload)
}

function ask(db: Connection, run: Subject, { seq, scope }: Entry, path: string): void {
  const position = db.value<number>(sql.entryPosition, run.key, seq)
  db.run(sql.insertQuestion, position, questionId(run.id, seq), run.key, scope, path)
  setAsking(db, run, run.asking + 1)
}

function settle(db: Connection, run: Subject, path: string | undefined): void {
  if (path === undefined) return
  const settled = db.run(sql.settleQuestion, run.key, path)
  if (settled > 0) setAsking(db, run, run.asking - settled)
}

/** The count spares all other appends the look for questions that are hardly ever there. */
function setAsking(db: Connection, run: Subject, asking: number): void {
  if (asking === run.asking) return
  run.asking = asking
  db.run(sql.setAsking, asking, run.key)
}
