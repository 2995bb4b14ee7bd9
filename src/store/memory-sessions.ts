/**
 * Sessions, queues and claims of the memory store: who may hold which run (S6).
 *
 * Works on the runs that the store hands it, and changes nothing of a run but its holder, epoch,
 * wake and loss counters.
 */
import type { Clock } from '../base/ports.ts'
import { assert } from '../base/errors.ts'
import type { MemoryRun } from './memory-run.ts'
import {
  type ClaimRequest,
  type ClaimResult,
  isSuspect,
  type QueueRow,
  type RunRow,
  type SessionOptions,
  type SessionRow,
} from './store.ts'

interface Session extends SessionOptions {
  readonly since: number
  expires: number
}

export class MemorySessions {
  readonly #clock: Clock
  readonly #runs: ReadonlyMap<string, MemoryRun>
  readonly #sessions = new Map<string, Session>()
  readonly #limits = new Map<string, number | null>()

  constructor(clock: Clock, runs: ReadonlyMap<string, MemoryRun>) {
    this.#clock = clock
    this.#runs = runs
  }

  open(session: SessionOptions): void {
    assert(!this.#sessions.has(session.token), 'A session token was used twice.')
    const now = this.#clock.now()
    this.#sessions.set(session.token, { ...session, since: now, expires: now + session.leaseMs })
  }

  renew(token: string): boolean {
    const session = this.#sessions.get(token)
    if (!session) return false
    session.expires = this.#clock.now() + session.leaseMs
    return true
  }

  close(token: string): void {
    this.#sessions.delete(token)
    for (const run of this.#held(token)) this.#free(run)
  }

  list(): SessionRow[] {
    return Array.from(this.#sessions.values(), (session) => ({
      ...session,
      holds: this.#held(session.token).length,
    }))
  }

  limit(queue: string, concurrency: number | null): void {
    this.#limits.set(queue, concurrency)
  }

  /** Makes the queue one that is listed. */
  addQueue(name: string): void {
    if (!this.#limits.has(name)) this.#limits.set(name, null)
  }

  queues(): QueueRow[] {
    const now = this.#clock.now()
    const runs = Array.from(this.#runs.values(), (run) => run.row)
    return Array.from(this.#limits, ([name, concurrency]) => ({
      name,
      concurrency,
      held: runs.filter((row) => row.queue === name && row.session !== undefined).length,
      due: runs.filter((row) => row.queue === name && isDue(row, now)).length,
    })).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  claim({
    session: token,
    flows,
    limit,
    suspects = Infinity,
    run: only,
  }: ClaimRequest): ClaimResult {
    this.#expire()
    if (!this.#sessions.has(token)) return { runs: [], nextDue: undefined }
    if (only !== undefined) {
      const run = this.#runs.get(only)
      const isFree = run !== undefined && run.row.session === undefined
      return { runs: isFree ? [this.#hold(run, token)] : [], nextDue: undefined }
    }
    const now = this.#clock.now()
    const room = this.#room()
    const waiting = Array.from(this.#runs.values()).filter(
      ({ row }) =>
        row.session === undefined &&
        row.wake !== undefined &&
        flows.some(({ name, version }) => name === row.flow && version === row.version),
    )
    const runs: RunRow[] = []
    let suspectsLeft = suspects
    for (const run of waiting.toSorted((a, b) => (a.row.wake ?? 0) - (b.row.wake ?? 0))) {
      const left = room.get(run.row.queue) ?? Infinity
      if (runs.length >= limit || !isDue(run.row, now)) break
      if (left <= 0 || (isSuspect(run.row) && suspectsLeft <= 0)) continue
      if (isSuspect(run.row)) suspectsLeft -= 1
      room.set(run.row.queue, left - 1)
      runs.push(this.#hold(run, token))
    }
    const next = [
      ...waiting
        .filter(({ row }) => row.session === undefined && (room.get(row.queue) ?? Infinity) > 0)
        .filter(({ row }) => !isSuspect(row) || suspectsLeft > 0)
        .map(({ row }) => row.wake ?? 0),
      ...Array.from(this.#sessions.values())
        .filter((other) => other.token !== token && this.#held(other.token).length > 0)
        .map((other) => other.expires),
    ]
    return {
      runs,
      nextDue: next.length === 0 ? undefined : next.reduce((a, b) => Math.min(a, b)),
    }
  }

  #hold(run: MemoryRun, token: string): RunRow {
    run.row.session = token
    run.row.epoch += 1
    return run.snapshot()
  }

  /** Frees the runs of sessions whose lease has ended, and forgets these sessions. */
  #expire(): void {
    const now = this.#clock.now()
    for (const { token, expires } of this.#sessions.values()) {
      if (expires > now) continue
      this.#sessions.delete(token)
      for (const run of this.#held(token)) {
        this.#free(run)
        run.row.overtakes += 1
        run.row.barren += 1
      }
    }
  }

  #free(run: MemoryRun): void {
    run.row.session = undefined
    run.row.wake = this.#clock.now()
  }

  #held(token: string): MemoryRun[] {
    return Array.from(this.#runs.values()).filter(({ row }) => row.session === token)
  }

  /** How many more runs each limited queue may have held. */
  #room(): Map<string, number> {
    const room = new Map<string, number>()
    for (const [name, concurrency] of this.#limits) {
      if (concurrency !== null) room.set(name, concurrency)
    }
    for (const { row } of this.#runs.values()) {
      const left = room.get(row.queue)
      if (left !== undefined && row.session !== undefined) room.set(row.queue, left - 1)
    }
    return room
  }
}

function isDue(row: MemoryRun['row'], now: number): boolean {
  return row.session === undefined && row.wake !== undefined && row.wake <= now
}
