/**
 * The worker: claims due runs, executes them, and keeps its lease while it does.
 *
 * W1 A worker holds runs only under a session of its own, whose token nobody had before. When the
 *    session is lost, or cannot be renewed before its lease ends, everything in hand is dropped
 *    before a new session begins, and given back where no code is to blame for it.
 * W2 Heartbeats come from a timer, not from steps; a frozen event loop sends none.
 * W3 Runs that are blocked and linger do not count against the concurrency.
 * W4 Nothing is polled that the store can tell: the worker sleeps until something was committed or
 *    the next run is due. A slow poll remains, for what might be missed.
 *
 * Who may begin beside whom is decided in last-chance.ts (W5).
 */
import { assert, type ErrorCode, EverloopError } from '../../base/errors.ts'
import { Redactor } from '../../base/redactor.ts'
import type { RunRow } from '../../store/store.ts'
import type { Executing } from './executing.ts'
import { execute } from './executor.ts'
import { FairTurns } from './fair-turns.ts'
import { heldUpMs, type InHand, isOnLastChance, provenMs, waitingAmong } from './last-chance.ts'
import type { PassEnd } from '../pass/stop.ts'
import type { RuntimeParts } from './runtime-parts.ts'
import { type LossCause, SessionKeeper } from './session.ts'
import { attributeRejections } from './unhandled.ts'

/** The poll that remains when nothing is ever told. */
const pollMs = 5000
/** How long claims are put off after the store was in trouble. */
const troubleMs = 1000
/** How long a run is put off that could not be executed for a reason of its own. */
const lostMs = 10_000

export interface WorkerOptions extends RuntimeParts {
  /** How many runs are executed at a time. */
  readonly concurrency: number
  /** A pass of this run has ended. */
  readonly onPassEnd: (run: string, end: PassEnd) => void
}

type State = 'new' | 'working' | 'draining' | 'stopped'

interface Held extends InHand {
  readonly executing: Executing
  readonly row: RunRow
  isOnLastChance: boolean
}

export class Worker {
  readonly #options: WorkerOptions
  readonly #turns: FairTurns
  readonly #held = new Map<string, Held>()
  #state: State = 'new'
  #session: SessionKeeper | undefined
  /** A session that was lost through no fault of what it held, which is still to be given back. */
  #blameless: string | undefined
  /** A run is due that waits here to be executed by itself (W5). */
  #isOneWaiting = false
  /** A claim failed and may have happened all the same. */
  #isUnsure = false
  /** Set while the loop sleeps; called to wake it. */
  #wake: (() => void) | undefined
  #stirred = false
  #loop: Promise<void> | undefined
  #unsubscribe: (() => void) | undefined
  /** Why there is nothing to work on any more. */
  #failure: EverloopError | undefined
  readonly #idle = new Set<() => void>()

  constructor(options: WorkerOptions) {
    this.#options = options
    this.#turns = new FairTurns(options.ports)
  }

