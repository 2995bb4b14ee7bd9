/**
 * What is recorded and has not been handed over yet, in ledger order.
 *
 * It may hold tens of thousands, and each scope that closes asks for what is left inside of it: that is
 * found by path, and what is dropped is passed over when its turn comes.
 */
import { LateSet } from '../../base/late-set.ts'
import { operationPath, PathMap } from '../../ledger/index.ts'
import type { Entry } from '../../ledger/index.ts'

interface Delivered {
  readonly entry: Entry
}

export class Queue<Delivery extends Delivered> {
  /** Those before `#taken` have been handed over, and their values are let go of. */
  #list: (Delivery | undefined)[] = []
  #taken = 0
  /** Of those that still stand in the list. */
  readonly #dropped = new LateSet<Delivery>()
  /** Outcomes by path. Made when it is needed: code that asks for one after the other needs none. */
  #paths: PathMap<Delivery> | undefined

  push(delivery: Delivery): void {
    this.#list.push(delivery)
    if (this.#paths) note(delivery, this.#paths)
  }

  /** The next to be handed over. */
  get next(): Delivery | undefined {
    return this.#list[this.#taken]
  }

  shift(): void {
    const { next } = this
    if (!next) return
    this.#paths?.delete(pathOf(next.entry))
    this.#take()
    this.#passOver()
  }

  /** The outcome of this operation. */
  at(path: string): Delivery | undefined {
    return this.next && this.#byPath.get(path)
  }

  /** The outcomes inside this scope. */
  inside(scope: string): readonly Delivery[] {
    if (!this.next) return []
    return this.#byPath.inside(scope).flatMap((path) => this.#byPath.get(path) ?? [])
  }

  /** Takes these out. */
  drop(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      this.#paths?.delete(pathOf(delivery.entry))
      this.#dropped.add(delivery)
    }
    this.#passOver()
  }

  /** What is still to be handed over. */
  rest(count: number = Infinity): Delivery[] {
    const rest = this.#list.slice(this.#taken) as Delivery[]
    return rest.filter((delivery) => !this.#dropped.has(delivery)).slice(0, count)
  }

  #passOver(): void {
    while (this.next && this.#dropped.delete(this.next)) this.#take()
    if (!this.next) this.#paths = undefined
  }

  #take(): void {
    this.#list[this.#taken] = undefined
    this.#taken++
    if (this.#taken > 1000 && this.#taken * 2 > this.#list.length) {
      this.#list.splice(0, this.#taken)
      this.#taken = 0
    }
  }

  get #byPath(): PathMap<Delivery> {
    if (this.#paths) return this.#paths
    this.#paths = new PathMap()
    for (const delivery of this.rest()) note(delivery, this.#paths)
    return this.#paths
  }
}

const pathOf = ({ scope, key }: Entry): string => operationPath(scope, key)

/** A cancel is no operation's. */
function note<Delivery extends Delivered>(delivery: Delivery, paths: PathMap<Delivery>): void {
  if (delivery.entry.key !== '') paths.set(pathOf(delivery.entry), delivery)
}
