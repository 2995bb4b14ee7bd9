/**
 * How much may be read in one turn of the event loop. Reads are synchronous inside, so a caller
 * that awaits one after another would never let the loop do anything else: promises alone do not
 * end a turn.
 */
import type { Ports } from '../../base/ports.ts'

/** Rows for one turn: about a millisecond. */
const rowsMax = 1000
/** What a read costs besides its rows, with what its caller does next: about 100 microseconds. */
const rowsEach = 40

export class TurnBudget {
  readonly #ports: Pick<Ports, 'nextTurn'>
  #spent = 0
  #next: Promise<void> | undefined

  constructor(ports: Pick<Ports, 'nextTurn'>) {
    this.#ports = ports
  }

  /** Says what was read. Resolves when more may be read: at once, or in the next turn with room. */
  async spend(rows = 0): Promise<void> {
    // Hundreds may wait for the same turn: each counts there again, with what it goes on to read.
    for (let cost = rows + rowsEach; this.#exceeds(cost); cost = rowsEach) await this.#next
  }

  #exceeds(cost: number): boolean {
    this.#next ??= new Promise((resolve) => {
      this.#ports.nextTurn(() => {
        this.#spent = 0
        this.#next = undefined
        resolve()
      })
    })
    this.#spent += cost
    return this.#spent > rowsMax
  }
}
