/**
 * A pass: one stretch of a run's execution, from its claim until it is blocked or has ended.
 *
 * The pass owns the operations the code has asked for, hands outcomes over, and decides when the
 * stretch is over. Live and replay are one path: an outcome, recorded or just committed, joins one
 * queue in ledger order and leaves it one at a time.
 *
 * P1 Outcomes are handed over in ledger order, and microtasks drain before each: what the code does
 *    in between is the same however fast the outcomes came.
 * P2 Nothing begins that is not recorded while recorded outcomes or waits are left, and no scope ends
 *    of which nothing is recorded. What the ledger holds and the code does not ask for is a divergence:
 *    the run is paused, nothing is skipped or repeated. Code that asks for nothing new may still be on
 *    its way to a wait.
 * P3 An outcome is handed over only after it is durable.
 * P4 Operations of an ended pass never settle. Suspension is that silence, never an exception.
 * P5 The pass ends when nothing is busy and a short linger has passed; the release that ends it
 *    makes the run due at once if a message came that it has not seen.
 */
import { Cancelled, EverloopError, untraced } from '../../base/errors.ts'
import type { Ports } from '../../base/ports.ts'
import { operationPath } from '../../ledger/index.ts'
import type { AnyDraft, OutcomeKind, Payloads } from '../../ledger/index.ts'
import type { Store } from '../../store/store.ts'
import { meet, misfitOf } from '../effects/meet.ts'
import { passOnCancel } from './cancelling.ts'
import { DueTimes } from './due-times.ts'
import { drifted, driftOf } from '../replay/drift.ts'
import { Holds } from './holds.ts'
import type { Item } from './journal.ts'
import { Landings } from './landings.ts'
import { Mailbox } from './mailbox.ts'
import { type Family, type Live, Operation } from './operation.ts'
import { operationEntry, type Prepared } from './operation-entry.ts'
import { type Left, Leaving } from './leaving.ts'
import { LoopEnd } from './loop-end.ts'
import { Operations, unfinished } from './operations.ts'
import { Origins } from './origins.ts'
import type { PassOptions as OptionsOf, Shadow } from './pass-options.ts'
import { Quiet, stallMs } from './quiet.ts'
import type { Reader } from '../replay/reader.ts'
import { isLine, type Line, type Recorded } from '../replay/recorded.ts'
import { repeated } from '../replay/repeat.ts'
import type { Resources } from './resource.ts'
import { Scope } from './scope.ts'
import {
  diverged,
  hanging,
  joined,
  pausedDraft,
  stalled,
  unable,
  unasked,
  withdrawn,
} from './stop.ts'
import type { PassEnd, Stop } from './stop.ts'

export type PassOptions = OptionsOf<Pass>

export class Pass {
  readonly run: string
  readonly ports: Ports
  readonly store: Store
  readonly journal: PassOptions['journal']
  readonly recorded: Recorded
  readonly reader: Reader
  readonly resources: Resources
  readonly root: Scope
  readonly operations: Operations
  readonly origins: Origins = new Origins()
  readonly mailbox: Mailbox
  readonly landings: Landings = new Landings()
  readonly options: PassOptions
  /** Limits of the run's own budget, for its children to keep. */
  limits: Readonly<Record<string, number>> | undefined
  readonly #holds: Holds
  readonly #leaving: Leaving
  readonly #quiet: Quiet
  readonly #due: DueTimes
  /** `finishing`: the code is not listened to any more, and the last append is on its way. */
  #state: 'running' | 'finishing' | 'ended' = 'running'
  /** All that was recorded is handed over: from now on things begin, and messages are taken. */
  #isLive = false
  /** Microtasks are draining before the next look at what can be handed over. */
  #isStirred = false
  /** What may begin when nothing recorded is left (P2). */
  #parked: Operation[] = []
  /** Those who wait for that moment and are no operations. */
  readonly #beginners: (() => void)[] = []
  /** What the code was told of. */
  #cancel: Cancelled | undefined
  #loopEnd: LoopEnd | undefined
  /** Why the pass comes to its end although the code could go on. */
  #stop: Stop | undefined

