/**
 * A map that takes room once something is in it. A run has some fifty maps and sets in memory, and two thirds of
 * them stay empty: with hundreds of runs at once, each collection of garbage had to copy those, too.
 */
export class LateMap<K, V> implements Iterable<readonly [K, V]> {
  #map: Map<K, V> | undefined

  get size(): number {
    return this.#map === undefined ? 0 : this.#map.size
  }

  get(key: K): V | undefined {
    return this.#map?.get(key)
  }

  has(key: K): boolean {
    return this.#map !== undefined && this.#map.has(key)
  }

  set(key: K, value: V): this {
    this.#map ??= new Map()
    this.#map.set(key, value)
    return this
  }

  delete(key: K): boolean {
    return this.#map !== undefined && this.#map.delete(key)
  }

  clear(): void {
    this.#map?.clear()
  }

  keys(): IterableIterator<K> {
    return (this.#map ?? nothing).keys()
  }

  values(): IterableIterator<V> {
    return (this.#map ?? nothing).values()
  }

  [Symbol.iterator](): IterableIterator<[K, V]> {
    return (this.#map ?? nothing)[Symbol.iterator]()
  }
}

const nothing: ReadonlyMap<never, never> = new Map<never, never>()
