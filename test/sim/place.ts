/**
 * Where a program stands: the path of its scope, and the keys its operations get in it. Written a
 * second time, apart from src/run, so that the simulator notices when keys change.
 */
import { digestOf } from '../../src/ledger/index.ts'

export class Place {
  readonly path: string
  readonly #counts = new Map<string, number>()

  constructor(path: string) {
    this.path = path
  }

  /** The path of the next operation of this name in this scope. */
  operation(name: string): string {
    const count = (this.#counts.get(name) ?? 0) + 1
    this.#counts.set(name, count)
    return this.#inside(count === 1 ? name : `${name}~${count}`)
  }

  /** A scope inside this one: a turn, or a branch. */
  inner(segment: string | number): Place {
    return new Place(this.#inside(String(segment)))
  }

  #inside(segment: string): string {
    return this.path === '' ? segment : `${this.path}/${segment}`
  }
}

/** The name under which a question stands: its prompt is not in the keys of the ledger. */
export const questionName = (prompt: string): string => `question ${digestOf(prompt).slice(0, 8)}`
