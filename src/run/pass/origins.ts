/** Which failed outcome an error in the code's hands came from: a retry begins there. */

/** Causes may form a cycle. */
const depthMax = 10

export class Origins {
  #seqs: WeakMap<object, number> | undefined

  /** The error was handed over for the outcome of this number. */
  set(error: object, seq: number): void {
    this.#seqs ??= new WeakMap()
    this.#seqs.set(error, seq)
  }

  /** The outcome this error, or one that it was caused by, was handed over for. */
  of(error: unknown): number | undefined {
    let at = error
    for (let depth = 0; depth < depthMax && typeof at === 'object' && at !== null; depth++) {
      const seq = this.#seqs?.get(at)
      if (seq !== undefined) return seq
      at = (at as { cause?: unknown }).cause
    }
    return undefined
  }
}
