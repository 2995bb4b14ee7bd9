/** Choices that look random and are the same every time. */

/** Gives a whole number from 0 on that is less than `below`. */
export type Choose = (below: number) => number

/** The choices of this seed. */
export function sequence(seed: number): Choose {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Choices among what a story knows. */
export class Dice {
  readonly pick: Choose

  constructor(pick: Choose) {
    this.pick = pick
  }

  /** One of these; there must be one. */
  one<T>(all: readonly T[]): T {
    return all[this.pick(all.length)] as T
  }

  /** One of these, if there is one. */
  oneIfAny<T>(all: readonly T[]): T | undefined {
    return all[this.pick(all.length)]
  }

  /** True so many times of a hundred. */
  chance(percent: number): boolean {
    return this.pick(100) < percent
  }

  /** Some of these. */
  some<T>(all: readonly T[], percent: number): T[] {
    return all.filter(() => this.chance(percent))
  }
}
