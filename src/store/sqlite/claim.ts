/**
 * Sessions and claims (S6): who may hold which run. What only looks, `lostSessions` and `idleClaim`,
 * needs no transaction; all else runs inside that of its batch.
 */
import { assert } from '../../base/errors.ts'
import {
  type ClaimRequest,
  type ClaimResult,
  isSuspect,
  type RunRow,
  type SessionOptions,
} from '../store.ts'
import type { Commands, LostSession } from './command.ts'
import type { Connection } from './driver.ts'
import { type Liveness, lookAgainMs } from './liveness.ts'
import { runRow, type RunTuple } from './rows.ts'
import { fromStored, toStored } from './stored-text.ts'
import * as sql from './write-statements.ts'

export function limitQueue(db: Connection, name: string, concurrency: number | null): void {
  db.run(sql.limitQueue, toStored(name), concurrency)
}

type Holder = readonly [token: string, expires: number, lease: number, holds: 0 | 1]

export function openSession(db: Connection, session: SessionOptions, now: number): void {
  const { token, name, leaseMs } = session
  const made = db.run(sql.insertSession, toStored(token), toStored(name), leaseMs, now)
  assert(made === 1, 'A session token was used twice.')
}

export function closeSession(db: Connection, token: string, now: number): void {
  db.run(sql.deleteSession, toStored(token))
  db.run(sql.freeRuns, now, toStored(token))
}

export const sessionTokens = (db: Connection): string[] =>
  db.all<Holder>(sql.allSessions).map(([token]) => fromStored(token))

/** Sessions that have ended without closing. Asks the system about each other process's lock. */
export function lostSessions(
  db: Connection,
  liveness: Liveness,
  now: number,
): readonly LostSession[] {
  const lost: LostSession[] = []
  const known = new Set<string>()
  for (const [stored, expires, ms, holds] of db.all<Holder>(sql.allSessions)) {
    const token = fromStored(stored)
    known.add(token)
    const isOver = liveness.isOver(token, { expires, ms }, now)
    if (holds === 1 && liveness.isDead(token)) lost.push({ token, by: 'crash' })
    else if (isOver) lost.push({ token, by: 'lease', expires })
  }
  liveness.keepOnly(known)
  return lost
}

/** What a claim replies that finds nothing to do; undefined when there is something to do. */
export function idleClaim(
  db: Connection,
  request: ClaimRequest,
  now: number,
): ClaimResult | undefined {
  if (!isOpen(db, request.session)) return nothing
  if (request.run !== undefined) return undefined
  const lanes = openLanes(db, request, suspectsOf(request))
  if (request.limit > 0 && lanes.some(({ wake }) => wake <= now)) return undefined
  return { runs: [], nextDue: nextDue(db, request, lanes, now) }
}

/** Frees what the lost sessions hold, then hands out what is due. `freed`: whose rows are gone. */
export function claim(
  db: Connection,
  { request, lost }: Commands['claim']['with'],
  now: number,
): Commands['claim']['reply'] {
  const freed = lost.filter((session) => free(db, session, now)).map(({ token }) => token)
  return { ...handOut(db, request, now), freed }
}

function handOut(db: Connection, request: ClaimRequest, now: number): ClaimResult {
  if (!isOpen(db, request.session)) return nothing
  if (request.run !== undefined) {
    const key = db.get<readonly [number]>(sql.freeRun, toStored(request.run))?.[0]
    const found = key === undefined ? [] : [hold(db, key, request.session)]
    return { runs: found, nextDue: undefined }
  }
  const runs = choose(db, request, now).map((key) => hold(db, key, request.session))
  const left = suspectsOf(request) - runs.filter(isSuspect).length
  return { runs, nextDue: nextDue(db, request, openLanes(db, request, left), now) }
}

/** What a session is told that is not there any more. */
const nothing: ClaimResult = { runs: [], nextDue: undefined }

const isOpen = (db: Connection, session: string): boolean =>
  db.get(sql.sessionExpiry, toStored(session)) !== undefined

/** How many suspects may be handed out. */
const suspectsOf = ({ suspects = Infinity }: ClaimRequest): number => suspects

function free(db: Connection, lost: LostSession, now: number): boolean {
  const { token, by } = lost
  const expires = db.get<readonly [number]>(sql.sessionExpiry, toStored(token))?.[0]
  // Another process may have freed its runs since, or the session may have been renewed.
  if (expires === undefined || (by === 'lease' && expires !== lost.expires)) return false
  db.run(by === 'crash' ? sql.freeCrashed : sql.freeOvertaken, now, toStored(token))
  db.run(sql.deleteSession, toStored(token))
  return true
}

