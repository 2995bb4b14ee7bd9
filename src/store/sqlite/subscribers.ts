/**
 * Tells subscribers of commits. Those of this store are told at once. Those of other processes show in a
 * number that SQLite changes with each commit: it is read every few milliseconds, but only while
 * somebody listens.
 */
import { microtask } from '../../base/microtask.ts'
import type { Ports, Timer } from '../../base/ports.ts'
import type { Change } from '../store.ts'

/** Asking costs a few microseconds, so this is about one part in five thousand of a core. */
const pollMs = 20

export class Subscribers {
  readonly #ports: Ports
  readonly #version: () => number
  readonly #listeners = new Set<(change: Change) => void>()
  /** Undefined: the file could not be asked. */
  #seen: number | undefined
  #timer: Timer | undefined

  /** `version`: a number that changes when another connection commits. */
  constructor(ports: Ports, version: () => number) {
    this.#ports = ports
    this.#version = version
  }

  add(listener: (change: Change) => void): () => void {
    const own = (change: Change): void => listener(change) // so that one function can subscribe twice
    this.#listeners.add(own)
    if (!this.#timer) {
      this.#seen = this.#look()
      this.#arm()
    }
    return () => {
      this.#listeners.delete(own)
      if (this.#listeners.size === 0) this.#disarm()
    }
  }

  notify(change: Change): void {
    for (const listener of this.#listeners) {
      // Apart, so that what a listener throws is its own trouble.
      microtask(() => {
        if (this.#listeners.has(listener)) listener(change)
      })
    }
  }

  stop(): void {
    this.#listeners.clear()
    this.#disarm()
  }

  #arm(): void {
    this.#timer = this.#ports.setTimer(pollMs, () => {
      this.#poll()
      if (this.#listeners.size > 0) this.#arm()
    })
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #poll(): void {
    const version = this.#look()
    if (version === this.#seen) return
    this.#seen = version
    this.notify('work') // what another process did is not known
  }

  /** Where trouble with the file begins or ends, whoever listens asks, and is told what it is. */
  #look(): number | undefined {
    try {
      return this.#version()
    } catch {
      return undefined
    }
  }
}
