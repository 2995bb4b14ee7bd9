/**
 * The end of a run that its loop has asked for: put off while something is to be done before.
 *
 * P6 A run that its loop ends does so in one append, which goes through only while there is no message that
 *    the pass has not seen.
 */
import type { Store } from '../../store/store.ts'
import type { Recorded } from '../replay/recorded.ts'
import type { Item } from './journal.ts'
import type { Mailbox } from './mailbox.ts'
import type { Operation } from './operation.ts'
import type { Operations } from './operations.ts'
import type { Scope } from './scope.ts'
import { isPast } from '../work/deadline.ts'

/** What the pass has. */
interface Around {
  readonly operations: Pick<Operations, 'isHeld'>
  readonly root: Scope
  readonly recorded: Pick<Recorded, 'cancelling'>
  readonly mailbox: Pick<Mailbox, 'seen'>
  readonly store: Pick<Store, 'clock'>
  readonly deadline: number | undefined
}

export class LoopEnd {
  readonly #pass: Around
  /** What the code listens with. When it takes something, the code has not ended after all. */
  readonly #listening: Operation
  readonly #item: () => Item

  constructor(pass: Around, listening: Operation, item: () => Item) {
    this.#pass = pass
    this.#listening = listening
    this.#item = item
  }

  /** Whether nothing was taken since, and nothing is to be done before. */
  get isDue(): boolean {
    const { operations, root, recorded, deadline, store } = this.#pass
    if (this.#listening.phase !== 'waiting' || recorded.cancelling) return false
    return !operations.isHeld(root) && !isPast(deadline, store.clock)
  }

  /** What is written now. The store refuses it when there is news. */
  get item(): Item {
    const { seen } = this.#pass.mailbox
    return { ...this.#item(), unlessNewerThan: seen, release: { wake: undefined, seen } }
  }
}
