/**
 * What the code waits for that is no operation and is the same on every replay: an artifact that is
 * read, a resource that is opened. The pass hands nothing over and begins nothing meanwhile, so that
 * the ledger does not run ahead of the code.
 *
 * One that hangs ends in one of three ways: the run is paused as stalled, it is stopped from outside,
 * or a cancel goes past it and is what the code is handed instead.
 */
import type { Ports } from '../base/ports.ts'
import { stallMs } from './quiet.ts'

interface Hold {
  /** A cancel does not reject it. */
  readonly shielded: boolean
  /** Settles what the code waits for, unless that has been done. */
  readonly end: (settle: () => void) => void
  readonly reject: (error: Error) => void
}

interface HoldsOptions {
  /** One has been open for so long. */
  readonly onHanging: () => void
  /** One has ended. */
  readonly onEnd: () => void
}

export class Holds {
  readonly #ports: Ports
  readonly #options: HoldsOptions
  readonly #open = new Set<Hold>()
  /** Those of `#open` that are waited for. */
  readonly #waitedFor = new Set<Hold>()

  constructor(ports: Ports, options: HoldsOptions) {
    this.#ports = ports
    this.#options = options
  }

  /** True while the ledger must wait for one. */
  get hold(): boolean {
    return this.#waitedFor.size > 0
  }

  /** What the read settles with, unless the pass ends or a cancel comes before. */
  add<T>(read: Promise<T>, shielded: boolean): Promise<T> {
    const { onHanging, onEnd } = this.#options
    return new Promise<T>((resolve, reject) => {
      const patience = this.#ports.setTimer(stallMs, onHanging)
      const hold: Hold = {
        shielded,
        reject,
        end: (settle) => {
          if (!this.#open.delete(hold)) return
          this.#waitedFor.delete(hold)
          patience.cancel()
          settle()
          onEnd()
        },
      }
      this.#open.add(hold)
      this.#waitedFor.add(hold)
      read.then(
        (value) => hold.end(() => resolve(value)),
        (error: Error) => hold.end(() => reject(error)),
      )
    })
  }

  /** Those that are open now are not waited for any longer. */
  pass(): void {
    this.#waitedFor.clear()
  }

  /** The code is told of a cancel instead. */
  cancel(error: Error): void {
    for (const hold of this.#open) if (!hold.shielded) hold.end(() => hold.reject(error))
  }

  /** The pass is over: what is still open never settles. */
  close(): void {
    for (const hold of this.#open) hold.end(() => {})
  }
}
