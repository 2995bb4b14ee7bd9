/** What a seed has to tell: what was broken, what was reached, and the trace. */
import type { State } from './states.ts'

export interface Violation {
  /** The invariant: its number in the source, or a name for what no file of the source keeps alone. */
  readonly invariant: string
  readonly what: string
}

export class Report {
  readonly violations: Violation[] = []
  readonly reached = new Map<State, number>()
  readonly #trace: ((line: string) => void) | undefined

  constructor(trace?: (line: string) => void) {
    this.#trace = trace
  }

  get hasFailed(): boolean {
    return this.violations.length > 0
  }

  break(invariant: string, what: string): void {
    this.violations.push({ invariant, what })
    this.#trace?.(`!! ${invariant}: ${what}`)
  }

  /** Reports unless the condition holds. */
  check(condition: boolean, invariant: string, what: () => string): void {
    if (!condition) this.break(invariant, what())
  }

  reach(state: State): void {
    this.reached.set(state, (this.reached.get(state) ?? 0) + 1)
  }

  get isTracing(): boolean {
    return this.#trace !== undefined
  }

  trace(line: () => string): void {
    this.#trace?.(line())
  }
}
