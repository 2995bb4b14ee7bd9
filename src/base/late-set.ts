/** A set that takes room once something is in it, as LateMap does. */
export class LateSet<T> implements Iterable<T> {
  #set: Set<T> | undefined

  get size(): number {
    return this.#set === undefined ? 0 : this.#set.size
  }

  has(item: T): boolean {
    return this.#set !== undefined && this.#set.has(item)
  }

  add(item: T): this {
    this.#set ??= new Set()
    this.#set.add(item)
    return this
  }

  delete(item: T): boolean {
    return this.#set !== undefined && this.#set.delete(item)
  }

  clear(): void {
    this.#set?.clear()
  }

  [Symbol.iterator](): IterableIterator<T> {
    return (this.#set ?? nothing)[Symbol.iterator]()
  }
}

const nothing: ReadonlySet<never> = new Set<never>()
