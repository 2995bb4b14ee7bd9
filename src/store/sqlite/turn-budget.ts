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
  #isTurnAwaited = false
  /** Who waits for a turn with room, the first to come first. */
  #waiting: (() => void)[] = []

  constructor(ports: Pick<Ports, 'nextTurn'>) {
    this.#ports = ports
  }

  /** Lets a read begin, or the next part of one: calls back at once, or in the next turn with room. */
  admit(begin: () => void): void {
    this.#spent += rowsEach
    this.#awaitTurn()
    if (this.#waiting.length === 0 && this.#spent <= rowsMax) begin()
    else this.#waiting.push(begin)
  }

  /** Says how many rows were read. Resolves when more may be read. */
  spend(rows: number): Promise<void> {
    this.#spent += rows
    return new Promise((resolve) => this.admit(resolve))
  }

  #awaitTurn(): void {
    if (this.#isTurnAwaited) return
    this.#isTurnAwaited = true
    this.#ports.nextTurn(() => {
      this.#isTurnAwaited = false
      // Hundreds may wait for the same turn: each counts in the one it is let into.
      const admitted = this.#waiting.splice(0, rowsMax / rowsEach)
      this.#spent = admitted.length * rowsEach
      for (const begin of admitted) begin()
      if (admitted.length > 0) this.#awaitTurn()
    })
  }
}