function hold(db: Connection, key: number, session: string): RunRow {
  db.run(sql.takeRun, toStored(session), key)
  const row = db.get<RunTuple>(sql.runByKey, key)
  assert(row, 'A due run vanished while it was claimed.')
  return runRow(row)
}

/** Runs of one flow, version and queue that wait for a time; `wake` is the earliest. */
interface Lane {
  readonly flow: string
  readonly version: string
  readonly queue: string
  readonly wake: number
  /** How many more runs of the queue may be held. */
  readonly room: number
}

/**
 * The lanes that this worker may take from, full queues left out. Reads one row for each, and steps
 * over suspects when it may take none.
 */
function openLanes(db: Connection, { flows }: ClaimRequest, suspects: number): Lane[] {
  const [first, next] =
    suspects > 0 ? [sql.firstLane, sql.nextLane] : [sql.firstSoundLane, sql.nextSoundLane]
  const lanes: Lane[] = []
  const rooms = new Map<string, number>()
  const seen = new Set<string>()
  for (const { name, version } of flows) {
    const lane = [toStored(name), toStored(version)] as const
    const both = JSON.stringify(lane)
    if (seen.has(both)) continue
    seen.add(both)
    let row = db.get<readonly [queue: string, wake: number]>(first, ...lane)
    while (row) {
      const [queue, wake] = row
      const room = rooms.get(queue) ?? roomOf(db, queue)
      rooms.set(queue, room)
      if (room > 0) lanes.push({ flow: lane[0], version: lane[1], queue, wake, room })
      row = db.get(next, ...lane, queue)
    }
  }
  return lanes
}

function roomOf(db: Connection, queue: string): number {
  const limit = db.get<readonly [number | null]>(sql.queueLimit, queue)?.[0] ?? null
  return limit === null ? Infinity : limit - db.value<number>(sql.heldInQueue, queue)
}

/** Keys of the runs to hand out: the longest due first, no queue beyond its limit. */
function choose(db: Connection, request: ClaimRequest, now: number): number[] {
  let suspects = suspectsOf(request)
  const lanes = openLanes(db, request, suspects).filter(({ wake }) => wake <= now)
  const due = lanes.flatMap((lane) => dueIn(db, lane, now, request))
  const rooms = new Map(lanes.map(({ queue, room }) => [queue, room]))
  const chosen: number[] = []
  for (const run of due.toSorted((a, b) => a.wake - b.wake || a.key - b.key)) {
    const { key, queue, suspected } = run
    if (chosen.length === request.limit) break
    const room = rooms.get(queue) ?? 0
    if (room === 0 || (suspected && suspects <= 0)) continue
    if (suspected) suspects -= 1
    rooms.set(queue, room - 1)
    chosen.push(key)
  }
  return chosen
}

interface Due {
  readonly key: number
  readonly wake: number
  readonly queue: string
  /** It is a suspect. */
  readonly suspected: boolean
}

/** What is due in a lane: as much as the claim asks for, whatever suspects stand in between. */
function dueIn(
  db: Connection,
  { flow, version, queue }: Lane,
  now: number,
  request: ClaimRequest,
): readonly Due[] {
  const read = (statement: string): Due[] =>
    db
      .all<readonly [key: number, wake: number, lost: 0 | 1]>(
        statement,
        flow,
        version,
        queue,
        now,
        request.limit,
      )
      .map(([key, wake, suspected]) => ({ key, wake, queue, suspected: suspected === 1 }))
  if (suspectsOf(request) <= 0) return read(sql.soundDueRuns)
  const due = read(sql.dueRuns)
  const suspects = due.filter(({ suspected }) => suspected)
  if (suspects.length <= suspectsOf(request)) return due
  return [...suspects, ...read(sql.soundDueRuns)]
}

/** The earliest time at which a claim could find more, if nothing is written until then. */
function nextDue(
  db: Connection,
  { session }: ClaimRequest,
  lanes: readonly Lane[],
  now: number,
): number | undefined {
  const times = lanes.map(({ wake }) => wake)
  for (const [token, expires, lease, holds] of db.all<Holder>(sql.allSessions)) {
    if (holds === 0 || token === toStored(session)) continue
    // One that lives although its lease has run out is looked at again.
    times.push(expires > now ? expires : now + lookAgainMs(lease))
  }
  return times.length === 0 ? undefined : times.reduce((a, b) => Math.min(a, b))
}
