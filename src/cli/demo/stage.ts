/**
 * What a demo is played on: a store, the run that is watched in it, and the worker process of the
 * moment. This process only watches, kills and answers: nothing that the run needs is in its memory.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { formatDuration } from '../../base/duration.ts'
import { EverloopError } from '../../base/errors.ts'
import type { LinkedEntry } from '../../ledger/index.ts'
import type { Ever } from '../../run/index.ts'
import { unlessAborted } from '../interrupt.ts'
import type { Output } from '../output.ts'
import { nextChange } from '../rest.ts'
import { WorkerProcess, type WorkerOptions } from './process.ts'
import { Scene } from './scene.ts'

interface StageOptions {
  readonly ever: Ever
  readonly run: string
  readonly out: Output
  readonly signal: AbortSignal
  /** How long nothing may become so that is waited for. */
  readonly patienceMs: number
}

export class Stage {
  readonly scene: Scene
  readonly #options: StageOptions
  #worker: WorkerProcess | undefined

  constructor(options: StageOptions) {
    this.#options = options
    this.scene = new Scene(options.out)
  }

  spawn(options: WorkerOptions): WorkerProcess {
    this.#worker = new WorkerProcess(options)
    this.scene.begin(this.#worker.pid)
    return this.#worker
  }

  /** Asks again with each commit, until it is so. Throws TIMEOUT. */
  async until(isSo: () => Promise<boolean>): Promise<void> {
    const { ever, signal, patienceMs } = this.#options
    const deadline = Date.now() + patienceMs
    for (;;) {
      const change = nextChange(ever)
      try {
        if (await isSo()) return
        if (Date.now() > deadline) {
          throw new EverloopError(
            'TIMEOUT',
            `The demo did not get on for ${formatDuration(patienceMs)}: the machine is too busy, or the disk too slow.`,
          )
        }
        const ended: Promise<unknown> = this.#worker?.ended ?? pause(100)
        await unlessAborted(signal, Promise.race([change.within(100), ended]))
      } finally {
        change.stop()
      }
    }
  }

  /** Watches until the process has ended well. */
  async untilEnded(worker: WorkerProcess, watch: () => Promise<unknown>): Promise<void> {
    await this.until(async () => {
      await watch()
      return worker.hasEnded
    })
    await worker.done()
    await watch()
  }

  entries(): Promise<readonly LinkedEntry[]> {
    const { ever, run } = this.#options
    return ever.store.entries(run, { limit: 100_000 })
  }

  /** Leaves no process behind. */
  async close(): Promise<void> {
    await this.#worker?.end()
    this.scene.close()
    const { out, signal } = this.#options
    if (signal.aborted) out.note('Interrupted: the worker process was killed.')
  }
}
