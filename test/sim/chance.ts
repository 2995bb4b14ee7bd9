/**
 * Chance from a seed. Every concern draws from a stream of its own, so that a new kind of fault
 * does not change what the other concerns draw.
 */

/** One stream of random numbers: the generator known as sfc32. */
export class Chance {
  #a: number
  #b: number
  #c: number
  #count = 1

  constructor(seed: number, stream: string) {
    let mixed = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) | 0
    for (let i = 0; i < stream.length; i++) {
      mixed = Math.imul(mixed ^ stream.charCodeAt(i), 0x85ebca6b)
      mixed ^= mixed >>> 13
    }
    this.#a = mixed | 0
    this.#b = Math.imul(mixed ^ 0x27d4eb2f, 0xc2b2ae35) | 0
    this.#c = seed | 0
    for (let i = 0; i < 8; i++) this.#draw()
  }

  #draw(): number {
    const sum = (this.#a + this.#b + this.#count++) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    return sum >>> 0
  }

  /** From 0 up to 1. */
  next(): number {
    return this.#draw() / 2 ** 32
  }

  /** A whole number from 0 up to `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  /** A whole number, both ends included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  roll(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(list: readonly T[]): T {
    const item = list[this.below(list.length)]
    if (item === undefined) throw new RangeError('Nothing to pick from.')
    return item
  }

  /** Picks by weight. */
  weighted<T>(choices: readonly (readonly [weight: number, item: T])[]): T {
    let left = this.next() * choices.reduce((sum, [weight]) => sum + weight, 0)
    for (const [weight, item] of choices) {
      left -= weight
      if (left < 0) return item
    }
    return this.pick(choices)[1]
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count)
    for (let i = 0; i < count; i += 4) {
      const word = this.#draw()
      for (let j = 0; j < 4 && i + j < count; j++) bytes[i + j] = word >>> (8 * j)
    }
    return bytes
  }
}