  constructor(options: PassOptions) {
    this.options = options
    this.run = options.run
    this.ports = options.ports
    this.store = options.store
    this.journal = options.journal
    this.recorded = options.recorded
    this.reader = options.reader
    this.resources = options.resources
    this.operations = new Operations(options.scopes)
    this.#leaving = new Leaving(this.operations, {
      ...options,
      onDivergence: (what) => this.diverge(what),
    })
    this.root = Scope.root(options.run, options.seed, options.started.time)
    this.#due = new DueTimes(this, () => this.#stir())
    this.#quiet = new Quiet(options.ports)
    this.#holds = new Holds(options.ports, {
      onHanging: () => this.stop(hanging(stallMs)),
      onReady: () => this.#stir(),
    })
    this.mailbox = new Mailbox({
      ...options,
      awaited: () => this.operations.awaitedSignals(),
      offer: (message) => options.onMessage(this, message),
      onSearched: () => {
        this.#due.setAlarm()
        this.#stir()
      },
    })
  }

  get isReplaying(): boolean {
    return !this.#isLive
  }

  get isOver(): boolean {
    return this.#state !== 'running'
  }

  /** True when everything waits and the pass is about to be given back. */
  get isBlocked(): boolean {
    return this.#quiet.isLingering
  }

  /** What the run is being cancelled with, once the code has been told. */
  get cancelled(): Cancelled | undefined {
    return this.#cancel
  }

  /** When the run fails, unless it is ending already. */
  get deadline(): number | undefined {
    return this.#due.deadline
  }

  /** Waits for something that is no operation and is the same on every replay: see holds.ts. */
  hold<T>(read: Promise<T>, scope: Scope): Promise<T> {
    if (this.isOver) return new Promise(() => {})
    this.#quiet.end()
    return this.#holds.add(read, scope.shielded)
  }

  /** Calls `begin` when what is not recorded may begin, before any of it does; never, when the pass ends or stops before. */
  whenLive(begin: () => void): void {
    this.#beginners.push(begin)
    this.#stir()
  }

  /** There may be something to hand over or to begin: at the start, and after each append. */
  readonly begin = (): void => this.#stir()

  /** Registers what the code asks for and returns what it will be handed. */
  request(scope: Scope, family: Family, key: string, live: Live): Promise<unknown> {
    const { recorded } = this
    const path = operationPath(scope.path, key)
    const done = repeated(this, path, live)
    const operation = new Operation(scope, family, key, path, done ?? live)
    if (this.isOver || scope.isLeaving) return operation.promise
    meet(operation, recorded)
    if (isLine(operation.begun, 'child.started')) {
      operation.child = operation.begun.record.run
      passOnCancel(this, operation)
    }
    if (this.#cancel && !scope.shielded && live.shielded !== true) {
      operation.reject(this.#cancel)
      recorded.forget(path)
      return operation.promise
    }
    this.operations.add(operation)
    if (recorded.begun.size > 0) recorded.begun.delete(path)
    if (recorded.holds(path)) operation.phase = 'replaying'
    else if (family === 'scope' && !done) {
      operation.phase = 'open'
      live.begin(operation)
    } else this.#parked.push(operation.parked())
    this.#stir()
    return operation.promise
  }

  /** Commits an operation's outcome; it is handed over once it is durable. */
  conclude<K extends OutcomeKind>(
    operation: Operation,
    kind: K,
    record: Payloads[K],
    item: Omit<Partial<Item>, 'drafts' | 'artifacts' | 'committed'> &
      Prepared & { readonly before?: readonly AnyDraft[] } = {},
  ): void {
    if (this.isOver || operation.phase === 'settled' || operation.scope.closed) return
    operation.phase = 'busy'
    operation.due = undefined
    const { before = [], payload, artifacts: given, ...rest } = item
    const recording = { kind, record, payload, artifacts: given }
    const { draft, artifacts, line } = operationEntry(operation, recording, this.options.redactor)
    this.commit({
      ...rest,
      artifacts,
      drafts: [...before, draft],
      committed: (entries) => {
        const entry = entries[before.length]
        // A scope that closed meanwhile took the operation with it: nobody waits for the outcome.
        if (!entry || operation.scope.closed) return
        if (operation.phase === 'busy') operation.phase = 'replaying' // nothing is done about it any more
        this.recorded.push(line(entry))
      },
    })
  }

  /** Commits entries that hand nothing over. There is nothing to look for before they are durable. */
  commit(item: Item): void {
    if (this.isOver) return
    this.#quiet.end()
    const { taken = [] } = item
    if (taken.length === 0) return this.journal.push(item)
    this.mailbox.appending(taken)
    const committed: Item['committed'] = (entries) => {
      item.committed?.(entries)
      this.mailbox.taken(taken)
    }
    this.journal.push({ ...item, committed })
  }

  /** The operation waits from now on: for a message, or until `due`. */
  wait(operation: Operation, due: number | undefined): void {
    if (this.isOver || operation.phase === 'settled' || operation.scope.closed) return
    operation.phase = 'waiting'
    operation.due = due
    this.#due.onWait()
    this.#stir()
    const { family } = operation
    if (family === 'step' ? due === undefined : family !== 'timer') this.mailbox.search()
  }

  /** Nothing that is not recorded begins any more; what is busy ends, then the run is given back. */
  stop(stop: Stop): void {
    this.#stop = joined(this.#stop, stop)
    this.#stir()
  }

  /** A cancel of this number is taken: it goes before a pause. Returns the messages that it has overruled. */
  overrule(cancel: number): readonly number[] {
    const { left, taken } = withdrawn(this.#stop, cancel)
    this.#stop = left
    return taken
  }

  /** A rejection that nobody handles has come out of the run's code. */
  readonly onRejection = (reason: unknown): void => this.options.onTrouble(reason)

  /** Ends the pass at once without a word: somebody else is in charge, or the process is closing. */
  drop(error: EverloopError): void {
    if (this.#state === 'ended') return
    this.journal.abandon()
    this.#end({ is: 'lost', error })
  }

  /**
   * Ends a scope: what is left in it is abandoned, and `onLeft` is called. Later, when something holds
   * it; never, when the run is paused on a divergence.
   */
  leave(scope: Scope, onLeft: (left: Left) => void): void {
    this.#leaving.leave(scope, onLeft)
    this.#stir()
  }

  /** Pauses the run because code and ledger do not fit; `what` says how. */
  diverge(what: string): void {
    if (this.#stop?.is === 'pause' || this.isOver) return
    this.#stop = diverged(what, this.operations, this.recorded)
    this.#stir()
  }

  /** Commits the last entries of the run, gives it back, and ends the pass. */
  async finish(item: Item | Promise<Item>, end: PassEnd = { is: 'ended' }): Promise<void> {
    if (this.isOver) return
    this.#leaveOff()
    await this.resources.close(this.ports)
    this.journal.push({ ...(await item), committed: () => this.#end(end) })
  }

  /** Ends the run with what `item` makes, unless the operation takes a message before that is durable. */
  endUnlessNews(operation: Operation, item: () => Item): void {
    this.#loopEnd = new LoopEnd(this, operation, item)
    this.#stir()
  }

  /** Something happened: look again at what can be handed over, when microtasks have drained. */
  #stir(): void {
    this.#quiet.end()
    if (this.#isStirred || this.isOver) return
    this.#isStirred = true
    // A long replay, or a store that answers at once, must leave the event loop to others too.
    this.options.turns.afterMicrotasks(this.#onDrained)
  }

  #onDrained = (): void => {
    this.#isStirred = false
    if (!this.isOver) this.#pump()
    this.#due.settle()
  }

  /** One look: hands one thing over and looks again later, or begins what may begin. */
  #pump(): void {
    if (this.#holds.hold) return this.#holds.next() ? this.#stir() : this.#whileHeld()
    if (this.#leaving.next() || this.#handOverNext()) return this.#stir()
    if (!this.#isLive && !this.recorded.next) this.#goLive()
    if (this.options.shadow) return this.#tell(this.options.shadow)
    // Nothing begins before it is known whether the run has been cancelled meanwhile.
    if (!this.mailbox.isSearching) this.#beginParked()
    this.#watch()
  }

  /** Hands over what comes next in the ledger (P1), unless the code has not asked for it. */
  #handOverNext(): boolean {
    const { next } = this.recorded
    if (!next) return false
    if (next.kind === 'run.cancelling') {
      this.recorded.shift()
      this.#beginCancel(next)
      return true
    }
    const operation = this.operations.get(operationPath(next.entry.scope, next.entry.key))
    if (!operation) return false
    this.recorded.shift()
    this.#handOver(operation, next)
    return true
  }

  #tell(shadow: Shadow): void {
    const parked = unfinished([...this.operations]).filter(({ phase }) => phase === 'parked')
    shadow.onExhausted(parked.map(({ path }) => path))
  }

  #goLive(): void {
    if (this.#stop || this.options.shadow) return
    this.#isLive = true
    this.#due.checkDeadline()
    this.#due.setAlarm()
    this.mailbox.open()
  }

  /** The code is reading or opening something, for ever perhaps: a stop or a cancel goes past it. */
  #whileHeld(): void {
    if (!this.#isLive && !this.recorded.next) this.#goLive()
    this.#quiet.end()
    if (this.#stop) this.#watch()
    else if (this.recorded.cancelling && !this.#cancel) {
      this.#quiet.wait('cancel', () => {
        this.#holds.pass()
        this.#stir()
      })
    }
  }

  #handOver(operation: Operation, line: Line<OutcomeKind>): void {
    // Cancelled while it was busy: the code has its answer, the ledger keeps what happened.
    if (operation.phase === 'settled') return
    if (this.#isMisfit(operation, line)) return
    const drift = driftOf(operation, line)
    if (drift && operation.live.unrepeatable) return this.stop(drifted(operation))
    this.operations.delete(operation)
    operation.scope.time = line.entry.time
    if (drift && !this.recorded.drifted.has(line.entry.seq)) this.commit({ drafts: [drift] })
    const outcome = operation.settle(line)
    if (outcome.is === 'error') this.origins.set(outcome.error, line.entry.seq)
    else operation.scope.handed(line.entry.seq, line.record, line.entry.payload ?? '')
  }

  /** Pauses the run when the code asks for something else than what is recorded here. */
  #isMisfit(operation: Operation, line: Line): boolean {
    const what = misfitOf(operation, line)
    if (what !== undefined) this.diverge(what)
    return what !== undefined
  }

  #beginParked(): void {
    if (!this.#isLive || this.#stop) return
    if (this.#parked.length === 0 && this.#beginners.length === 0) return
    // After a cancel was taken nothing begins until the code has been told.
    if (this.recorded.cancelling && !this.#cancel) return
    const isEarly = this.recorded.expected !== undefined
    for (const begin of isEarly ? [] : this.#beginners.splice(0)) {
      begin()
      if (this.#stop) return
    }
    const parked = this.#parked
    this.#parked = []
    for (const operation of parked) {
      if (operation.phase !== 'parked' || operation.scope.closed) continue
      if (isEarly && !operation.begun) {
        this.#parked.push(operation)
        continue
      }
      if (operation.begun && this.#isMisfit(operation, operation.begun)) return
      operation.phase = 'busy'
      try {
        operation.live.begin(operation)
      } catch (error) {
        // The code is not told: nothing is recorded of it, and a replay may find that it can begin.
        operation.phase = 'parked'
        return this.stop(unable(operation, error))
      }
    }
  }

  #beginCancel(line: Line<'run.cancelling'>): void {
    const error = new Cancelled({ run: this.run, reason: line.record.reason })
    this.#cancel = error
    this.root.abort(() => error)
    for (const operation of this.operations) {
      // A scope ends by itself, when what its body waits for is rejected.
      if (!operation.scope.shielded && operation.family !== 'scope') operation.cancel(error)
    }
    this.#holds.cancel(error)
    this.#due.setAlarm()
  }

  /** Decides what comes next when nothing can be handed over. */
  #watch(): void {
    this.#quiet.end() // beginning what was parked may have stirred, and this is the second look
    let waiting = this.#beginners.length
    for (const { phase } of this.operations) {
      if (phase === 'busy') return
      if (phase === 'waiting' || phase === 'parked' || phase === 'replaying') waiting++
    }
    if (this.journal.pending || this.mailbox.isBusy || this.options.publisher.isSending('')) return
    if (this.#stop) {
      this.#halt(this.#stop)
    } else if (this.#loopEnd?.isDue) {
      this.#endUnlessNews(this.#loopEnd)
    } else if (waiting === 0) {
      this.#quiet.wait('stall', () => this.stop(stalled(stallMs)))
    } else if (this.#isLive && this.#parked.length === 0 && this.#beginners.length === 0) {
      // The code may be on its way to what is recorded as begun.
      const reason = this.recorded.begun.size > 0 ? 'divergence' : 'linger'
      this.#quiet.wait(reason, () => this.#release(this.#due.next))
    } else {
      this.#quiet.wait('divergence', () => this.diverge(unasked(this.recorded)))
    }
  }

  #endUnlessNews({ item }: LoopEnd): void {
    if (this.#leaving.isPassedOver(this.root)) return
    this.commit({ ...item, committed: () => void this.#endClosing() })
  }

  /** Only now is it sure that the code does not go on and need its resources. */
  async #endClosing(): Promise<void> {
    this.#leaveOff()
    await this.resources.close(this.ports)
    if (this.#state === 'finishing') this.#end({ is: 'ended' })
  }

  /** Gives the run back: it goes on when a message comes or this time is there. */
  #release(wake: number | undefined, last: Item = { drafts: [] }): void {
    void this.finish({ ...last, release: { wake, seen: this.mailbox.seen } }, { is: 'released' })
  }

  #halt(stop: Stop): void {
    const { seen } = this.mailbox
    const end = stop.is === 'move' ? stop.end() : stop
    if (end.is === 'pause') {
      const drafts = [pausedDraft(end)]
      void this.finish({ drafts, taken: end.taken, release: { wake: undefined, seen } })
    } else this.#release(this.store.clock.now(), end.last)
  }

  /** What happens or becomes due from here on is the next pass's to do. */
  #leaveOff(): void {
    this.#state = 'finishing'
    this.#quiet.end()
    this.#due.close()
    this.mailbox.close()
    this.#holds.close()
  }

  #end(end: PassEnd): void {
    this.#leaveOff()
    this.#state = 'ended'
    const ended = `The pass of run "${this.run}" has ended.`
    this.root.abort(() => untraced(() => new EverloopError('CANCELLED', ended, { run: this.run })))
    void this.resources.close(this.ports)
    this.options.onEnd(end)
  }
}
