/**
 * Group reads: what is asked for until microtasks have run is read in one transaction, as far as the turn's
 * budget goes, because the locks of a small read cost more than its rows.
 *
 * The transaction begins after it was asked for, so it sees all that was acknowledged before (S8). It is
 * over before anybody is told what was read, so no code of a caller, however long it takes, keeps the log
 * from being shortened.
 */
import type { Ports } from '../../base/ports.ts'
import type { TurnBudget } from './turn-budget.ts'

interface Asked {
  readonly read: () => void
  readonly reject: (error: unknown) => void
}

export interface ReadQueueOptions {
  readonly ports: Pick<Ports, 'afterMicrotasks'>
  readonly budget: TurnBudget
  /** Calls what it is given in a transaction. What it throws itself, all who ask are told. */
  readonly transact: (reads: () => void) => void
}

export class ReadQueue {
  readonly #options: ReadQueueOptions
  /** Admitted to this turn. */
  #asked: Asked[] = []

  constructor(options: ReadQueueOptions) {
    this.#options = options
  }

  /** Settles as `read` does. What it does after it has waited for something is outside of the transaction. */
  submit<T>(read: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const one = (): void => {
        try {
          resolve(read())
        } catch (error) {
          reject(error)
        }
      }
      this.#options.budget.admit(() => this.#add({ read: one, reject }))
    })
  }

  #add(asked: Asked): void {
    if (this.#asked.push(asked) === 1) this.#options.ports.afterMicrotasks(() => this.#readAll())
  }

  #readAll(): void {
    const asked = this.#asked
    this.#asked = []
    try {
      this.#options.transact(() => {
        for (const { read } of asked) read()
      })
    } catch (error) {
      for (const { reject } of asked) reject(error)
    }
  }
}
