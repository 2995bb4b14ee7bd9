/**
 * Holds: things the code waits for that are no operations and the same on every replay, such as reading an
 * artifact or opening a resource. Meanwhile the pass hands nothing over and begins nothing, so that the
 * ledger does not run ahead of the code.
 *
 * However fast they are, holds settle one at a time, in the order in which they were asked for; otherwise
 * the code might go another way in another pass (P1). Two kinds do not stand in line: a hold that was
 * asked for while a resource is being opened, since that one may wait for it, and a hold that has been
 * open for very long, since it may be waiting for the code behind it.
 *
 * A hold that hangs ends in one of three ways: the run is paused as stalled, it is stopped from outside,
 * or a cancel goes past the hold, and the code is handed the cancel instead.
 */
import { LateSet } from '../../base/late-set.ts'
import type { Ports } from '../../base/ports.ts'
import { stallMs } from './quiet.ts'
import { isOpening } from './resource.ts'

/** Longer than this one holds up nothing that was asked for after it. */
const inLineMs = 5000

interface Hold {
  /** A cancel does not reject it. */
  readonly shielded: boolean
  /** It waits for those before it, and those after it wait for it. */
  isInLine: boolean
  /** What the code is to be told, once that is known. */
  settle: (() => void) | undefined
  /** Settles what the code waits for, unless that has been done. */
  readonly end: (settle: () => void) => void
  readonly reject: (error: Error) => void
}

interface HoldsOptions {
  /** One has been open for so long. */
  readonly onHanging: () => void
  /** `next` may have something to do. */
  readonly onReady: () => void
}

export class Holds {
  readonly #ports: Ports
  readonly #options: HoldsOptions
  /** In the order in which they were asked for. */
  readonly #open = new LateSet<Hold>()
  /** Those of `#open` that are waited for: all but those that a cancel has gone past and that hang. */
  readonly #waitedFor = new LateSet<Hold>()

  constructor(ports: Ports, options: HoldsOptions) {
    this.#ports = ports
    this.#options = options
  }

  /** True while the ledger must wait for one. */
  get hold(): boolean {
    return this.#waitedFor.size > 0
  }

  /** What the read settles with in its turn, unless the pass ends or a cancel comes before. */
  add<T>(read: Promise<T>, shielded: boolean): Promise<T> {
    const { onHanging, onReady } = this.#options
    return new Promise<T>((resolve, reject) => {
      let patience = this.#ports.setTimer(inLineMs, () => {
        patience = this.#ports.setTimer(stallMs - inLineMs, onHanging)
        hold.isInLine = false
        onReady()
      })
      const hold: Hold = {
        shielded,
        isInLine: !isOpening(),
        settle: undefined,
        reject,
        end: (settle) => {
          if (!this.#open.delete(hold)) return
          this.#waitedFor.delete(hold)
          patience.cancel()
          settle()
        },
      }
      this.#open.add(hold)
      this.#waitedFor.add(hold)
      const onEnd = (settle: () => void): void => {
        if (!this.#open.has(hold)) return
        hold.settle = settle
        this.#waitedFor.add(hold)
        onReady()
      }
      read.then(
        (value) => onEnd(() => resolve(value)),
        (error: Error) => onEnd(() => reject(error)),
      )
    })
  }

  /** Settles the one whose turn it is, if there is one. Microtasks must drain before whatever is next. */
  next(): boolean {
    let isFree = true
    for (const hold of this.#open) {
      if (hold.settle && (isFree || !hold.isInLine)) {
        hold.end(hold.settle)
        return true
      }
      if (hold.isInLine && this.#waitedFor.has(hold)) isFree = false
    }
    return false
  }

  /** Those of which nothing has come yet are not waited for any longer. */
  pass(): void {
    for (const hold of this.#waitedFor) if (!hold.settle) this.#waitedFor.delete(hold)
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
