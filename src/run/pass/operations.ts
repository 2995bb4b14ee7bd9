/**
 * The operations that the code has asked for in this pass and not been handed yet, by path and by
 * scope, and where the ledger's open scopes begin.
 */
import { isWithin, PathMap } from '../../ledger/index.ts'
import type { Entry, OpenScope, WaitKind } from '../../ledger/index.ts'
import type { Operation } from './operation.ts'
import { isLine, type Line } from '../replay/recorded.ts'
import type { Scope } from './scope.ts'

export class Operations {
  readonly #byPath = new Map<string, Operation>()
  readonly #byScope = new Map<Scope, Set<Operation>>()
  /** The first entry of each open scope that a resume needs. */
  readonly #begins: PathMap<number>

  /** Some operation may hold its scope: most runs have none. */
  #mayHold = false

  constructor(begins: ReadonlyMap<string, number>) {
    this.#begins = new PathMap(begins)
  }

  [Symbol.iterator](): Iterator<Operation> {
    return this.#byPath.values()
  }

  add(operation: Operation): void {
    this.#byPath.set(operation.path, operation)
    this.#mayHold ||= operation.holds || operation.live.unrepeatable === true
    const others = this.#byScope.get(operation.scope)
    if (others) others.add(operation)
    else this.#byScope.set(operation.scope, new Set([operation]))
  }

  get(path: string): Operation | undefined {
    return this.#byPath.get(path)
  }

  has(path: string): boolean {
    return this.#byPath.has(path)
  }

  delete(operation: Operation): void {
    this.#byPath.delete(operation.path)
    this.#byScope.get(operation.scope)?.delete(operation)
  }

  /**
   * The earliest of the deadline and the times at which something goes on by itself: what waits,
   * and what is recorded as begun and has not been asked for.
   */
  nextDue(begun: Iterable<Line<WaitKind>>, deadline: number | undefined): number | undefined {
    let next = deadline ?? Infinity
    for (const { record } of begun) if ('due' in record) next = Math.min(next, record.due ?? next)
    for (const { phase, due } of this) if (phase === 'waiting') next = Math.min(next, due ?? next)
    return next === Infinity ? undefined : next
  }

  /** What waits for a time that has come. */
  dueAt(now: number): Operation[] {
    return [...this].filter(({ phase, due }) => phase === 'waiting' && (due ?? Infinity) <= now)
  }

  /** Names of the signals that are waited for. */
  awaitedSignals(): string[] {
    const names = [...this].flatMap(({ phase, begun, live }) => {
      if (phase !== 'waiting') return []
      return isLine(begun, 'signal.awaited') ? [begun.record.name] : (live.receives ?? [])
    })
    return [...new Set(names)]
  }

  /** True while an operation in the scope, or in one inside, must be known about before it closes. */
  isHeld(scope: Scope): boolean {
    if (!this.#mayHold) return false
    for (const { holds, phase } of this.#byScope.get(scope) ?? []) {
      if (holds && phase !== 'settled') return true
    }
    for (const inner of scope.children) if (this.isHeld(inner)) return true
    return false
  }

  /** What has not ended in the scope and those inside. */
  unfinishedIn(scope: Scope): readonly Operation[] {
    const inner = [...scope.children].flatMap((one) => this.unfinishedIn(one))
    return [...unfinished([...(this.#byScope.get(scope) ?? [])]), ...inner]
  }

  /** Gives up what holds nothing in the scope and those inside. Returns what had not ended. */
  abandon(scope: Scope): readonly Operation[] {
    const given = [...(this.#byScope.get(scope) ?? [])].filter(({ holds }) => !holds)
    const left = [...unfinished(given)]
    for (const operation of given) operation.abandon()
    for (const inner of scope.children) left.push(...this.abandon(inner))
    return left
  }

  /** Takes everything out that was asked for in the scope and the scopes inside, and closes them. */
  close(scope: Scope): Operation[] {
    const left = [...(this.#byScope.get(scope) ?? [])]
    this.#byScope.delete(scope)
    for (const operation of left) this.#byPath.delete(operation.path)
    for (const inner of scope.children) left.push(...this.close(inner))
    scope.close()
    return left
  }

  /** True when the ledger holds something of the scope, which is open. */
  isRecorded(scope: string): boolean {
    return this.#begins.has(scope) || this.#begins.inside(scope).length > 0
  }

  /** The same, or it is about to. */
  hasBegun(scope: string): boolean {
    if (this.isRecorded(scope)) return true
    return [...this].some(({ phase, path }) => phase === 'busy' && isWithin(path, scope))
  }

  /**
   * The scopes inside this one that the ledger has, or is about to have, as open, so that a retry
   * can open them again. Where one begins is a lower bound while its first entry is on its way.
   */
  openWithin(scope: Scope): OpenScope[] {
    const open: OpenScope[] = [{ path: scope.path, from: this.#begins.get(scope.path) ?? 1 }]
    for (const inner of scope.children) open.push(...this.openWithin(inner))
    return open
  }

  /** Forgets the scope and those inside: the ledger is about to have them as closed. */
  forgetWithin(scope: string): void {
    this.#begins.deleteWithin(scope)
  }

  /** Keeps track of where scopes begin. */
  onCommitted(entries: readonly Entry[]): void {
    for (const { scope, seq } of entries) {
      if (scope !== '' && !this.#begins.has(scope)) this.#begins.set(scope, seq)
    }
  }

  /** A loop's turn was kept whole: a resume reads from here. */
  onWhole(scope: string, seq: number): void {
    this.#begins.set(scope, seq)
  }
}

/** Those that had not ended. What only takes what may come is not missed. */
export const unfinished = (left: readonly Operation[]): readonly Operation[] =>
  left.filter(({ phase, live }) => phase !== 'settled' && live.receives === undefined)
