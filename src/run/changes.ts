/**
 * Tells those who watch a run that it may have changed: at once when this process ended a pass of
 * it, and a moment after anything was committed by anybody, however many watch.
 */
import type { Ports, Timer } from '../base/ports.ts'
import type { Store } from '../store/store.ts'

/** Commits within this time are told of together, so that watching costs little under load. */
const gatherMsMin = 20
/** The more watch, the longer: reading a run's row for each of them takes time. */
const gatherMsPerWatcher = 0.5
const gatherMsMax = 1000

export class Changes {
  readonly #store: Store
  readonly #ports: Ports
  readonly #watchers = new Map<string, Set<() => void>>()
  #unsubscribe: (() => void) | undefined
  #gathering: Timer | undefined

  constructor(store: Store, ports: Ports) {
    this.#store = store
    this.#ports = ports
  }

  /** Resolves when the run may have changed since this was called. */
  next(run: string): Promise<void> {
    this.#unsubscribe ??= this.#store.subscribe(() => this.#gather())
    return new Promise((resolve) => {
      const watchers = this.#watchers.get(run) ?? new Set()
      watchers.add(resolve)
      this.#watchers.set(run, watchers)
    })
  }

  /** A pass of this run has ended. */
  onRun(run: string): void {
    const watchers = this.#watchers.get(run)
    this.#watchers.delete(run)
    for (const resolve of watchers ?? []) resolve()
    this.#rest()
  }

  close(): void {
    for (const run of this.#watchers.keys()) this.onRun(run)
  }

  #gather(): void {
    const ms = Math.min(gatherMsMax, gatherMsMin + this.#watchers.size * gatherMsPerWatcher)
    this.#gathering ??= this.#ports.setTimer(ms, () => {
      this.#gathering = undefined
      for (const run of this.#watchers.keys()) this.onRun(run)
    })
  }

  /** While nobody watches, the store need not look out for other processes. */
  #rest(): void {
    if (this.#watchers.size > 0) return
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    this.#gathering?.cancel()
    this.#gathering = undefined
  }
}
