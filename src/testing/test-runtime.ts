/**
 * A runtime for tests: the real executor, worker and store on virtual time, and hands to do to them
 * what the world does: let months pass, answer, crash.
 *
 * Nothing happens behind a test's back. Time passes only inside the methods that say so, and each
 * returns when the runs have come to rest: ended, paused, or waiting for time or the world.
 */
import { environmentOf, type Surroundings } from '../agent/environment.ts'
import { type Duration, parseDuration } from '../base/duration.ts'
import { EverloopError } from '../base/errors.ts'
import { checkCount, checkFunctions, checkOptions } from '../base/options.ts'
import type { Ports } from '../base/ports.ts'
import { type AnyAction, type AnyFlow, Ever, Flows, type OnBody } from '../run/index.ts'
import type {
  Flow,
  Question,
  Rest,
  RunEvent,
  RunReference,
  Settled,
  StartOptions,
} from '../run/index.ts'
import { memoryStore } from '../store/memory.ts'
import type { RunRow, Store } from '../store/store.ts'
import { ledgerFlaws } from './ledger-flaws.ts'
import { Gate, type Interceptor } from './gate.ts'
import { TestWorker } from './test-worker.ts'
import {
  virtualTime,
  type VirtualTime,
  virtualTimeOptions,
  type VirtualTimeOptions,
} from './virtual-time.ts'

/** What a test runtime executes, on which store and from which moment on. */
export interface TestRuntimeOptions extends VirtualTimeOptions, Surroundings {
  /** What the workers execute. */
  readonly flows?: readonly AnyFlow[]
  /** Default: a memory store. It must live on the ports that it is handed. */
  readonly store?: (ports: Ports) => Store | Promise<Store>
  /** What they undo with, besides what the flows bring along. */
  readonly actions?: readonly AnyAction[]
  /** How many workers there are at the beginning. Default 1. */
  readonly workers?: number
  /** How many runs a worker executes at a time. Default 16. */
  readonly concurrency?: number
  /** Default "10s". */
  readonly lease?: Duration
  /** As `open` has it. Default true. */
  readonly development?: boolean
  /** Stands between the workers and the store: for losing replies, and for crashing in between. */
  readonly onCall?: Interceptor
  /** Told of the body of each step that a worker is about to execute: the step's path, and the run. */
  readonly onBody?: OnBody
}

/** What is changed for a worker that takes over. */
export interface NextWorker extends Surroundings {
  readonly flows?: readonly AnyFlow[]
  readonly actions?: readonly AnyAction[]
  readonly concurrency?: number
  readonly name?: string
}

/** A run, or its id. */
export type RunLike = string | { readonly id: string }

/** Trouble that a worker or run met without ending. */
export interface Trouble {
  readonly error: unknown
  readonly run: string | undefined
}

/**
 * Makes a runtime for a test.
 *
 * @example
 * await using runtime = await testRuntime({ flows: [approval] })
 * const run = await runtime.start(approval, { amount: 40 })
 * await runtime.answer('Pay?', true)
 * await runtime.advance('30d')
 * console.log(await runtime.settled(run))
 */
export async function testRuntime(options: TestRuntimeOptions = {}): Promise<TestRuntime> {
  checkOptions('testRuntime', options, testRuntimeOptions)
  const { start, seed, policy, workers = 1, store: openStore = memoryStore } = options
  checkCount('testRuntime({ workers })', workers, 0)
  checkFunctions('testRuntime', {
    store: openStore,
    onCall: options.onCall,
    onBody: options.onBody,
  })
  const time = virtualTime({
    ...(start === undefined ? {} : { start }),
    ...(seed === undefined ? {} : { seed }),
    ...(policy === undefined ? {} : { policy }),
  })
  const gate = new Gate(time)
  const store = await openStore(gate.ports)
  return new TestRuntime(options, { time, store, gate })
}

const surroundingsOptions: readonly string[] = ['secrets', 'policies']

/** The options of a test runtime. */
export const testRuntimeOptions: readonly string[] = [
  ...virtualTimeOptions,
  ...surroundingsOptions,
  'flows',
  'store',
  'actions',
  'workers',
  'concurrency',
  'lease',
  'development',
  'onCall',
  'onBody',
]

