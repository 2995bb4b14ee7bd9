/**
 * Appends: the fence and all that an append brings, inside the transaction of its batch.
 *
 * The check comes before anything is written (S3), so a refused append leaves the rest of its batch
 * alone. Whatever is thrown after it undoes the whole batch, see writer.ts.
 */
import { assert } from '../../base/errors.ts'
import type { Charge } from '../../ledger/index.ts'
import { checkAppend } from '../check.ts'
import { wakeOnRelease } from '../projection.ts'
import type { Append, AppendResult, MessageKind, RunRow } from '../store.ts'
import { chargeOthers, chargesIn, spentIn, spentWith } from './accounts.ts'
import type { Transact } from './command.ts'
import { createRun, keepArtifacts } from './create.ts'
import { deliver } from './deliver.ts'
import type { Connection } from './driver.ts'
import type { KnownRuns } from './known-runs.ts'
import { type Subject, writeEntry } from './project.ts'
import { toStored } from './stored-text.ts'
import { inTransaction } from './transaction.ts'
import { trailOf } from './trail.ts'
import * as sql from './write-statements.ts'

/** A writer: its connection, and what it remembers of its runs. */
export interface Pen {
  readonly db: Connection
  readonly known: KnownRuns
}

export function append(pen: Pen, given: Append, now: number): AppendResult {
  checkAppend(given)
  const { db, known } = pen
  const { entries, taken = [], artifacts, release } = given
  const charges = chargesIn(entries)
  const run = enter(pen, given, charges)
  if (!run) return refusal(db, given)

  for (const entry of entries) writeEntry(db, run, entry)
  chargeOthers(db, run.id, charges)
  if (taken.length > 0) take(db, run, { taken, entries })
  keepArtifacts(db, artifacts)
  for (const child of given.create ?? []) createRun(db, child)
  for (const message of given.deliver ?? []) {
    const result = deliver(db, message, now)
    if (message.run === run.id && result.is === 'delivered') run.newest = result.number
  }
  if (release) {
    const unseen = run.newest > release.seen ? unseenKinds(db, run.key, release.seen) : []
    db.run(sql.releaseRun, wakeOnRelease(release, run.status, unseen, now) ?? null, run.key)
    known.forget(run.id)
  } else {
    known.keep(run, entries.at(-1)?.hash ?? given.after.hash)
  }
  return { is: 'committed', newest: run.newest }
}

/** The same with entries that the caller's code makes, beside rows of its own. */
export function transact(pen: Pen, { place, write }: Transact, now: number): AppendResult {
  const check = { ...place, entries: [] }
  if (!enter(pen, check, [])) return refusal(pen.db, check)
  return append(pen, { ...place, ...inTransaction(pen.db, write) }, now)
}

type Entered = readonly [
  key: number,
  newest: number,
  asking: number,
  status: RunRow['status'],
  shown: number,
  spent: string,
  scope: string,
]

type RunHead = readonly [
  session: string | null,
  epoch: number,
  seq: number,
  hash: string,
  newest: number,
]

/** Moves the head, if the append may; with it what the run has spent. */
function enter({ db, known }: Pen, given: Append, charges: readonly Charge[]): Subject | undefined {
  const { after, entries, unlessNewerThan = Number.MAX_SAFE_INTEGER } = given
  const last = entries.at(-1)
  const held = [toStored(given.session), given.epoch, after.seq, after.hash] as const
  const run = last && known.at(given.run, after.hash)
  if (run && run.newest <= unlessNewerThan) {
    const spent = spentWith(run, charges)
    const to = [last.seq, last.hash, last.time, spent.text] as const
    const moved = db.run(sql.moveKnownHead, ...to, run.key, ...held, run.newest, run.shown)
    if (moved === 1) {
      run.spent = spent
      return run
    }
  }
  const row = db.get<Entered>(sql.checkRun, given.run, ...held, unlessNewerThan)
  if (!row) return undefined
  const [key, newest, asking, status, shown, text, scope] = row
  const spent = spentWith({ id: given.run, spent: spentIn(text) }, charges)
  // Two statements: one with RETURNING builds a table for its one row, and takes longer.
  if (last) db.run(sql.moveHead, last.seq, last.hash, last.time, spent.text, key)
  const trail = trailOf(db, key, scope)
  return { id: given.run, key, newest, asking, status, shown, spent, trail }
}

function refusal(db: Connection, given: Append): AppendResult {
  const row = db.get<RunHead>(sql.runHead, given.run)
  if (!row) return { is: 'fenced' }
  const [session, epoch, seq, hash, newest] = row
  if (session !== toStored(given.session) || epoch !== given.epoch) return { is: 'fenced' }
  if (seq !== given.after.seq || hash !== given.after.hash) return { is: 'displaced', seq, hash }
  return { is: 'news', newest }
}

/** Without entries nothing was made of the messages: taking one again changes nothing. */
function take(
  db: Connection,
  run: Subject,
  { taken = [], entries }: Pick<Append, 'taken' | 'entries'>,
): void {
  let count = 0
  for (const number of taken) {
    const gone = db.run(sql.takeMessage, number, run.key)
    const isSound = gone === 1 || entries.length === 0
    assert(isSound, `Message ${number} was taken twice.`, { run: run.id })
    count += gone
  }
  db.run(sql.noteTaken, count, run.key)
}

function unseenKinds(db: Connection, key: number, seen: number): MessageKind[] {
  return db.all<readonly [MessageKind]>(sql.unseenMessages, key, seen).map(([kind]) => kind)
}
