/**
 * What the ledger already holds of a run when a pass begins: a fold into look-ups.
 *
 * - `queue`: outcomes not yet handed over, in ledger order. Outcomes that are committed during the
 *   pass join at its end, so live and replayed outcomes take the same way.
 * - `begun`: what was registered for operations that have begun: a wait, or failed attempts.
 * - `done`: successes that a retry has taken out of the queue (see retry.ts, R3), until the code has
 *   asked for them again.
 */
import { LateMap } from '../../base/late-map.ts'
import { LateSet } from '../../base/late-set.ts'
import { decode, isOutcome, isWait, isWithin, operationPath } from '../../ledger/index.ts'
import type { Entry, OutcomeKind, Payloads, WaitKind } from '../../ledger/index.ts'
import { Queue } from './queue.ts'

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

/** A success that a retry has forgotten, and what had begun it. */
export interface Done {
  readonly line: Line<OutcomeKind>
  readonly begun: Line<WaitKind> | undefined
}

/** What is recorded of a call whose effect counts, whether a retry has forgotten it or not. */
export interface Call {
  readonly intent: Line<'effect.intended'> | undefined
  readonly doubt: Line<'effect.doubted'> | undefined
  /** What was said last, of all that is said of effects. */
  readonly last: Line<WaitKind>
}

/** Outcomes that a retry gives another chance. All others are done once and for all. */
const failures: readonly Entry['kind'][] = [
  'step.failed',
  'signal.expired',
  'question.expired',
  'child.failed',
  'scope.failed',
]

export class Recorded {
  readonly #queue = new Queue<Delivery>()
  readonly begun: LateMap<string, Line<WaitKind>> = new LateMap()
  readonly #done = new LateMap<string, Done>()
  /** Children whose end does not count or was never heard of, by path. */
  readonly #children = new LateMap<string, Line<'child.started'>>()
  /** Who asked for the last retry. */
  retriedBy: string | undefined
  /** Since then a person has agreed to other runs in the place of children that cannot go on (R5). */
  mayBeginAnew = false
  /** The cancel that has been taken and not ended the run yet, whether the code was told or not. */
  cancelling: Payloads['run.cancelling'] | undefined
  /** The number of the cancel that the code has been told of. */
  #cancelledAt = -Infinity
  /** Those who wait for that. */
  readonly #untold: (() => void)[] = []
  /** Numbers of outcomes whose drift is noted already. */
  readonly drifted: LateSet<number> = new LateSet()
  /** Calls that were intended, by path. */
  readonly calls: LateMap<string, Call> = new LateMap()
  /** What was said about requests for approval, by path, in order. */
  readonly said: LateMap<string, Line[]> = new LateMap()
  /** Turns of open loops, by the loop's path, in order, from the last whole one on. */
  readonly turns: LateMap<string, Line<'turn.committed'>[]> = new LateMap()

  /** Decodes entries in order of seq. `lineOf` resolves references to other entries. */
  static of(entries: readonly Entry[], lineOf: (entry: Entry) => Line): Recorded {
    const recorded = new Recorded()
    const forgotten = forgottenIn(entries)
    /** Waits of operations whose outcome may be forgotten like them. */
    const begun = new Map<string, Line<WaitKind>>()
    entries.forEach((entry) => {
      if (entry.kind === 'step.completed') recorded.#forgetCall(entry)
      else if (isWait(entry.kind) && entry.kind.startsWith('effect.')) {
        recorded.#noteCall(entry, lineOf)
      }
      if (!forgotten.has(entry.seq)) recorded.#add(entry, lineOf)
      else if (isWait(entry.kind)) {
        const line = lineOf(entry) as Line<WaitKind>
        begun.set(pathOf(entry), line)
        recorded.#noteChild(line)
      } else recorded.#keep(entry, lineOf, begun)
    })
    return recorded
  }