/** How much time runs may take to come to rest. */
const restMax = '2h'

/**
 * A runtime on virtual time, made by `testRuntime`. Time passes in its methods alone, each of which returns when
 * the runs have come to rest.
 */
export class TestRuntime implements AsyncDisposable {
  readonly time: VirtualTime
  /** The store, past all workers. */
  readonly store: Store
  /** The outside: starts, signals and watches runs, and survives every crash. */
  readonly ever: Ever
  /** What the workers were told of, oldest first. */
  readonly troubles: Trouble[] = []
  readonly #options: TestRuntimeOptions
  /** Knows the timers of the store, which polls: nothing depends on their exact time. */
  readonly #storeGate: Gate
  #flows: readonly AnyFlow[]
  #actions: readonly AnyAction[]
  #workers: TestWorker[] = []
  #hired = 0

  constructor(
    options: TestRuntimeOptions,
    {
      time,
      store,
      gate,
    }: { readonly time: VirtualTime; readonly store: Store; readonly gate: Gate },
  ) {
    this.#storeGate = gate
    this.#options = options
    this.#flows = options.flows ?? []
    this.#actions = options.actions ?? []
    this.time = time
    this.store = store
    this.ever = new Ever({
      store: announced(store, time),
      ports: time,
      flows: new Flows(this.#flows, this.#actions),
      leaseMs: parseDuration(options.lease ?? '10s'),
      development: options.development ?? true,
      name: 'outside',
      ...environmentOf(options),
      onTrouble: (error, run) => void this.troubles.push({ error, run }),
    })
    for (let i = 0; i < (options.workers ?? 1); i++) this.addWorker()
  }

  /** The workers that have not been killed or stopped, oldest first. */
  get workers(): readonly TestWorker[] {
    return this.#workers
  }

  /** Starts one more worker. */
  addWorker(next: NextWorker = {}): TestWorker {
    checkNext(next)
    const { flows = this.#flows, actions = this.#actions } = next
    const { concurrency = this.#options.concurrency ?? 16 } = next
    checkCount('The concurrency of a worker', concurrency, 1)
    const { secrets = this.#options.secrets, policies = this.#options.policies } = next
    const worker = new TestWorker({
      flows,
      actions,
      concurrency,
      development: this.#options.development ?? true,
      name: next.name ?? `worker ${++this.#hired}`,
      leaseMs: parseDuration(this.#options.lease ?? '10s'),
      time: this.time,
      store: this.store,
      onCall: this.#options.onCall,
      onBody: this.#options.onBody,
      surroundings: { ...(secrets && { secrets }), ...(policies && { policies }) },
      onTrouble: (error, run) => void this.troubles.push({ error, run }),
    })
    this.#workers.push(worker)
    return worker
  }

  /** Starts a run and lets it come to rest. */
  async start<Input, Output, Given>(
    flow: Flow<Input, Output, Given> | string,
    input: NoInfer<Given>,
    options: StartOptions = {},
  ): Promise<RunReference<Output>> {
    const run = await this.ever.start(flow, input, options)
    await this.settle()
    return run
  }

  /** Lets everything come to rest that does not wait for time or the world. */
  async settle(): Promise<void> {
    const end = this.time.clock.now() + parseDuration(restMax)
    await this.time.settle()
    while (!(await this.#isResting())) {
      if (await this.time.step(end)) await this.time.settle()
      else throw await this.#restless()
    }
  }

  /** Lets this much time pass. What is due at its end is executed too. */
  async advance(duration: Duration): Promise<void> {
    const target = this.time.clock.now() + parseDuration(duration)
    for (;;) {
      await this.time.settle()
      if (await this.#isResting()) await this.#leap(target)
      if (!(await this.time.step(target))) break
    }
    this.time.leap(target)
    await this.settle()
  }

  /** Lets time pass until the condition holds or the promise settles. */
  runUntil<T>(goal: Promise<T>, options?: { readonly within?: Duration }): Promise<T>
  runUntil(
    goal: () => boolean | Promise<boolean>,
    options?: { readonly within?: Duration },
  ): Promise<void>
  runUntil<T>(
    goal: Promise<T> | (() => boolean | Promise<boolean>),
    options?: { readonly within?: Duration },
  ): Promise<T | void> {
    return this.time.runUntil(goal as Promise<T>, options)
  }

  /** Where the run rests. */
  async settled<Output>(run: RunReference<Output>): Promise<Settled<Output>> {
    return this.#rest(run, () => run.settled())
  }

  /** The run's output, once it is there; throws what the run failed with, or DEADLINE and what it waits for. */
  async result<Output>(run: RunReference<Output>): Promise<Output> {
    let rest: Rest | undefined
    const wait = (): Promise<Output> => run.result({ onRest: (now) => void (rest = now) })
    return this.#rest(run, wait, () => rest)
  }

  /** Sends a signal and lets the runs come to rest. */
  async signal(run: RunLike, name: string, value?: unknown): Promise<void> {
    await this.ever.signal(idOf(run), name, value)
    await this.settle()
  }

  /** Answers the open question with this prompt, and lets the runs come to rest. */
  async answer(
    prompt: string,
    value: unknown,
    from: { readonly run?: RunLike } = {},
  ): Promise<void> {
    const { id } = await this.question(prompt, from)
    await this.ever.answer(id, value)
    await this.settle()
  }

  /** The open question with this prompt. Throws UNKNOWN_QUESTION when there is none, or several. */
  async question(prompt: string, from: { readonly run?: RunLike } = {}): Promise<Question> {
    const open = await this.ever.questions(from.run === undefined ? {} : { run: idOf(from.run) })
    const [question, other] = open.filter((asked) => asked.prompt === prompt)
    if (question && !other) return question
    const all = open.map((asked) => `"${asked.prompt}" (${asked.id})`).join(', ') || 'none'
    throw new EverloopError(
      'UNKNOWN_QUESTION',
      `${other ? 'Several questions' : 'No question'} "${prompt}" ${other ? 'are' : 'is'} open. Open: ${all}.`,
    )
  }

  /**
   * Kills all workers as SIGKILL would, and starts another one in their place: it takes the runs over
   * when their leases have run out.
   */
  crash(next: NextWorker = {}): TestWorker {
    checkNext(next)
    for (const worker of this.#workers) worker.crash()
    return this.#replace(next)
  }

  /** Stops all workers gracefully, and starts another one in their place: for deploying new flows. */
  async restart(next: NextWorker = {}): Promise<TestWorker> {
    checkNext(next)
    for (const worker of this.#workers) await worker.stop()
    return this.#replace(next)
  }

  /** Stops all workers gracefully. */
  async stop(): Promise<void> {
    for (const worker of this.#workers) await worker.stop()
    this.#workers = []
  }

  /** The run's ledger, decoded. */
  async ledger(run: RunLike): Promise<readonly RunEvent[]> {
    const reference = await this.ever.get(idOf(run))
    const { entries } = await reference.status()
    const events: RunEvent[] = []
    if (entries === 0) return events
    for await (const event of reference.events()) {
      events.push(event)
      if (event.seq >= entries) break
    }
    return events
  }

  /** Throws CONFORMANCE when a run's ledger breaks a rule, with all that is wrong. */
  async verify(): Promise<void> {
    const flaws: string[] = []
    for (const { id } of await this.store.runs({}))
      flaws.push(...(await ledgerFlaws(this.store, id)))
    if (flaws.length > 0) throw new EverloopError('CONFORMANCE', flaws.join(' '))
  }

  /** Kills the workers and closes the store. */
  async close(): Promise<void> {
    for (const worker of this.#workers) worker.crash()
    this.#workers = []
    await this.ever.close()
  }

  /** What its workers execute. */
  get flows(): readonly AnyFlow[] {
    return this.#flows
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #replace({ flows = this.#flows, actions = this.#actions, ...rest }: NextWorker): TestWorker {
    this.#flows = flows
    this.#actions = actions
    this.#workers = []
    return this.addWorker({ flows, actions, ...rest })
  }

  /** True when no run is held by a worker, or due for one that works. */
  async #isResting(): Promise<boolean> {
    const workers = this.#workers.filter((worker) => worker.isWorking)
    if (workers.length === 0) return true
    const closed = new Set(
      (await this.store.queues())
        .filter(({ concurrency }) => concurrency === 0)
        .map(({ name }) => name),
    )
    const now = this.time.clock.now()
    const runs = await this.store.runs({})
    return runs.every((run) => {
      if (run.session !== undefined) return false
      if (run.wake === undefined || run.wake > now || closed.has(run.queue)) return true
      return !workers.some((worker) => worker.serves(run))
    })
  }

  /** Waits for where the run rests. Says why when nobody takes it there, and where it rests instead. */
  async #rest<T>(
    { id }: RunReference,
    wait: () => Promise<T>,
    restOf?: () => Rest | undefined,
  ): Promise<T> {
    await this.settle()
    try {
      return await this.time.runUntil(wait())
    } catch (error) {
      const row = await this.store.run(id)
      if (row?.status !== 'active' && row?.status !== 'paused') throw error
      const rest = row.session === undefined ? restOf?.() : undefined
      throw (row.status === 'active' && this.#unserved(row)) || (rest && unended(id, rest)) || error
    }
  }

  #unserved(row: RunRow): EverloopError | undefined {
    const workers = this.#workers.filter((worker) => worker.isWorking)
    if (workers.some((worker) => worker.serves(row))) return undefined
    const known = new Set(
      workers.flatMap(({ flows }) => flows.map(({ name, version }) => `${name} ${version}`)),
    )
    return new EverloopError(
      'DEADLINE',
      `Run "${row.id}" does not come to rest: no worker serves flow "${row.flow}" in version "${row.version}". Served: ${[...known].join(', ') || 'none'}. Hand the flow to testRuntime, restart or addWorker.`,
      { run: row.id },
    )
  }

  async #restless(): Promise<EverloopError> {
    const runs = (await this.store.runs({})).filter(({ session }) => session !== undefined)
    const names = runs.map(({ id, flow }) => `"${id}" (${flow})`).join(', ')
    return new EverloopError(
      'DEADLINE',
      `${restMax} have passed and these runs are still held by a worker: ${names || 'none'}. A step that waits for the test is waited for with runUntil, not with settle.`,
    )
  }

  /** While everything rests, workers need not be watched polling: time leaps to what comes next. */
  async #leap(target: number): Promise<void> {
    const wakes = (await this.store.runs({})).flatMap(({ wake }: RunRow) => wake ?? [])
    const now = this.time.clock.now()
    const others = this.time.timers.filter(
      (timer) => ![this.#storeGate, ...this.#workers].some((owner) => owner.has(timer)),
    )
    const next = [...wakes.filter((wake) => wake > now), ...others.map(({ at }) => at)]
    this.time.leap(next.reduce((a, b) => Math.min(a, b), target))
  }
}

function unended(run: string, rest: Rest): EverloopError {
  const where =
    rest.status === 'paused'
      ? `is paused (${rest.code}): ${rest.message}`
      : `waits for ${rest.on.map(({ kind, what }) => `${kind} "${what}"`).join(', ')}.`
  return new EverloopError(
    'DEADLINE',
    `Run "${run}" has not ended, and ${where} Let the test answer, signal, resume or advance before it asks for the result.`,
    { run },
  )
}

const checkNext = (next: NextWorker): void =>
  checkOptions('The next worker', next, [
    ...surroundingsOptions,
    'flows',
    'actions',
    'concurrency',
    'name',
  ])

const idOf = (run: RunLike): string => (typeof run === 'string' ? run : run.id)

/** The store, with time standing still while it is at work. */
function announced(store: Store, time: VirtualTime): Store {
  return new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function' || name === 'subscribe') {
        return typeof value === 'function' ? value.bind(target) : value
      }
      return (...args: readonly unknown[]) =>
        time.during(Promise.resolve(Reflect.apply(value as never, target, args)))
    },
  })
}
