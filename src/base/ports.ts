/**
 * The ports through which everything below the CLI touches the world: time, timers, randomness.
 * src/base/system.ts holds the real ones; tests and the simulator hand in others. Nothing else below
 * the CLI may read a clock, set a timer or draw a random number.
 */

/** Reads the time, in whole milliseconds since 1970. */
export interface Clock {
  now(): number
}

/** A timer that has been set. */
export interface Timer {
  cancel(): void
  /** From now on it keeps no process alive in which nothing else is left. Missing where there is none to keep. */
  loosen?(): void
}

/** All chance and time there is. */
export interface Ports {
  readonly clock: Clock
  /** Milliseconds since some fixed moment. Nobody can set it back, and it goes on while the process is frozen. */
  monotonic(): number
  /**
   * Milliseconds that code has kept the event loop for itself. Neither what the loop waits for counts nor,
   * where the system tells, that it had to wait for a processor.
   */
  busy(): number
  /** Calls back once after at least `ms` milliseconds, however many those are. */
  setTimer(ms: number, callback: () => void): Timer
  /** Calls back when all microtasks that are queued now, and those they queue, have run. */
  afterMicrotasks(callback: () => void): void
  /** Calls back in a later turn of the event loop, so that I/O gets its chance. */
  nextTurn(callback: () => void): void
  /** Unpredictable bytes. */
  randomBytes(count: number): Uint8Array
}
