/**
 * Commits the appends of a lone caller here, on the main thread: going to the writer thread and
 * back takes as long as the commit itself (docs/decisions/0001-writer-thread.md).
 *
 * It does the one thing that is worth it and nothing else: a small append of the run that the last
 * append was for, while the disk is quick. Everything else, and everything that goes wrong before
 * the commit, is left to the thread, which does it again and knows what to say. So the event loop
 * never waits for a lock, for a checkpoint, or for a slow disk more than a few times.
 */
import { EverloopError } from '../../base/errors.ts'
import type { Clock } from '../../base/ports.ts'
import type { Append } from '../store.ts'
import { append } from './append.ts'
import type { Batch, BatchResult } from './command.ts'
import { type Connection, troubleOf } from './driver.ts'
import { type LedgerFile, openBeside } from './open.ts'
import { unclear } from './trouble.ts'
import { failureOf } from './writer.ts'

/** Longer payloads take noticeable time to write and to hash into pages. */
const unitsMax = 64 * 1024

/** Each nth append goes to the thread, whose commits keep the log short: about 1,000 pages. */
const inARowMax = 200

/** Commits that take longer than this on average stay away from the event loop … */
const slowMs = 2
/** … for so long; twice as long each time it is still slow when it is tried again. */
const pauseMsMin = 1000
const pauseMsMax = 60_000

export class LoneWriter {
  readonly #db: Connection
  readonly #location: string
  readonly #clock: Clock
  #lastRun: string | undefined
  #inARow = 0
  /** Moving average. Whole milliseconds in, but their mean is right all the same. */
  #commitMs = 0
  #pausedUntil = -Infinity
  #pauseMs = pauseMsMin

  /** The thread must have the file open already. */
  constructor(file: LedgerFile, clock: Clock) {
    this.#db = openBeside(file)
    this.#location = file.location
    this.#clock = clock
  }

  /** The result, or undefined when the thread has to do it. */
  execute(batch: Batch): BatchResult | undefined {
    const given = this.#lone(batch)
    if (!given) return undefined
    const start = this.#clock.now()
    const result = this.#commit(given, batch.now)
    this.#pace(start)
    return result
  }

  close(): void {
    this.#db.close()
  }

  /** The append in this batch, if there is nothing else and it may be written here. */
  #lone({ commands, now }: Batch): Append | undefined {
    const appends = commands.filter((command) => command.is === 'append')
    const [first] = appends
    if (!first) return undefined
    const { run } = first.with
    const isAgain = run === this.#lastRun && appends.length === 1
    this.#lastRun = appends.every((other) => other.with.run === run) ? run : undefined
    this.#inARow = isAgain ? this.#inARow + 1 : 0
    if (!isAgain || commands.length > 1 || this.#inARow % inARowMax === 0) return undefined
    return now >= this.#pausedUntil && isSmall(first.with) ? first.with : undefined
  }

  #commit(given: Append, now: number): BatchResult | undefined {
    let isCommitting = false
    try {
      this.#db.run('BEGIN IMMEDIATE')
      const reply = append(this.#db, given, now)
      isCommitting = true
      this.#db.run('COMMIT')
      return { outcomes: [{ is: 'done', reply }], broken: undefined }
    } catch (error) {
      if (this.#db.inTransaction) this.#db.run('ROLLBACK')
      const trouble = troubleOf(error)
      if (!isCommitting || trouble === 'busy' || trouble === 'full') return undefined
      const failure = failureOf(unclear(this.#location, error))
      return {
        outcomes: [{ is: 'failed', failure }],
        broken: failureOf(
          new EverloopError('STORE_FAILED', `The store ${this.#location} failed and was closed.`),
        ),
      }
    }
  }

  #pace(start: number): void {
    const now = this.#clock.now()
    // Capped, so that one hiccup of the disk is not taken for a slow disk.
    this.#commitMs += (Math.min(now - start, 4 * slowMs) - this.#commitMs) / 32
    if (this.#commitMs < slowMs) {
      if (this.#commitMs < slowMs / 4) this.#pauseMs = pauseMsMin
      return
    }
    this.#pausedUntil = now + this.#pauseMs
    this.#pauseMs = Math.min(this.#pauseMs * 2, pauseMsMax)
    this.#commitMs = slowMs / 2
  }
}

function isSmall({ entries, create, deliver, artifacts }: Append): boolean {
  if (create || deliver || artifacts) return false
  return entries.reduce((units, { payload }) => units + (payload?.length ?? 0), 0) <= unitsMax
}
