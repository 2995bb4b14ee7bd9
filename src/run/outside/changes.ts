/**
 * Tells those who watch a run that it may have changed: at once when this process ended a pass of
 * it, and a moment after anything was committed by anybody, however many watch.
 */
import type { Ports, Timer } from '../../base/ports.ts'
import type { Change, Store } from '../../store/store.ts'

/** Commits within this time are told of together, so that watching costs little under load. */
const gatherMsMin = 20
/** The more watch, the longer: reading a run's row for each of them takes time. */
const gatherMsPerWatcher = 0.5
const gatherMsMax = 1000

/** What is watched for: that the run comes to rest, or each of its entries too. */
export type Watched = 'rest' | 'entries'

export interface ChangesOptions {
  readonly store: Store
  readonly ports: Ports
  /** True while this process executes the run: then it knows itself when the run comes to rest. */
  readonly isHeldHere: (run: string) => boolean
}

/** Somebody who watches. */
export interface Watching {
  /** Resolves when what is watched for may have happened since the watching began. */
  readonly changed: Promise<void>
  /** Ends the watching. Call it in any case: who watches costs the store a look now and then. */
  stop(): void
}

interface Watchers {
  readonly rest: Set<() => void>
  readonly entries: Set<() => void>
}

export class Changes {
  readonly #options: ChangesOptions
  readonly #watchers = new Map<string, Watchers>()
  #unsubscribe: (() => void) | undefined
  #gathering: Timer | undefined
  /** Something was committed by which a run may have come to rest. */
  #mayRest = false

  constructor(options: ChangesOptions) {
    this.#options = options
  }

  /** Watches for the next change. */
  watch(run: string, watched: Watched): Watching {
    this.#unsubscribe ??= this.#options.store.subscribe((change) => this.#onChange(change))
    const { promise, resolve } = Promise.withResolvers<void>()
    const watchers = this.#watchers.get(run) ?? { rest: new Set(), entries: new Set() }
    watchers[watched].add(resolve)
    this.#watchers.set(run, watchers)
    const stop = (): void => {
      if (watchers[watched].delete(resolve)) this.#forget(run, watchers)
    }
    return { changed: promise, stop }
  }

  /** A pass of this run has ended. */
  onRun(run: string): void {
    this.#tell(run, ['rest', 'entries'])
  }

  close(): void {
    for (const run of this.#watchers.keys()) this.onRun(run)
  }

  #onChange(change: Change): void {
    if (change === 'work') this.#mayRest = true
    const ms = Math.min(gatherMsMax, gatherMsMin + this.#watchers.size * gatherMsPerWatcher)
    this.#gathering ??= this.#options.ports.setTimer(ms, () => this.#tellGathered())
  }

  #tellGathered(): void {
    const mayRest = this.#mayRest
    this.#gathering = undefined
    this.#mayRest = false
    for (const run of this.#watchers.keys()) {
      const tellsRest = mayRest && !this.#options.isHeldHere(run)
      this.#tell(run, tellsRest ? ['rest', 'entries'] : ['entries'])
    }
  }

  #tell(run: string, kinds: readonly Watched[]): void {
    const watchers = this.#watchers.get(run)
    if (!watchers) return
    for (const kind of kinds) {
      for (const resolve of watchers[kind]) resolve()
      watchers[kind].clear()
    }
    this.#forget(run, watchers)
  }

  /** While nobody watches, the store need not look out for other processes. */
  #forget(run: string, { rest, entries }: Watchers): void {
    if (rest.size + entries.size > 0) return
    this.#watchers.delete(run)
    if (this.#watchers.size > 0) return
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    this.#gathering?.cancel()
    this.#gathering = undefined
  }
}