  /** An effect is never forgotten: whoever asks for it again is told what became of it. */
  #noteCall(entry: Entry, lineOf: (entry: Entry) => Line): void {
    const path = pathOf(entry)
    const last = lineOf(entry) as Line<WaitKind>
    const { intent, doubt } = this.calls.get(path) ?? {}
    this.calls.set(path, {
      intent: isLine(last, 'effect.intended') ? last : intent,
      doubt: isLine(last, 'effect.doubted') ? last : doubt,
      last,
    })
  }

  /** It is known to have happened: from now on the outcome says all. */
  #forgetCall(entry: Entry): void {
    if (this.calls.size > 0) this.calls.delete(pathOf(entry))
  }

  /** A forgotten outcome: if it is a success, it is kept for when the code asks for it again. */
  #keep(
    entry: Entry,
    lineOf: (entry: Entry) => Line,
    begun: ReadonlyMap<string, Line<WaitKind>>,
  ): void {
    const { kind } = entry
    if (!isOutcome(kind) || failures.includes(kind)) return
    const path = pathOf(entry)
    const line = lineOf(entry) as Line<OutcomeKind>
    const before = begun.get(path) ?? this.begun.get(path) ?? this.#done.get(path)?.begun
    this.#done.set(path, { line, begun: before })
  }

  /** The success that a retry has forgotten at this path, if nothing has come of it since. */
  doneAt(path: string): Done | undefined {
    return this.#done.get(path)
  }

  #noteChild(begun: Line<WaitKind>): void {
    if (isLine(begun, 'child.started')) this.#children.set(pathOf(begun.entry), begun)
  }

  /** The run that was started at this path, if how it ended does not count any more. */
  earlierChild(path: string): Payloads['child.started'] | undefined {
    return this.#children.get(path)?.record
  }

  /** Something newer than what was kept has come at this path: that is what counts. */
  #supersede(entry: Entry): void {
    const path = pathOf(entry)
    const done = this.#done.get(path)
    // A child's input stands where it was started, and that was forgotten too.
    if (done && isLine(done.begun, 'child.started') && entry.kind === 'child.completed') {
      this.begun.set(path, done.begun)
    }
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
      this.#done.delete(path.slice(0, end))
    }
  }

  #add(entry: Entry, lineOf: (entry: Entry) => Line): void {
    const { kind, scope } = entry
    const path = pathOf(entry)
    if (this.#done.size > 0) this.#supersede(entry)
    if (isOutcome(kind)) {
      this.push(lineOf(entry) as Line<OutcomeKind>)
      if (kind !== 'scope.closed' && kind !== 'scope.failed') return
      this.turns.delete(path)
    } else if (isWait(kind)) {
      const line = lineOf(entry) as Line<WaitKind>
      this.begun.set(path, line)
      this.#noteChild(line)
    } else if (kind === 'run.cancelling') {
      const line = lineOf(entry) as Line<'run.cancelling'>
      this.cancelling = line.record
      this.push(line)
    } else if (kind === 'run.retried') {
      const { by, anew = false } = (lineOf(entry) as Line<'run.retried'>).record
      this.retriedBy = by
      this.mayBeginAnew = anew
      this.#forgetCancel()
      this.#forgetWithdrawn()
    } else if (kind === 'run.resumed') {
      this.mayBeginAnew ||= (lineOf(entry) as Line<'run.resumed'>).record.anew === true
    } else if (kind === 'input.drifted') {
      this.drifted.add((lineOf(entry) as Line<'input.drifted'>).record.of)
    } else if (kind === 'approval.voted' || kind === 'approval.changed') {
      const said = this.said.get(path) ?? []
      said.push(lineOf(entry))
      this.said.set(path, said)
    } else if (kind === 'turn.committed') {
      const chain = this.turns.get(scope) ?? []
      chain.push(lineOf(entry) as Line<'turn.committed'>)
      this.turns.set(scope, chain)
    }
  }

  /** A run that failed although it was being cancelled goes on without the cancel. */
  #forgetCancel(): void {
    if (!this.cancelling) return
    this.cancelling = undefined
    this.#queue.drop(this.#queue.rest().filter(({ kind }) => kind === 'run.cancelling'))
  }

  /** When a run fails its questions are withdrawn and its children cancelled: they begin again. */
  #forgetWithdrawn(): void {
    for (const [path, { kind }] of this.begun) {
      const isKept = kind === 'timer.set' || kind === 'step.retrying'
      if (!isKept && !this.#queue.at(path)) this.begun.delete(path)
    }
  }

  /** Adds what was committed during the pass. */
  push(delivery: Delivery): void {
    this.#queue.push(delivery)
    if (this.#children.size > 0 && delivery.entry.key !== '') {
      this.#children.delete(pathOf(delivery.entry))
    }
    if (this.#done.size > 0 && delivery.entry.key !== '') this.#done.delete(pathOf(delivery.entry))
  }

  /** The next to be handed over. */
  get next(): Delivery | undefined {
    return this.#queue.next
  }

  /** True when nothing is left of what the ledger holds that the code could ask for. */
  get isSpent(): boolean {
    return this.next === undefined && this.begun.size === 0 && this.#done.size === 0
  }

  /** What the code must ask for before anything new may begin: an outcome, or a wait. */
  get expected(): string | undefined {
    const { next, cancelling } = this
    if (next) return pathOf(next.entry)
    // Code that was told of a cancel instead does not come to its waits.
    return cancelling || this.begun.size === 0 ? undefined : this.begun.keys().next().value
  }

  /** When the code is told of a cancel that was taken before this entry was written; undefined where it need not be. */
  toldBefore(seq: number): Promise<void> | undefined {
    if (!this.cancelling) return undefined
    const cancel = this.#queue.rest().find(({ kind }) => kind === 'run.cancelling')
    if (!cancel || cancel.entry.seq > seq) return undefined
    return new Promise((resolve) => this.#untold.push(resolve))
  }

  shift(): void {
    const { next } = this
    if (next?.kind === 'run.cancelling') {
      this.#cancelledAt = next.entry.seq
      for (const told of this.#untold.splice(0)) told()
    }
    this.#queue.shift()
  }

  /** True while an outcome of this operation is to be handed over. */
  holds(path: string): boolean {
    const { next } = this
    return next !== undefined && (pathOf(next.entry) === path || this.#queue.at(path) !== undefined)
  }

  /** True when the code has been here before: there is an outcome, or something that waits for one. */
  knows(path: string): boolean {
    return this.begun.has(path) || this.holds(path) || this.#done.has(path)
  }

  /** Something recorded in the scope that is not among what the code has asked for. */
  unclaimed(scope: string, claimed: { has(path: string): boolean }): string | undefined {
    for (const { entry } of this.#queue.inside(scope)) {
      if (!claimed.has(pathOf(entry))) return pathOf(entry)
    }
    for (const path of this.begun.keys()) {
      if (isWithin(path, scope) && path !== scope && !claimed.has(path)) return path
    }
    return undefined
  }

  /**
   * Forgets the waits in a scope that the code did not come to because it was told of a cancel: those
   * that began before it. Returns the children among them. Effects in doubt are not forgotten.
   */
  dropMissed(scope: string): readonly { readonly child: string | undefined }[] {
    if (this.#cancelledAt === -Infinity) return []
    const dropped = Array.from(this.begun).filter(
      ([path, { entry, kind }]) =>
        entry.seq < this.#cancelledAt && isWithin(path, scope) && !kind.startsWith('effect.'),
    )
    for (const [path] of dropped) this.begun.delete(path)
    return dropped.map(([, line]) => ({
      child: isLine(line, 'child.started') ? line.record.run : undefined,
    }))
  }

  /** The code was told of a cancel instead: whatever is recorded of this operation is not for it. */
  forget(path: string): void {
    this.begun.delete(path)
    const queued = this.#queue.at(path)
    if (queued) this.#queue.drop([queued])
  }

  /** Forgets what is left of a scope that has ended. */
  dropWithin(scope: string): void {
    this.#queue.drop(this.#queue.inside(scope))
  }

  /** The paths that come next, for people. */
  preview(count: number): string[] {
    return this.#queue.rest(count).map(({ entry }) => `${pathOf(entry)} (${entry.kind})`)
  }
}

const pathOf = ({ scope, key }: Entry): string => operationPath(scope, key)

function forgottenIn(entries: readonly Entry[]): ReadonlySet<number> {
  const retries = entries.filter((entry) => entry.kind === 'run.retried')
  return new Set(
    retries.flatMap((entry) => (decode(entry.payload ?? '{}') as Payloads['run.retried']).forget),
  )
}