  /** Begins to work. */
  start(): void {
    if (this.#state !== 'new') return
    const unsubscribe = this.#options.store.subscribe((change) => {
      if (change === 'work') this.#stir()
    })
    this.#state = 'working'
    const stopListening = attributeRejections()
    this.#unsubscribe = () => {
      unsubscribe()
      stopListening()
    }
    this.#loop = this.#work()
  }

  /** Resolves when the worker has stopped. Rejects when it did so because the store failed for good. */
  async ended(): Promise<void> {
    await this.#loop
    this.#throwFailure()
  }

  /** True while the run is executed here. */
  holds(run: string): boolean {
    return this.#held.has(run)
  }

  /**
   * Resolves when no run is held by anyone, and none that this worker serves is due, or when the
   * worker has stopped. Rejects when it did so because the store failed for good.
   */
  async idle(): Promise<void> {
    if (this.#state !== 'stopped') {
      await new Promise<void>((resolve) => {
        this.#idle.add(resolve)
        this.#stir()
      })
    }
    this.#throwFailure()
  }

  /**
   * Stops gracefully: nothing new begins, busy steps end and are recorded, the runs are given back.
   * What is not done when `drainMs` have passed is dropped; another worker will do it again.
   */
  async stop(drainMs: number): Promise<void> {
    if (this.#state === 'new') this.#state = 'stopped'
    if (this.#state === 'stopped') return
    if (this.#state === 'working') {
      this.#state = 'draining'
      for (const { executing } of this.#held.values()) executing.yield()
      const deadline = this.#options.ports.setTimer(drainMs, () => {
        this.#dropAll(
          new EverloopError('STORE_CLOSED', 'The worker stopped before the run was done.'),
        )
      })
      this.#stir()
      await this.#loop
      deadline.cancel()
    }
    await this.#loop
  }

  #stir(): void {
    this.#stirred = true
    this.#wake?.()
  }

  async #work(): Promise<void> {
    while (this.#state === 'working' || this.#held.size > 0) {
      this.#stirred = false
      const dueAt = this.#state === 'working' ? await this.#claim() : undefined
      await this.#passOnNews()
      if (!this.#isStirred()) await this.#sleep(dueAt)
    }
    this.#state = 'stopped'
    this.#unsubscribe?.()
    await this.#session?.close().catch(this.#trouble)
    await this.#giveBack().catch(this.#trouble)
    this.#settleIdle(this.#idle)
  }

  #isStirred(): boolean {
    return this.#stirred
  }

  /**
   * Claims as much as there is room for. Returns when to ask again. `alone`: who asks whether nothing is left to
   * do, after nobody held a run any more.
   */
  async #claim(alone?: readonly (() => void)[]): Promise<number | undefined> {
    const { store, ports, flows, concurrency } = this.#options
    const held = (): readonly Held[] => [...this.#held.values()]
    const limit = concurrency - held().filter(({ executing }) => !executing.isBlocked).length
    if (limit <= 0) return undefined
    const isOneWaiting = this.#isOneWaiting
    const ms = heldUpMs(held(), isOneWaiting, ports.monotonic())
    if (ms > 0) return store.clock.now() + ms
    const asking = [...this.#idle] // whoever asks later may have started something that this claim misses
    try {
      const session = await this.#keeper()
      const { token } = session
      if (this.#isUnsure) await this.#putBackUnknown(token)
      this.#isUnsure = true
      const { runs, nextDue } = await store.claim({
        session: token,
        flows: flows.served,
        limit: isOneWaiting ? 1 : limit, // that one, mostly: it has been due for longest
        suspects: 1,
      })
      this.#isUnsure = false
      if (this.#session !== session) {
        // Lost meanwhile. What was never begun is given back, or it would count as lost with us.
        await Promise.all(runs.map((row) => this.#putOff(row, token)))
        return 0
      }
      const waiting = waitingAmong(runs, held(), ports.monotonic())
      this.#isOneWaiting = waiting !== undefined
      for (const row of runs) if (row !== waiting) this.#begin(row, token)
      if (waiting) await this.#putOff(waiting, token)
      if (isOneWaiting || waiting) return 0
      if (runs.length === 0 && this.#held.size === 0) {
        if (!(await session.isValid())) return 0 // it may be gone, and is handed nothing then, whatever is due
        if (alone) this.#settleIdle(alone)
        else if (await this.#mayBeDue(asking)) return await this.#claim(asking)
      }
      return nextDue
    } catch (error) {
      this.#onStoreTrouble(error)
      return store.clock.now() + troubleMs
    }
  }

  /** Gives back what an earlier claim did get although its reply was lost: the next one gets it again. */
  async #putBackUnknown(session: string): Promise<void> {
    // As it is now: what is lost with the session in the meantime was begun, and is not given back as if it was not.
    const known = new Set(Array.from(this.#held.values(), ({ row }) => nameOf(row)))
    const rows = await this.#options.store.runs({ session })
    const unknown = rows.filter((row) => !known.has(nameOf(row)))
    await Promise.all(unknown.map((row) => this.#putOff(row, session)))
  }

  #begin(row: RunRow, session: string): void {
    const { store, ports, flows, development, blockSizes, onBody, onTrouble, onPassEnd } =
      this.#options
    const { redactor = new Redactor(), environment = {} } = this.#options
    const flow = flows.find(row.flow, row.version)
    assert(flow, 'A run was claimed that this worker does not serve.', { run: row.id })
    const executing = execute({
      row,
      session,
      store,
      ports,
      turns: this.#turns,
      flow,
      moves: flows.movesFrom(flow),
      actions: flows.actions,
      development,
      blockSizes,
      redactor,
      environment,
      onBody,
      onTrouble: (error) => onTrouble(error, row.id),
      onProgress: () => this.#clear(row),
      onEnd: (end) => {
        // A later claim of the same run may have taken this place already.
        if (this.#held.get(row.id)?.row === row) this.#held.delete(row.id)
        if (end.is === 'lost') this.#onLost(end.error, row, session)
        onPassEnd(row.id, end)
        this.#stir()
      },
    })
    const provenAt = ports.monotonic() + provenMs
    this.#held.set(row.id, { executing, row, provenAt, isOnLastChance: isOnLastChance(row) })
    if (this.#state !== 'working') executing.yield()
  }

  /** The run has got further: it has all its chances again, and the next one may come. */
  #clear(row: RunRow): void {
    const held = this.#held.get(row.id)
    if (held?.row !== row || !held.isOnLastChance) return
    held.isOnLastChance = false
    this.#stir()
  }

  /**
   * A run that was taken over is somebody else's. One that was lost for another reason is still in
   * our name: it is put off and tried again, or it would be held for as long as we live.
   */
  #onLost(error: EverloopError, row: RunRow, session: string): void {
    this.#options.onTrouble(error, row.id)
    // A worker that stops has its runs freed with its session.
    if (error.code === 'FENCED' || this.#state !== 'working') return
    void this.#putOff({ ...row, wake: this.#options.store.clock.now() + lostMs }, session)
  }

  /** Gives a run back that is still in our name, as soon as the store takes it: due when it was before. */
  async #putOff(row: RunRow, session: string): Promise<void> {
    const { store, ports } = this.#options
    const { id: run, epoch, wake } = row
    try {
      const now = await store.run(run)
      if (now?.session !== session || now.epoch !== epoch) return
      const release = { wake, seen: now.newest }
      const { is } = await store.append({ run, session, epoch, after: now, entries: [], release })
      if (is === 'committed') return
    } catch (error) {
      this.#onStoreTrouble(error)
    }
    ports.setTimer(troubleMs, () => {
      const isOurs = this.#state === 'working' && this.#session?.token === session
      if (isOurs && !this.holds(run)) void this.#putOff(row, session)
    })
  }

  /** Tells runs in hand of messages that came for them. */
  async #passOnNews(): Promise<void> {
    if (this.#held.size === 0 || !this.#session) return
    try {
      for (const { run, newest } of await this.#options.store.news(this.#session.token)) {
        this.#held.get(run)?.executing.onNews(newest)
      }
    } catch (error) {
      this.#onStoreTrouble(error)
    }
  }

  async #keeper(): Promise<SessionKeeper> {
    const session = this.#session
    if (session && (await session.isValid())) return session
    await this.#giveBack()
    this.#session = await SessionKeeper.open({
      ...this.#options,
      onLost: (cause) => this.#loseSession(cause),
      onTrouble: this.#trouble,
    })
    return this.#session
  }

  /** Frees what is still in the name of a session that was lost without blame: it counts no take-over. */
  async #giveBack(): Promise<void> {
    if (this.#blameless !== undefined) await this.#options.store.closeSession(this.#blameless)
    this.#blameless = undefined
  }

  /** The lease is gone: others may hold the runs already. */
  #loseSession(cause: LossCause): void {
    if (cause === 'other') this.#blameless = this.#session?.token
    this.#session = undefined
    this.#isUnsure = false
    this.#dropAll(
      new EverloopError(
        'FENCED',
        'The lease of this worker ran out: it was frozen, could not reach the store, or the clock was set forward.',
      ),
    )
    this.#stir()
  }

  /** Trouble passes; a store that has failed for good ends the work. */
  #onStoreTrouble(error: unknown): void {
    this.#trouble(error)
    if (!isFinal(error) || this.#failure) return
    this.#failure = error
    this.#state = 'draining'
    this.#dropAll(error)
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure
  }

  #dropAll(error: EverloopError): void {
    for (const { executing } of this.#held.values()) executing.drop(error)
  }

  async #sleep(dueAt: number | undefined): Promise<void> {
    const { ports, store } = this.#options
    const ms =
      dueAt === undefined ? pollMs : Math.max(0, Math.min(pollMs, dueAt - store.clock.now()))
    await new Promise<void>((resolve) => {
      const timer = ports.setTimer(ms, resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
    this.#wake = undefined
  }

  /**
   * Nothing was due for this worker: tells so unless others hold something. True when that must be asked once
   * more: what others held then, and have given back since, may be due by now.
   */
  async #mayBeDue(asking: readonly (() => void)[]): Promise<boolean> {
    if (asking.length === 0) return false
    const queues = await this.#options.store.queues()
    if (queues.some(({ held }) => held > 0)) return false
    if (queues.some(({ due }) => due > 0)) return true
    this.#settleIdle(asking)
    return false
  }

  #settleIdle(asking: Iterable<() => void>): void {
    for (const resolve of asking) {
      this.#idle.delete(resolve)
      resolve()
    }
  }

  readonly #trouble = (error: unknown): void => {
    this.#options.onTrouble(error, undefined)
  }
}

/** What tells this hold of a run from others of the same run. */
const nameOf = ({ id, epoch }: RunRow): string => `${id} ${epoch}`

/** The store will not come back: working on makes no sense. */
const isFinal = (error: unknown): error is EverloopError =>
  EverloopError.is(error) && finalCodes.has(error.code)

const finalCodes: ReadonlySet<ErrorCode> = new Set([
  'STORE_FAILED',
  'STORE_CLOSED',
  'STORE_NEWER',
  'STORE_FOREIGN',
])
