/**
 * What the ledger already holds of a run when a pass begins: a fold into look-ups.
 *
 * - `queue`: outcomes not yet handed over, in ledger order. Outcomes that are committed during the
 *   pass join at its end, so live and replayed outcomes take the same way.
 * - `begun`: what was registered for operations that have begun: a wait, or failed attempts.
 */
import { decode, isOutcome, isWait, isWithin, operationPath } from '../ledger/index.ts'
import type { Entry, OutcomeKind, Payloads, WaitKind } from '../ledger/index.ts'

/** An entry with its decoded payload. */
export interface Line<K extends keyof Payloads = keyof Payloads> {
  readonly entry: Entry
  readonly kind: K
  readonly record: Payloads[K]
}

/** Narrows a line to a kind. */
export const isLine = <K extends keyof Payloads>(
  line: Line | undefined,
  kind: K,
): line is Line<K> => line?.kind === kind

/** Something the code is to be handed: an operation's outcome, or the beginning of a cancel. */
export type Delivery = Line<OutcomeKind> | Line<'run.cancelling'>

export class Recorded {
  readonly #queue: Delivery[] = []
  #taken = 0
  readonly #paths = new Set<string>()
  readonly begun: Map<string, Line<WaitKind>> = new Map()
  /** How often the run was retried after it had failed. */
  retries = 0
  /** Numbers of outcomes whose drift is noted already. */
  readonly drifted: Set<number> = new Set()
  /** Turns of open loops, by the loop's path, in order, from the last whole one on. */
  readonly turns: Map<string, Line<'turn.committed'>[]> = new Map()

  /** Decodes entries in order of seq. `lineOf` resolves references to other entries. */
  static of(entries: readonly Entry[], lineOf: (entry: Entry) => Line): Recorded {
    const recorded = new Recorded()
    const forgotten = forgottenIn(entries)
    for (const entry of entries) {
      if (!forgotten.has(entry.seq)) recorded.#add(entry, lineOf)
    }
    return recorded
  }

  #add(entry: Entry, lineOf: (entry: Entry) => Line): void {
    const { kind, scope } = entry
    const path = operationPath(scope, entry.key)
    if (isOutcome(kind)) {
      this.push(lineOf(entry) as Line<OutcomeKind>)
      if (kind !== 'scope.closed' && kind !== 'scope.failed') return
      this.turns.delete(path)
    } else if (isWait(kind)) {
      this.begun.set(path, lineOf(entry) as Line<WaitKind>)
    } else if (kind === 'run.cancelling') {
      this.push(lineOf(entry) as Line<'run.cancelling'>)
    } else if (kind === 'run.retried') {
      this.retries++
      this.#forgetWithdrawn()
    } else if (kind === 'input.drifted') {
      this.drifted.add((lineOf(entry) as Line<'input.drifted'>).record.of)
    } else if (kind === 'turn.committed') {
      const chain = this.turns.get(scope) ?? []
      chain.push(lineOf(entry) as Line<'turn.committed'>)
      this.turns.set(scope, chain)
    }
  }

  /** When a run fails its questions are withdrawn and its children cancelled: they begin again. */
  #forgetWithdrawn(): void {
    for (const [path, { kind }] of this.begun) {
      const isKept = kind === 'timer.set' || kind === 'step.retrying'
      if (!isKept && !this.#paths.has(path)) this.begun.delete(path)
    }
  }

  /** Adds what was committed during the pass. */
  push(delivery: Delivery): void {
    this.#queue.push(delivery)
    const { scope, key } = delivery.entry
    if (key !== '') this.#paths.add(operationPath(scope, key))
  }

  /** The next to be handed over. */
  get next(): Delivery | undefined {
    return this.#queue[this.#taken]
  }

  shift(): void {
    const { next } = this
    if (next) this.#paths.delete(operationPath(next.entry.scope, next.entry.key))
    this.#taken++
    if (this.#taken > 1000 && this.#taken * 2 > this.#queue.length) {
      this.#queue.splice(0, this.#taken)
      this.#taken = 0
    }
  }

  /** True while an outcome of this operation is to be handed over. */
  holds(path: string): boolean {
    return this.#paths.has(path)
  }

  /** Something recorded in the scope that is not among what the code has asked for. */
  unclaimed(scope: string, isClaimed: (path: string) => boolean): string | undefined {
    for (const path of [...this.#paths, ...this.begun.keys()]) {
      if (isWithin(path, scope) && path !== scope && !isClaimed(path)) return path
    }
    return undefined
  }

  /** The code was told of a cancel instead: whatever is recorded of this operation is not for it. */
  forget(path: string): void {
    this.begun.delete(path)
    if (!this.#paths.delete(path)) return
    const isOther = ({ entry }: Delivery): boolean => operationPath(entry.scope, entry.key) !== path
    this.#queue.splice(0, this.#queue.length, ...this.#queue.slice(this.#taken).filter(isOther))
    this.#taken = 0
  }

  /** Forgets what is left of a scope that has ended. */
  dropWithin(scope: string): void {
    const rest = this.#queue.slice(this.#taken)
    const kept = rest.filter(({ entry }) => entry.key === '' || !isWithin(entry.scope, scope))
    if (kept.length === rest.length) return
    this.#queue.splice(0, this.#queue.length, ...kept)
    this.#taken = 0
    this.#paths.clear()
    for (const { entry } of kept) this.#paths.add(operationPath(entry.scope, entry.key))
  }

  /** The paths that come next, for people. */
  preview(count: number): string[] {
    return this.#queue
      .slice(this.#taken, this.#taken + count)
      .map(({ entry }) => `${operationPath(entry.scope, entry.key)} (${entry.kind})`)
  }
}

function forgottenIn(entries: readonly Entry[]): ReadonlySet<number> {
  const retries = entries.filter((entry) => entry.kind === 'run.retried')
  return new Set(
    retries.flatMap((entry) => (decode(entry.payload ?? '{}') as Payloads['run.retried']).forget),
  )
}
