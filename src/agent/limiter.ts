/** Lets so many go ahead at a time, in the order in which they came. */
export class Limiter {
  readonly #max: number
  #busy = 0
  readonly #waiting: (() => void)[] = []

  constructor(max: number) {
    this.#max = max
  }

  async within<T>(execute: () => Promise<T>): Promise<T> {
    if (this.#busy >= this.#max) await new Promise<void>((go) => this.#waiting.push(go))
    else this.#busy++
    try {
      return await execute()
    } finally {
      const next = this.#waiting.shift()
      // Whoever goes next takes the place over: nobody can come in between.
      if (next) next()
      else this.#busy--
    }
  }
}
