/**
 * A simulated process: an owner of events with ports of its own. Dead, none of its promises ever
 * settles again and nothing it calls has an effect; frozen, everything waits until it goes on.
 */
import type { Ports, Timer } from '../../src/base/ports.ts'
import type { Chance } from './chance.ts'
import type { Mirror } from './mirror.ts'
import type { Owner, Scheduler } from './scheduler.ts'

/** The body of a step under way in a process. */
export interface Body {
  readonly run: Mirror
  readonly since: number
  readonly signal: () => AbortSignal
}

export class Process implements Owner {
  readonly name: string
  isDead = false
  isHeld = false
  readonly ports: Ports
  /** The epochs in which this process has been handed runs. */
  readonly epochs = new Map<string, number>()
  /** Those in which their code has begun here. */
  readonly begun = new Map<string, number>()
  /** Bodies of steps that are under way. */
  readonly bodies = new Set<Body>()
  /** Tokens of the sessions it has opened. */
  readonly sessions: string[] = []
  readonly #scheduler: Scheduler

  constructor(name: string, scheduler: Scheduler, chance: Chance, skewMs: number) {
    this.name = name
    this.#scheduler = scheduler
    this.ports = {
      // Only the store's clock may be trusted: that of a process may be wrong.
      clock: { now: () => scheduler.clock.now() + skewMs },
      monotonic: () => scheduler.elapsed,
      busy: () => 0,
      setTimer: (ms, callback) => this.#setTimer(ms, callback),
      afterMicrotasks: (callback) => {
        if (!this.isDead) queueMicrotask(() => process.nextTick(callback))
      },
      nextTurn: (callback) => void this.later(0, 'turn', callback),
      randomBytes: (count) => chance.bytes(count),
    }
  }

  /** Calls back unless the process has died; while it is frozen, later. */
  later(ms: number, label: string, callback: () => void): () => void {
    if (this.isDead) return () => {}
    return this.#scheduler.after(this, ms, label, callback)
  }

  sleep(ms: number, label: string): Promise<void> {
    return new Promise((resolve) => void this.later(ms, label, resolve))
  }

  die(): void {
    this.isDead = true
  }

  freeze(): void {
    this.isHeld = true
  }

  thaw(): void {
    this.#scheduler.release(this)
  }

  #setTimer(ms: number, callback: () => void): Timer {
    return { cancel: this.later(ms, 'timer', callback) }
  }
}

/** What a dead process gets for every call. */
export const never = <T>(): Promise<T> => new Promise<T>(() => {})

/** Rejects when the signal is aborted. */
export const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const fail = (): void => reject(new RangeError('The step was aborted.'))
    if (signal.aborted) fail()
    else signal.addEventListener('abort', fail, { once: true })
  })
