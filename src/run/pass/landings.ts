/**
 * Calls that can be undone and whose bodies have not returned yet, timed-out and abandoned ones included.
 * Undoing waits for them: a compensation that overtook such a call would undo what is only done after it.
 */
import { LateSet } from '../../base/late-set.ts'
import type { Ports } from '../../base/ports.ts'

/** A body that heeds its signal returns at once; no other one is waited for any longer. */
const patienceMs = 10_000

export class Landings {
  readonly #calls = new LateSet<Promise<unknown>>()

  /** A call is under way until this settles. */
  add(call: Promise<unknown>): void {
    const landed: Promise<unknown> = call.then(ignore, ignore).then(() => {
      this.#calls.delete(landed)
    })
    this.#calls.add(landed)
  }

  /** Resolves when all have returned, or after ten seconds. */
  async settled(ports: Ports): Promise<void> {
    if (this.#calls.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = ports.setTimer(patienceMs, resolve)
    await Promise.race([Promise.all(this.#calls), promise])
    timer.cancel()
  }
}

const ignore = (): void => {}
