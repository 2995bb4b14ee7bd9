/**
 * The two places where a batch may be written: here, on the thread of the event loop, or on a
 * thread of its own (docs/decisions/0001-writer-thread.md).
 *
 * Going to the other thread and back takes as long as a commit, so a lone caller is served here:
 * one small command in a turn of the event loop, while the disk is quick. Until the thread is there
 * (it is started when it is worth it, and takes a while) small batches are written here too. All
 * else, and everything that goes wrong here before the commit, is left to the thread, which does it
 * again and knows what to say. So the event loop never waits for a lock, for a checkpoint, or for
 * a slow disk more than a few times.
 */
import type { Ports } from '../../base/ports.ts'
import { type Batch, type BatchResult, type Command, unitsOf } from './command.ts'
import { awaitingLock, isLogLong, type OpenedFile } from './open.ts'
import type { WriterThread } from './thread.ts'
import type { Writer } from './writer.ts'

/** Longer payloads take noticeable time to write and to hash into pages. */
const unitsMax = 64 * 1024
/** Larger batches are worth waiting for the thread. */
const commandsMax = 64

/** So many batches written here show that more will come. */
const threadAfter = 16
/** With a long log it is started sooner, but not while a process that goes on after a crash reads. */
const threadSoon = 4
/** Appends of two runs that come closer together than this come from two callers. */
const apartMs = 5
/** Each nth batch goes to the thread, whose commits keep the log short. */
const hereInARow = 200

/** Commits that take longer than this on average stay away from the event loop … */
const slowMs = 2
/** … for so long; twice as long each time it is still slow when it is tried again. */
const pauseMsMin = 1000
const pauseMsMax = 60_000

export class Writers {
  readonly #file: OpenedFile
  readonly #here: Writer
  readonly #ports: Ports
  #thread: Promise<WriterThread> | undefined
  /** Batches that the thread has. */
  #there = 0
  #isThreadReady = false
  /** After how many batches written here the thread is started. */
  readonly #threadAfter: number
  #lastRun: string | undefined
  #lastAppend = -Infinity
  #written = 0
  #inARow = 0
  /** Moving average. Whole milliseconds in, but their mean is right all the same. */
  #commitMs = 0
  #pausedUntil = -Infinity
  #pauseMs = pauseMsMin
  /** How long writing here has kept this thread waiting. Code that is called here is none of it. */
  blockedMs = 0

  constructor(file: OpenedFile, here: Writer, ports: Ports) {
    this.#file = file
    this.#here = here
    this.#ports = ports
    this.#threadAfter = isLogLong(file.location) ? threadSoon : threadAfter
  }

  /** A promise when the thread does it, which rejects when nobody knows whether it was written. */
  execute(batch: Batch): BatchResult | Promise<BatchResult> {
    if (batch.commands.some(({ is }) => is === 'transact')) return this.#executeCode(batch)
    const result = this.#isForHere(batch) ? this.#writeHere(batch) : undefined
    return result ?? this.#writeThere(batch)
  }

  /** The thread shortens the log, where there is one. */
  async close(): Promise<void> {
    this.#here.close({ shortensLog: this.#thread === undefined })
    const thread = await this.#thread?.catch(() => undefined)
    await thread?.close()
  }

  #isForHere({ commands, now }: Batch): boolean {
    const isAlone = this.#isFromOne(commands, now)
    if (this.#there > 0) return false // it must not be overtaken
    if (now < this.#pausedUntil || this.#inARow >= hereInARow || !isSmall(commands)) return false
    return this.#isThreadReady ? commands.length === 1 && isAlone : commands.length <= commandsMax
  }

  /** Appends of several runs, one soon after the other, come from several callers, even if each comes alone. */
  #isFromOne(commands: readonly Command[], now: number): boolean {
    let isFromOne = true
    for (const command of commands) {
      if (command.is !== 'append') continue
      const isApart = Math.abs(now - this.#lastAppend) > apartMs // clocks may be set back
      if (command.with.run !== this.#lastRun && !isApart) isFromOne = false
      this.#lastRun = command.with.run
      this.#lastAppend = now
    }
    return isFromOne
  }

  #writeHere(batch: Batch): BatchResult | undefined {
    const start = this.#ports.clock.now()
    const begun = this.#ports.monotonic()
    const result = this.#here.attempt(batch)
    this.blockedMs += this.#ports.monotonic() - begun
    if (!result) return undefined
    this.#pace(start)
    this.#inARow++
    this.#written++
    if (this.#written === this.#threadAfter || batch.commands.length > 1) this.#prepareThread()
    return result
  }

  /** Code cannot go to another thread: it is called here, whatever the disk is like. */
  async #executeCode(batch: Batch): Promise<BatchResult> {
    const result = await awaitingLock(this.#ports, (mayWait) =>
      this.#here.executeCode(batch, mayWait),
    )
    // Nothing but code may come for long, and somebody has to keep the log short.
    if (++this.#inARow >= 2 * hereInARow) await this.#shortenLog(batch.now)
    return result
  }

  /** An empty batch does. What goes wrong says nothing of what was written, and is told to whoever needs the thread. */
  async #shortenLog(now: number): Promise<void> {
    try {
      const thread = await this.#startThread()
      this.#inARow = 0
      await thread.execute({ now, commands: [] })
    } catch {
      // It is asked again after the next transaction.
    }
  }

  async #writeThere(batch: Batch): Promise<BatchResult> {
    this.#there++
    try {
      const thread = await this.#startThread()
      this.#inARow = 0
      return await thread.execute(batch)
    } finally {
      this.#there--
    }
  }

  /** What goes wrong is told to whoever needs the thread. */
  #prepareThread(): void {
    this.#startThread().catch(() => undefined)
  }

  async #startThread(): Promise<WriterThread> {
    this.#thread ??= startThread(this.#file)
    const thread = await this.#thread
    if (!this.#isThreadReady) this.#inARow = hereInARow // its first commit shortens the log
    this.#isThreadReady = true
    return thread
  }

  #pace(start: number): void {
    const now = this.#ports.clock.now()
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

/** Loaded here: what Node has for threads takes 5 ms, which many a resume has no use for. */
async function startThread(file: OpenedFile): Promise<WriterThread> {
  const { WriterThread } = await import('./thread.ts')
  return WriterThread.start(file)
}

function isSmall(commands: readonly Command[]): boolean {
  let units = 0
  for (const command of commands) units += unitsOf(command)
  return units <= unitsMax
}
