/**
 * The owner's side of the writer thread: requests, replies in their order, and what happens when the thread
 * dies. docs/decisions/0001-writer-thread.md says why there is a thread.
 */
import { Worker } from 'node:worker_threads'
import { assert, EverloopError } from '../../base/errors.ts'
import { messageOf } from '../../base/message-of.ts'
import type { Batch, BatchResult } from './command.ts'
import type { OpenedFile } from './open.ts'
import { packBatch, unpackResult } from './packed.ts'
import { threadSource } from './thread-source.ts'
import type { ThreadReply, ThreadRequest } from './writer-thread.ts'

interface Waiting {
  readonly resolve: (reply: ThreadReply) => void
  readonly reject: (error: EverloopError) => void
}

export class WriterThread {
  readonly #worker: Worker
  /** For replies, the next one first. */
  readonly #waiting: Waiting[] = []
  #death: EverloopError | undefined

  private constructor(file: OpenedFile) {
    this.#worker = new Worker(threadSource, {
      workerData: file,
      // Node 22 calls node:sqlite experimental in each thread. The process's own flags are left
      // out: a thread refuses most of them (--max-old-space-size), and has V8's all the same.
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    this.#worker.on('message', (reply: ThreadReply) => {
      this.#waiting.shift()?.resolve(reply)
    })
    this.#worker.on('error', (cause) => this.#die(cause))
    this.#worker.on('exit', () => this.#die(undefined))
  }

  /** Starts a thread that has the file open. Rejects with what kept it from opening. */
  static async start(file: OpenedFile): Promise<WriterThread> {
    const thread = WriterThread.#made(file)
    const reply = await thread.#next()
    if (reply.is === 'refused') {
      throw new EverloopError(reply.failure.code, reply.failure.message)
    }
    thread.#worker.unref() // an idle store does not keep a process alive
    return thread
  }

  static #made(file: OpenedFile): WriterThread {
    try {
      return new WriterThread(file)
    } catch (cause) {
      const said = messageOf(cause)
      const why = `The thread that writes the store cannot be started: ${said}`
      throw new EverloopError('STORE_FAILED', why, { cause })
    }
  }

  /** Rejects with STORE_UNAVAILABLE when the thread ends without a reply. */
  async execute(batch: Batch): Promise<BatchResult> {
    const reply = await this.#ask(packBatch(batch))
    assert(reply.is === 'executed', 'The writer thread gave another reply than was asked for.')
    return unpackResult(reply.result)
  }

  async close(): Promise<void> {
    if (this.#death) return
    await this.#ask('close')
  }

  async #ask(request: ThreadRequest): Promise<ThreadReply> {
    if (this.#death) throw this.#death
    this.#worker.ref()
    try {
      this.#worker.postMessage(request) // what cannot be sent must not wait for a reply that is another's
      return await this.#next()
    } finally {
      if (this.#waiting.length === 0) this.#worker.unref()
    }
  }

  #next(): Promise<ThreadReply> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
    })
  }

  #die(cause: unknown): void {
    const death = (this.#death ??= new EverloopError(
      'STORE_UNAVAILABLE',
      'The thread that writes the store ended: what it was given may or may not have been written.',
      { cause },
    ))
    for (const { reject } of this.#waiting.splice(0)) reject(death)
  }
}
