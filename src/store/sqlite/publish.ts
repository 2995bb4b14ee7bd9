/** Chunks (S10): shown under the fence, inside the transaction of their batch. */
import type { Publication } from '../store.ts'
import type { Connection } from './driver.ts'
import { toStored } from './stored-text.ts'
import * as sql from './write-statements.ts'

/** False when the publisher does not hold the run. */
export function publish(db: Connection, { run: id, session, epoch, chunks }: Publication): boolean {
  const row = db.get<readonly [key: number, seq: number]>(sql.heldRun, id, toStored(session), epoch)
  if (!row) return false
  const [run, seq] = row
  let shown = 0
  const show = (path: string, attempt: number, part: number, text: string): void => {
    shown += db.run(sql.insertChunk, run, path, epoch, attempt, part, seq, text)
  }
  for (const { path, attempt, part, text } of chunks) {
    const gone = part === 1 ? db.run(sql.dropOtherAttempts, run, path, epoch, attempt) : 0
    shown -= gone
    if (gone > 0) show(path, attempt, 0, '')
    show(path, attempt, part, toStored(text))
  }
  if (shown !== 0) db.run(sql.noteShown, shown, run)
  return true
}
