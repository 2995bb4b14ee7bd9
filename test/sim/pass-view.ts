/**
 * What one execution of a flow's code sees, and what the outside world sees of it: each outcome that
 * is handed to the code, and each start of a step's body, is checked on the spot.
 */
import { checkAlone } from './alone-checks.ts'
import { Cancelled, EverloopError } from '../../src/base/errors.ts'
import { digestOf, encode, errorData } from '../../src/ledger/index.ts'
import type { Finding } from '../../src/run/effects/finding.ts'
import type { Transaction } from '../../src/store/store.ts'
import type { Attempt, Booking, View } from './interpret.ts'
import { type Call, findOut, perform } from './effect-body.ts'
import type { EffectSpec } from './effect-spec.ts'
import type { Mirror } from './mirror.ts'
import { type Body, never, type Process, untilAborted } from './process.ts'
import type { StepNode } from './programs.ts'
import { type Actor, checkBooking, checkStart } from './start-checks.ts'
import type { Surroundings } from './surroundings.ts'

/** A step that shows text does so this often, for so long. */
const typedMs = 40
const typingMs = 800
/** A step that kills its process does so after this time. */
const deadlyMs = 20
/** What it shows first where it tells secrets: nothing that stands in one piece of it. */
const telling = [
  'It is the res',
  'ult o',
  'f what it does n',
  'ot like. No',
  'body came',
  ' for it. ',
]

const failedKinds = ['step.failed', 'child.failed', 'scope.failed']

export class PassView implements View {
  readonly #world: Surroundings
  readonly #process: Process
  readonly #run: Mirror
  readonly #epoch: number | undefined
  readonly version: number | undefined
  /** Inputs of steps, by path. */
  readonly #asked = new Map<string, string>()
  /** The outcome that was handed over last. */
  #last = 0

