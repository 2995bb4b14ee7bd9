/**
 * What a writer remembers of the runs it writes, so that an append finds its run by a small number, and
 * checks and moves the head in one statement.
 *
 * - Q6 Nothing remembered is trusted: the statement also compares the head, from which everything else
 *   follows, and `newest` and `shown`, which do not. Where one of them differs, the run is read again.
 * - Q7 What was remembered in a transaction is forgotten when the transaction is rolled back.
 */
import type { Subject } from './project.ts'

/** Beyond this many runs everything is forgotten, and remembering begins again. */
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
