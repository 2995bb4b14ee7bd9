/**
 * What a writer remembers of the runs it writes, so that an append finds its run by a small number and
 * checks and moves it in one statement.
 *
 * K1 Nothing is believed: the statement names the head that was remembered, of which all but `newest`
 *    and `shown` follow, and these two. When one of them does not hold, the run is read again.
 * K2 What was remembered in a transaction that was undone is forgotten with it.
 */
import type { Subject } from './project.ts'

/** So many runs are worth remembering; with more, one begins anew. */
const runsMax = 10_000

interface Known {
  readonly run: Subject
  readonly hash: string
}

export class KnownRuns {
  readonly #known = new Map<string, Known>()

  /** The run as it was when its newest entry had this hash. */
  at(id: string, hash: string): Subject | undefined {
    const known = this.#known.get(id)
    return known?.hash === hash ? known.run : undefined
  }

  keep(run: Subject, hash: string): void {
    if (this.#known.size >= runsMax && !this.#known.has(run.id)) this.#known.clear()
    this.#known.set(run.id, { run, hash })
  }

  forget(id: string): void {
    this.#known.delete(id)
  }

  forgetAll(): void {
    this.#known.clear()
  }
}
