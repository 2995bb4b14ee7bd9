/** Rows of the tables as what the store hands out, and the column lists that they are read by. */
import { parseJson } from '../../base/parse-json.ts'
import type { EntryKind, LinkedEntry } from '../../ledger/index.ts'
import type { Chunk, Message, MessageKind, RunRow, SessionRow } from '../store.ts'
import { fromStored } from './stored-text.ts'

/** Columns of a run, for `runRow`. */
export const runColumns =
  'runs.id, flow, version, queue, labels, parent, status, code, created, updated, seq, hash, epoch, session, wake, crashes, overtakes, barren, newest, title'

export type RunTuple = readonly [
  id: string,
  flow: string,
  version: string,
  queue: string,
  labels: string,
  parent: string | null,
  status: RunRow['status'],
  code: string | null,
  created: number,
  updated: number,
  seq: number,
  hash: string,
  epoch: number,
  session: string | null,
  wake: number | null,
  crashes: number,
  overtakes: number,
  barren: number,
  newest: number,
  title: string | null,
]

export function runRow(row: RunTuple): RunRow {
  const [id, flow, version, queue, labels, parent, status, code, created, updated, ...rest] = row
  const [seq, hash, epoch, session, wake, crashes, overtakes, barren, newest, title] = rest
  return {
    id,
    flow: fromStored(flow),
    version: fromStored(version),
    queue: fromStored(queue),
    labels: parseJson(labels) as RunRow['labels'],
    parent: parent ?? undefined,
    status,
    code: code === null ? undefined : fromStored(code),
    title: title === null ? undefined : fromStored(title),
    created,
    updated,
    seq,
    hash,
    epoch,
    session: session === null ? undefined : fromStored(session),
    wake: wake ?? undefined,
    crashes,
    overtakes,
    barren,
    newest,
  }
}

/** Columns of an entry, for `linkedEntry`. */
export const entryColumns =
  'entries.seq, entries.epoch, entries.time, entries.scope, entries.kind, entries.key, entries.salt, entries.digest, entries.hash, entries.payload'

/**
 * How many values the two forms of a statement with a list take; a shorter list repeats its last one.
 * Most lists have one to three, and each mark costs something.
 */
export const listLengths = { few: 4, many: 64 } as const

export type EntryTuple = readonly [
  seq: number,
  epoch: number,
  time: number,
  scope: string,
  kind: EntryKind,
  key: string,
  salt: string | null,
  digest: string,
  hash: string,
  payload: string | null,
]

/** Columns behind those of an entry are left out. */
export function linkedEntry(
  run: string,
  row: readonly [...EntryTuple, ...unknown[]],
  previous: string | null,
): LinkedEntry {
  // By number: a pattern in brackets goes through an iterator, which took an eighth of a resume's reading.
  const { 0: seq, 1: epoch, 2: time, 3: scope, 4: kind } = row
  const { 5: key, 6: salt, 7: digest, 8: hash, 9: payload } = row
  return { run, seq, epoch, time, scope, kind, key, salt, digest, payload, hash, previous }
}

export type ChunkTuple = readonly [
  number: number,
  path: string,
  epoch: number,
  attempt: number,
  part: number,
  seq: number,
  text: string,
]

export function chunkRow([number, path, epoch, attempt, part, seq, text]: ChunkTuple): Chunk {
  return { number, path, epoch, attempt, part, seq, text: fromStored(text) }
}

/** Columns of a message, for `messageRow`. */
export const messageColumns = 'number, kind, name, id, time, payload'

export type MessageTuple = readonly [
  number: number,
  kind: MessageKind,
  name: string,
  id: string | null,
  time: number,
  payload: string,
]

export function messageRow(run: string, row: MessageTuple): Message {
  const [number, kind, name, id, time, payload] = row
  const message = { run, kind, name: fromStored(name), payload, number, time }
  return id === null ? message : { ...message, id: fromStored(id) }
}

export type SessionTuple = readonly [
  token: string,
  name: string,
  lease: number,
  since: number,
  expires: number,
  holds: number,
]

export function sessionRow(row: SessionTuple): SessionRow {
  const [token, name, leaseMs, since, expires, holds] = row
  return { token: fromStored(token), name: fromStored(name), leaseMs, since, expires, holds }
}
