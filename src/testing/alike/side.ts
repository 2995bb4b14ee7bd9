/** One of two stores to which the same is done. Numbers of messages may have gaps: they are compared by their order. */
import { strict as assert } from 'node:assert'
import type { NewMessage, RunRow, Store } from '../../store/store.ts'

export class Side {
  readonly #stores: readonly Store[]
  /** Of messages, in the order in which they were delivered; 0 stands for none. */
  readonly #numbers: number[] = [0]
  #turn = 0

  /** Several stores are on the same ledger. */
  constructor(stores: readonly Store[]) {
    this.#stores = stores
  }

  /** Where sessions live: another one may take longer to be sure that a lease has run out. */
  get first(): Store {
    return this.#stores[0] as Store
  }

  /** Another one than before, if there are several. */
  get store(): Store {
    return this.#stores[this.#turn++ % this.#stores.length] as Store
  }

  /** How many messages have been delivered. */
  get delivered(): number {
    return this.#numbers.length - 1
  }

  /** The message that was delivered as the how manyth; 0 for none. */
  number(rank: number): number {
    return this.#numbers[rank] as number
  }

  /** As the how manyth a message was delivered. */
  rank(number: number): number {
    const rank = this.#numbers.indexOf(number)
    assert.notEqual(rank, -1, `Nothing was delivered as message ${number}.`)
    return rank
  }

  /** Whether this message is not known yet; then it is the next one that was delivered. */
  learn(number: number): boolean {
    const isNew = !this.#numbers.includes(number)
    if (isNew) this.#numbers.push(number)
    return isNew
  }

  /** A run as both must have it. */
  row({ newest, ...row }: RunRow): unknown {
    return { ...row, newest: this.rank(newest) }
  }

  /** A message whose condition names a message by its order, as this side takes it. */
  addressed({ unlessNewerThan, ...sent }: NewMessage): NewMessage {
    if (unlessNewerThan === undefined) return sent
    return { ...sent, unlessNewerThan: this.number(unlessNewerThan) }
  }
}
