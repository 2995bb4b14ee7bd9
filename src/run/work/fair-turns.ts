/**
 * Shares the event loop among the passes of a worker: what a pass does when its microtasks have drained
 * (handing an outcome over, beginning a step) takes its code a while, and hundreds of passes may be
 * told of their commits at once. After a few milliseconds the rest waits for the next turn of the
 * event loop, in order.
 *
 * A pass asks again only when it was called, so nobody is called twice before somebody who waits. All
 * are called in one asynchronous context, that of the worker: none sees what the code of another has
 * put into an AsyncLocalStorage.
 */
import { AsyncResource } from 'node:async_hooks'
import type { Ports } from '../../base/ports.ts'

/** One turn takes about so long; timers, I/O and people's servers get theirs in between. */
const turnMs = 2
/** And so many calls at most, where a clock stands still. */
const callsMax = 64

export class FairTurns {
  readonly #ports: Pick<Ports, 'clock' | 'afterMicrotasks' | 'nextTurn'>
  readonly #context = new AsyncResource('everloop')
  /** Those who have asked and were not called yet, in order. */
  readonly #asking: (() => void)[] = []
  /** The rest waits for the next turn of the event loop. */
  #isPutOff = false
  /** When the current turn began; undefined before the first call in it. */
  #began: number | undefined
  #calls = 0

  constructor(ports: Pick<Ports, 'clock' | 'afterMicrotasks' | 'nextTurn'>) {
    this.#ports = ports
  }

  /** Calls back when microtasks have drained: in this turn of the event loop, or when it is its turn. */
  afterMicrotasks(callback: () => void): void {
    if (this.#asking.push(callback) === 1) this.#ports.afterMicrotasks(this.#callNext)
  }

  /** Resolves when it is the caller's turn. */
  next(): Promise<void> {
    return new Promise((resolve) => this.afterMicrotasks(resolve))
  }

  /** One by one, each when the microtasks of the one before have drained: what its code did there counts. */
  readonly #callNext = (): void => {
    if (this.#isOver()) {
      this.#isPutOff = true
      return
    }
    const next = this.#asking.shift()
    const isLast = this.#asking.length === 0 // whoever asks in the call begins anew
    if (next) this.#call(next)
    if (!isLast) this.#ports.afterMicrotasks(this.#callNext)
  }

  #call(callback: () => void): void {
    try {
      this.#context.runInAsyncScope(callback)
    } catch (error) {
      // It must not take the turn of the others with it.
      this.#ports.nextTurn(() => {
        throw error
      })
    }
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
      if (!this.#isPutOff) return
      this.#isPutOff = false
      this.#callNext()
    })
  }
}
