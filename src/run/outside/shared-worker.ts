/** The worker of a runtime. All calls of `work` share one, which works until the last of them is done. */
import { Worker, type WorkerOptions } from '../work/worker.ts'
import type { Work } from './work-options.ts'

/** How long steps may take to end when a worker stops. */
const drainMs = 30_000

export class SharedWorker {
  readonly #options: Omit<WorkerOptions, 'concurrency'>
  #worker: Worker | undefined
  /** How many calls of `work` need it. */
  #users = 0
  /** Settles when all have stopped that were needed before it. */
  #dismissed: Promise<unknown> = Promise.resolve()

  constructor(options: Omit<WorkerOptions, 'concurrency'>) {
    this.#options = options
  }

  /** True while the run is executed here. */
  holds(run: string): boolean {
    return this.#worker?.holds(run) ?? false
  }

  /** Works until idle or until `stop`. The first of several calls says with which concurrency. */
  async work({ concurrency, until }: Pick<Work, 'concurrency' | 'until'>): Promise<void> {
    this.#worker ??= new Worker({ ...this.#options, concurrency })
    const worker = this.#worker
    worker.start()
    this.#users++
    if (until === 'stopped') return worker.ended()
    try {
      await worker.idle()
    } finally {
      if (--this.#users === 0) await this.#dismiss(worker)
    }
  }

  /** Resolves when everything has stopped, and steps under way have ended or were dropped. */
  async stop(): Promise<void> {
    await this.#worker?.stop(drainMs)
    await this.#dismissed
  }

  /** Stops a worker that nobody needs any more. Whoever works from now on has another one. */
  async #dismiss(worker: Worker): Promise<void> {
    this.#worker = undefined
    const stopping = worker.stop(drainMs)
    // Without what became of them: each would hold what became of the one before.
    this.#dismissed = Promise.allSettled([this.#dismissed, stopping]).then(() => undefined)
    await stopping
  }
}
