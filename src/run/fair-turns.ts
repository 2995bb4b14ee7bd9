/**
 * Shares the event loop among the passes of a worker: what a pass does when its microtasks have drained
 * (handing an outcome over, beginning a step) takes its code a while, and hundreds of passes may be
 * told of their commits at once. After a few milliseconds the rest waits for the next turn of the
 * event loop, in order.
 *
 * A pass asks again only when it was called, so nobody is called twice before somebody who waits.
 */
import type { Ports } from '../base/ports.ts'

/** One turn takes about so long; timers, I/O and people's servers get theirs in between. */
const turnMs = 2
/** And so many calls at most, where a clock stands still. */
const callsMax = 64

export class FairTurns {
  readonly #ports: Pick<Ports, 'clock' | 'afterMicrotasks' | 'nextTurn'>
  #waiting: (() => void)[] = []
  /** When the current turn began; undefined before the first call in it. */
  #began: number | undefined
  #calls = 0

  constructor(ports: Pick<Ports, 'clock' | 'afterMicrotasks' | 'nextTurn'>) {
    this.#ports = ports
  }

  /** Calls back when microtasks have drained: in this turn of the event loop, or when it is its turn. */
  afterMicrotasks(callback: () => void): void {
    this.#ports.afterMicrotasks(() => {
      if (this.#waiting.length > 0 || this.#isOver()) this.#waiting.push(callback)
      else callback()
    })
  }

  /** Resolves when it is the caller's turn. */
  next(): Promise<void> {
    return new Promise((resolve) => this.afterMicrotasks(resolve))
  }

  #isOver(): boolean {
    const now = this.#ports.clock.now()
    if (this.#began === undefined) this.#begin(now)
    // A clock may be set back.
    return ++this.#calls > callsMax || Math.abs(now - (this.#began ?? now)) >= turnMs
  }

  #begin(now: number): void {
    this.#began = now
    this.#calls = 0
    this.#ports.nextTurn(() => {
      this.#began = undefined
      if (this.#waiting.length > 0) this.#callNext()
    })
  }

  /** One by one, so that what the code goes on to do counts too. */
  #callNext(): void {
    if (this.#isOver()) return
    this.#waiting.shift()?.()
    if (this.#waiting.length > 0) this.#ports.afterMicrotasks(() => this.#callNext())
  }
}
