/** One timer for the earliest of many due times. */
import type { Clock, Ports, Timer } from '../../base/ports.ts'

export class Alarm {
  readonly #ports: Ports
  readonly #clock: Clock
  readonly #ring: () => void
  #timer: Timer | undefined

  /** Due times are on the given clock. */
  constructor(ports: Ports, clock: Clock, ring: () => void) {
    this.#ports = ports
    this.#clock = clock
    this.#ring = ring
  }

  /** Rings at this time and no other; not at all when it is undefined. */
  set(due: number | undefined): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (due === undefined) return
    const ms = Math.max(0, due - this.#clock.now())
    this.#timer = this.#ports.setTimer(ms, this.#ring)
  }
}
