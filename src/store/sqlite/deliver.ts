/** Messages into inboxes, inside the transaction of their batch. */
import { assert } from '../../base/errors.ts'
import { type EntryKind, mayAsk } from '../../ledger/index.ts'
import { questionSeq } from '../projection.ts'
import { type DeliverResult, type NewMessage, reception, type RunRow } from '../store.ts'
import type { Connection } from './driver.ts'
import { toStored } from './stored-text.ts'
import * as sql from './write-statements.ts'

type Receiver = readonly [key: number, status: RunRow['status'], isFree: 0 | 1, newest: number]

/** The message and the wake-up of its run (S4), unless the run does not take it. */
export function deliver(db: Connection, message: NewMessage, now: number): DeliverResult {
  const { kind, name, payload } = message
  const run = db.get<Receiver>(sql.receiver, message.run)
  if (!run) return { is: 'unknown-run' }
  const [key, status, isFree, newest] = run
  const id = message.id === undefined ? null : toStored(message.id)
  if (id !== null && db.get(sql.receipt, key, id)) return { is: 'duplicate' }
  const isRetried = status === 'failed' && db.get(sql.untakenRetry, key) !== undefined
  const welcome = reception(kind, status, isRetried)
  if (welcome === 'refuse') return { is: 'refused', status }
  if (newest > (message.unlessNewerThan ?? Infinity)) return { is: 'news', newest }
  if (kind === 'answer') {
    const refused = answer(db, key, message)
    if (refused) return refused
  }
  if (id !== null) db.run(sql.insertReceipt, key, id)
  const number = db.insert(sql.insertMessage, key, kind, toStored(name), id, now, payload)
  assert(number !== undefined, 'A message was not written.', { run: message.run })
  if (welcome === 'wake' && isFree === 1) db.run(sql.noteWaking, number, now, key)
  else db.run(sql.noteMessage, number, key)
  return { is: 'delivered', number }
}

/** Marks the question as answered unless more may come, or says why it takes no answer. */
function answer(
  db: Connection,
  key: number,
  { run, name, keepsOpen = false }: NewMessage,
): DeliverResult | undefined {
  const seq = questionSeq(run, name)
  if (seq === undefined) return { is: 'unknown-question' }
  if (db.run(sql.answerQuestion, keepsOpen ? 0 : 1, name) === 1) return undefined
  const wasAsked = mayAsk(db.get<readonly [EntryKind]>(sql.entryKind, key, seq)?.[0])
  return { is: wasAsked ? 'question-closed' : 'unknown-question' }
}
