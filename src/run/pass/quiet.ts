/**
 * The timer of a pass in which nothing can be handed over: there is one at a time, and it ends as
 * soon as anything happens.
 */
import type { Ports, Timer } from '../../base/ports.ts'

/** What is waited for, and for how long. */
const patienceMs = {
  /** Code that is not blocked on an operation alone, before the pass suspends. */
  linger: 5,
  /** Code that is to ask for an operation that is recorded, while it asks for others. */
  divergence: 1000,
  /** Code that reads or opens something, before it is told of a cancel instead. */
  cancel: 5000,
  /** Any operation and any progress, before the run is paused. */
  stall: 60_000,
} as const

/** How long a pass without any progress lasts. */
export const stallMs: number = patienceMs.stall

export class Quiet {
  readonly #ports: Ports
  #timer: Timer | undefined
  #isLingering = false

  constructor(ports: Ports) {
    this.#ports = ports
  }

  /** True when everything waits and the pass is about to be given back. */
  get isLingering(): boolean {
    return this.#isLingering
  }

  /** Waits for nothing else than this. */
  wait(reason: keyof typeof patienceMs, then: () => void): void {
    this.end()
    this.#isLingering = reason === 'linger'
    this.#timer = this.#ports.setTimer(patienceMs[reason], then)
  }

  /** Something has happened. */
  end(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#isLingering = false
  }
}
