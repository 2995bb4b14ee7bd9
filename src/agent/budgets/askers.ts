/**
 * Who asks when parallel calls of a run find a limit used up, and who waits for what is said.
 *
 * - B4 Nobody asks about a limit that another call of the run is asking about: it waits for the answer, and
 *   looks again. Whoever waits is recorded as refused, and before it begins as let through: in whatever order
 *   they come after a crash, it takes the room of nobody who had begun.
 */
import type { Amounts } from '../../ledger/index.ts'
import { higher, type Over } from './budget.ts'

/** A call whose question is open. */
interface Asker {
  readonly over: readonly Over[]
  readonly answered: Promise<void>
}

export class Askers {
  readonly #askers = new Set<Asker>()
  #raised: Amounts = {}

  /** What people have said in this pass, whichever call has asked. */
  get raised(): Amounts {
    return this.#raised
  }

  /** The answer for which a call has to wait before it may ask about these limits; undefined when it may. */
  before(over: readonly Over[]): Promise<void> | undefined {
    for (const asker of this.#askers) if (areShared(asker.over, over)) return asker.answered
    return undefined
  }

  /** Asks. Rejects as `put` does, for those who wait too. */
  ask(over: readonly Over[], put: () => Promise<Amounts>): Promise<void> {
    const answered = put()
      .then((raise) => {
        this.#raised = higher(this.#raised, raise)
      })
      .finally(() => this.#askers.delete(asker))
    const asker: Asker = { over, answered }
    this.#askers.add(asker)
    return answered
  }
}

/** Whether both are about one limit of one run. */
const areShared = (one: readonly Over[], other: readonly Over[]): boolean =>
  one.some(({ what, of }) => other.some((also) => also.what === what && also.of === of))
