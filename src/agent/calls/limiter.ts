/**
 * Lets at most so many go ahead at a time, in the order in which they came. That order may differ in the
 * next pass, so what an earlier pass has begun keeps its place: it goes ahead at once.
 */
export class Limiter {
  readonly #max: number
  #busy = 0
  readonly #waiting: (() => void)[] = []

  constructor(max: number) {
    this.#max = max
  }

  async within<T>(execute: () => Promise<T>, isBegun: boolean): Promise<T> {
    if (!isBegun && this.#busy >= this.#max) await new Promise<void>((go) => this.#waiting.push(go))
    else this.#busy++
    try {
      return await execute()
    } finally {
      const next = this.#busy > this.#max ? undefined : this.#waiting.shift()
      // Whoever goes next takes the place over: nobody can come in between.
      if (next) next()
      else this.#busy--
    }
  }
}