  constructor(world: Surroundings, process: Process, run: string, version: number | undefined) {
    this.version = version
    this.#world = world
    this.#process = process
    this.#run = world.observer.run(run)
    this.#epoch = process.epochs.get(run)
    if (this.#epoch !== undefined) process.begun.set(run, this.#epoch)
  }

  /** The outcome of the operation at this path, checked as the code sees it. */
  async watch<T>(path: string, operation: Promise<T>): Promise<T> {
    try {
      const value = await operation
      this.#saw(path, value, false)
      return value
    } catch (error) {
      this.#saw(path, error, true)
      throw error
    }
  }

  /** Notes what the step at this path is asked for with. */
  asked<T>(path: string, input: T): T {
    this.#asked.set(path, encode(input))
    const asked = this.#run.asked.get(path) ?? new Set()
    this.#run.asked.set(path, asked.add(digestOf(input)))
    return input
  }

  /** Checks that a body is handed what its step was asked for with. */
  handed(path: string, input: unknown): void {
    const [asked, handed] = [this.#asked.get(path), encode(input)]
    this.#must(handed === asked, 'input', `"${path}" was asked with ${asked}, and got ${handed}`)
  }

  /** Checks that this is the same in every execution of the code. */
  same<T>(what: string, value: T): T {
    const text = encode(value)
    const key = `${this.#run.id}\n${this.#run.retries}\n${what}`
    const before = this.#world.seen.get(key)
    if (before === undefined) this.#world.seen.set(key, text)
    else this.#must(before === text, 'outcome', `${what} was ${before}, and now is ${text}`)
    return value
  }

  /** A loop that is taken over is in the form of the version that executes it (I2). */
  formed(turn: string, form: { readonly found: string; readonly wanted: string }): void {
    const what = `turn ${turn} of version ${form.wanted} is handed a state of version ${form.found}`
    this.#must(form.found === form.wanted, 'move', what)
  }

  get retries(): number {
    return this.#run.retries
  }

  get mayBeRetried(): boolean {
    return this.#world.faults.enabled.includes('operator retries')
  }

  /** Time that passes in the code of a schema. */
  async think(): Promise<void> {
    const { chance } = this.#world
    if (chance.roll(0.5)) await this.#process.sleep(chance.below(300), 'thinking')
  }

  /** Executes an attempt of a step in the outside world. */
  async outside(node: StepNode, attempt: Attempt): Promise<void> {
    if (this.#process.isDead) return never()
    checkStart(this.#actor, attempt)
    checkAlone(this.#actor)
    const body: Body = {
      run: this.#run,
      since: this.#process.ports.monotonic(),
      signal: () => attempt.signal(),
    }
    this.#process.bodies.add(body)
    try {
      if (this.#isDeadly(attempt.path)) await this.#death()
      await this.#perform(node, attempt)
    } finally {
      this.#process.bodies.delete(body)
    }
  }

  /** Whether this execution of the step kills the process, after a while: what is beside it dies with it. */
  #isDeadly(path: string): boolean {
    const { extras, chance } = this.#world
    if (!extras.has('steps kill their process')) return false
    const { deadly } = this.#run
    const left = deadly.get(path) ?? (chance.roll(0.1) ? 2 : 0)
    deadly.set(path, left - 1)
    return left > 0 && this.#world.mayCrash(this.#process)
  }

  /** Resolves where nothing dies any more when the time has come. */
  #death(): Promise<void> {
    return new Promise((resolve) => {
      this.#process.later(deadlyMs, 'deadly step', () => {
        if (this.#world.mayCrash(this.#process)) this.#world.crash(this.#process)
        else resolve()
      })
    })
  }

  async #perform(node: StepNode, attempt: Attempt): Promise<void> {
    if (
      this.#world.mayCrash(this.#process) &&
      this.#world.faults.strikes('worker crashes in a step')
    ) {
      this.#world.report.reach('crash in the body of a step')
      this.#world.crash(this.#process)
      return never()
    }
    const signal = node.heeds || node.hangs ? attempt.signal() : undefined
    const aborted = signal && untilAborted(signal)
    const slept = node.hangs ? never<void>() : this.#process.sleep(node.ms, 'step')
    const isTelling = this.#world.extras.has('secrets are told')
    // Text is gathered for a moment before it is shown: only what takes longer shows some.
    for (let ms = typedMs; ms < node.ms && ms < typingMs; ms += typedMs) {
      const word = isTelling ? (telling[ms / typedMs - 1] ?? 'Word. ') : 'Word. '
      this.#process.later(ms, 'typing', () => attempt.show(word))
    }
    await (aborted ? Promise.race([slept, aborted]) : slept)
  }

  /** Executes an attempt at a call that changes the outside world. */
  effect(spec: EffectSpec, call: Call): Promise<unknown> {
    return perform(this.#actor, spec, call)
  }

  /** Asks the outside world what became of such a call. */
  findOut(spec: EffectSpec, call: Pick<Call, 'path' | 'idempotencyKey'>): Promise<Finding> {
    return findOut(this.#actor, spec, call)
  }

  /** Changes rows inside of a transaction, which is committed with the outcome or not at all. */
  book({ path, isCleanup }: Booking, transaction: Transaction): void {
    const { outside } = this.#world
    checkBooking(this.#actor, { path, isCleanup })
    transaction.run(outside.bookingOf(this.#run.id, path))
  }

  get #actor(): Actor {
    return { world: this.#world, process: this.#process, run: this.#run, epoch: this.#epoch }
  }

  #saw(path: string, thing: unknown, isError: boolean): void {
    const run = this.#run
    if (run.epoch !== this.#epoch) return // a zombie sees what was, not what is
    if (isError && thing instanceof Cancelled) {
      this.#must(
        run.isCancelling,
        'cancel',
        `"${path}" was rejected by a cancel that is not recorded`,
      )
      return
    }
    if (isError && !EverloopError.is(thing)) {
      this.#must(false, 'errors', `"${path}" was rejected with ${String(thing)}`)
      return
    }
    const outcome = run.outcomes.get(path)
    if (!outcome) {
      this.#must(false, 'P3', `the code was handed an outcome of "${path}" that is not recorded`)
      return
    }
    this.#must(
      outcome.seq > this.#last,
      'P1',
      `the code was handed entry ${outcome.seq} after entry ${this.#last}`,
    )
    this.#last = outcome.seq
    if (!outcome.kind.endsWith('.expired')) {
      this.#must(
        failedKinds.includes(outcome.kind) === isError,
        'outcome',
        `"${path}" is ${outcome.kind}`,
      )
    }
    this.same(`outcome ${outcome.seq} at ${path}`, isError ? errorData(thing) : thing)
  }

  #must(condition: boolean, invariant: string, what: string): void {
    this.#world.report.check(condition, invariant, () => `run ${this.#run.id}: ${what}`)
  }
}
