/**
 * What a flow's code sees: the `run` it is handed, and the options of its operations.
 *
 * Every operation is recorded once and served from the ledger ever after. Outcomes reach the code
 * in the order of the ledger, one at a time, live and on replay alike.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Duration } from '../base/duration.ts'
import type { Reconcile } from './effects/finding.ts'
import type { Transaction } from '../store/store.ts'

/**
 * A durable function. Made by `flow`, handed to `open` and `start`. `Given` is what it is started with, and
 * `Input` what its schema makes of that.
 */
export interface Flow<Input = unknown, Output = unknown, Given = Input> {
  readonly name: string
  readonly version: string
  readonly input: StandardSchemaV1<Given, Input> | undefined
  readonly output: StandardSchemaV1<unknown, Output> | undefined
  readonly actions?: readonly AnyAction[]
  readonly migrate?: Migrations
  readonly run: (run: Run, input: Input) => Promise<Output> | Output
}

/** Any flow, whatever it takes and returns. */
export interface AnyFlow {
  readonly name: string
  readonly version: string
  readonly input: StandardSchemaV1 | undefined
  readonly output: StandardSchemaV1 | undefined
  readonly actions?: readonly AnyAction[]
  readonly migrate?: Migrations
  // A parameter of type `never` is what every flow's function accepts.
  readonly run: (run: Run, input: never) => unknown
}

/**
 * How runs of older versions move to this one: by the older version, then by the name of the loop between
 * whose turns they move, the function that makes the state of this version of theirs. It is handed the
 * state frozen, must be synchronous and change nothing else, and its result is recorded.
 *
 * @example
 * flow({
 *   name: 'review',
 *   version: '2',
 *   migrate: { '1': { polish: (state: { draft: string }) => ({ ...state, rounds: 0 }) } },
 *   run: (run) =>
 *     run.loop('polish', { state: { draft: '', rounds: 0 } }, async (turn, state) => turn.done(state)),
 * })
 */
export type Migrations = Readonly<
  Record<string, Readonly<Record<string, (state: never) => unknown>>>
>

/** How often a step is tried again, and after how long. */
export interface RetryPolicy {
  /** How often the body is tried at most, 1 or more. */
  readonly attempts: number
  /** Wait before the second attempt. Default "1s". */
  readonly delay?: Duration
  /** What each further wait is multiplied by. Default 2. */
  readonly factor?: number
  /** No wait is longer. Default "5m", or `delay` where that is longer. */
  readonly maxDelay?: Duration
  /** Returns false for an error that is not worth another attempt. */
  readonly when?: (error: unknown) => boolean
}

/**
 * What repeating a step does to the world: nothing (`read`), nothing when it has the same
 * idempotency key (`idempotent`), or harm (`once`).
 */
export type EffectClass = 'read' | 'idempotent' | 'once'

/** How something is undone: an action that the runtime has, by its name, and what it is given. */
export interface UndoOption {
  readonly action: string | { readonly name: string }
  /** Data, recorded before the step's body is called. */
  readonly input?: unknown
}

/** What an action is handed besides its input. */
export interface UndoContext {
  /** The id of the run that is undone. */
  readonly run: string
  /** What the step returned that is undone. Undefined when it may have happened and nobody knows. */
  readonly result: unknown
  /** For outside systems: the same in all attempts at this compensation and in all processes. */
  readonly idempotencyKey: string
  /** What is undone. `idempotencyKey`: the one that the step was handed, to find its effect by. */
  readonly of: { readonly idempotencyKey: string }
  /** 1 for the first. */
  readonly attempt: number
  /** Aborted when the attempt times out, or the worker gives the run up. */
  readonly signal: AbortSignal
}

/** Undoes something. Made by `action`, handed to `open`, `run.undo` and steps. */
export interface Action<Input = unknown> {
  readonly name: string
  readonly run: (input: Input, context: UndoContext) => unknown
  readonly retry: RetryPolicy
  readonly timeout: Duration | undefined
}

/** Any action, whatever it takes. */
export type AnyAction = Action<never>

/** How a step is undone: by an action, with what that takes, or by what has the name of one. */
export type StepUndo<Undone> =
  | ({ readonly action: Action<Undone> } & GivenTo<Undone>)
  | {
      readonly action: string | { readonly name: string; readonly run?: never }
      readonly input?: unknown
    }

/** Where nothing says what an action takes, anything may be given, and nothing. */
type GivenTo<Undone> = [Undone] extends [never]
  ? { readonly input?: unknown }
  : undefined extends Undone
    ? { readonly input?: NoInfer<Undone> }
    : { readonly input: NoInfer<Undone> }

/** How `run.step` executes its body, and what repeating it means. */
export interface StepOptions {
  /** Default: one attempt. */
  readonly retry?: RetryPolicy
  /**
   * An attempt that takes longer fails with TIMEOUT, and its signal is aborted. Default: none, and
   * "1m" for a step that must not repeat.
   */
  readonly timeout?: Duration
  /** Identifies the step in its scope instead of its name and occurrence. */
  readonly key?: string
  /** Default: the body may be executed again after a crash. See docs/effects.md. */
  readonly effect?: EffectClass
  /**
   * Of a `once` step: finds out whether a call happened whose outcome is not known. Takes the step's
   * input as it was recorded. Without it, or when it cannot tell, a person is asked.
   */
  readonly reconcile?: Reconcile<never>
  /**
   * Of a `once` step: how long a request may still be on its way after its process was killed or its
   * time was over. Nobody looks for the outcome before. Default "10s".
   */
  readonly settle?: Duration
  /** Of a `once` or `idempotent` step: how it is undone when the run fails or is cancelled. */
  readonly undo?: UndoOption
}

/** What the body of a step is handed besides its input. */
export interface StepContext {
  /** Aborted when the attempt times out, the run is cancelled or the scope closes. */
  readonly signal: AbortSignal
  /** 1 for the first. */
  readonly attempt: number
  /** For outside systems: the same in all attempts and processes, another one in each run. */
  readonly idempotencyKey: string
}

/** What identifies a step of `run.transact`. */
export interface TransactOptions {
  /** Identifies the step in its scope instead of its name and occurrence. */
  readonly key?: string
}

/** How `run.map` and `run.all` execute their branches. */
export interface BranchOptions {
  /** How many branches are executed at a time. Default: all. */
  readonly concurrency?: number
}

/** What `run.loop` begins with. */
export interface LoopOptions<State> {
  /** The state of the first turn: data, frozen. */
  readonly state: State
}

interface WaitOptions<T> {
  /** A duration from now. When it is over the wait ends with `otherwise`, or with EXPIRED. */
  readonly timeout?: Duration
  /** The outcome when the time is over. */
  readonly otherwise?: NoInfer<T>
  /** Identifies the wait in its scope instead of its name and occurrence. */
  readonly key?: string
}

/** How `run.signal` waits, and what a signal must fit. */
export interface SignalOptions<T> extends WaitOptions<T> {
  readonly schema?: StandardSchemaV1<unknown, T>
}

/** How `run.ask` waits, and what an answer must fit. */
export interface AskOptions<T> extends WaitOptions<T> {
  /** What an answer must fit. Stored with the question where it can be told as JSON Schema. */
  readonly schema?: StandardSchemaV1<unknown, T>
}

/** Options of a wait that ends with nothing when its time is over. */
export type Otherwise<Options, Nothing> = Omit<Options, 'otherwise'> & {
  readonly otherwise: Nothing
}

/** A large value that is kept beside the ledger, by the hash of its content. */
export interface Artifact {
  readonly artifact: string
  readonly name: string
  readonly bytes: number
}

/** `run.artifacts`: large values that are kept beside the ledger. */
export interface Artifacts {
  /** Keeps the bytes (a text as UTF-8) and records what identifies them. */
  put(name: string, content: string | Uint8Array): Promise<Artifact>
  /** The bytes, in the body of a step too. Throws UNKNOWN_ARTIFACT when the store does not have them. */
  get(artifact: Artifact): Promise<Uint8Array>
}

/** The handle of a scope: the run itself, a turn, a branch. */
export interface Run {
  readonly id: string
  /** True while recorded outcomes are still being served. */
  readonly isReplaying: boolean
  /** Aborted when the run is cancelled, the scope closes or the pass ends. */
  readonly abortSignal: AbortSignal
  readonly artifacts: Artifacts

  /**
   * Executes the body and records what it returns, before the caller sees it. At least once: after
   * a crash inside the body it is executed again, unless its `effect` says that it must not be.
   * Rejects with StepError when attempts run out.
   *
   * @example const page = await run.step('fetch', { timeout: '10s' }, ({ signal }) => load(signal))
   */
  step<T>(name: string, body: (context: StepContext) => T | Promise<T>): Promise<T>
  step<Input, T, Undone = never>(
    name: string,
    options: Omit<StepOptions, 'reconcile' | 'undo'> & {
      readonly input: Input
      readonly reconcile?: Reconcile<NoInfer<Input>, NoInfer<T>>
      readonly undo?: StepUndo<Undone>
    },
    body: (input: Input, context: StepContext) => T | Promise<T>,
  ): Promise<T>
  step<T, Undone = never>(
    name: string,
    options: Omit<StepOptions, 'undo'> & { readonly undo?: StepUndo<Undone> },
    body: (context: StepContext) => T | Promise<T>,
  ): Promise<T>

  /**
   * Executes the body in the transaction that records its outcome: rows that it changes in your own
   * tables, in the store's SQLite file, are there exactly when the step is recorded. The body is
   * synchronous. When it throws, nothing of it stays and the step has failed. Throws NO_TRANSACTIONS
   * where the store is no SQLite file.
   *
   * @example
   * await run.transact('book', (tx) => tx.run('INSERT INTO bookings (seat) VALUES (?)', seat).changes)
   */
  transact<T>(name: string, body: (transaction: Transaction) => T): Promise<T>
  transact<Input, T>(
    name: string,
    options: TransactOptions & { readonly input: Input },
    body: (input: Input, transaction: Transaction) => T,
  ): Promise<T>
  transact<T>(
    name: string,
    options: TransactOptions,
    body: (transaction: Transaction) => T,
  ): Promise<T>

  /**
   * Executes the body turn by turn until it returns `run.done`, and resolves with the result. A turn
   * costs the same however many there were before it. Throws NOT_A_TURN when the body returns anything
   * but `run.next(…)` or `run.done(…)`, and WRONG_SCOPE when these are another turn's.
   *
   * @example
   * await run.loop('poll', { state: { seen: 0 } }, async (turn, { seen }) => {
   *   const page = await turn.step('page', () => fetchPage(seen))
   *   return page.isLast ? turn.done(seen + page.items) : turn.next({ seen: seen + page.items })
   * })
   */
  loop<State, Returned extends Next | Done<unknown>>(
    name: string,
    options: LoopOptions<State>,
    body: (run: Turn<State>, state: State) => Promise<Returned> | Returned,
  ): Promise<LoopResult<Returned>>

  /**
   * Executes the body for each item, each in a branch of its own. Resolves with the results in the order
   * of the items; the first failure in ledger order fails the whole.
   *
   * @example const pages = await run.map('pages', urls, { concurrency: 4 }, (branch, url) => branch.step('get', () => load(url)))
   */
  map<Item, T>(
    name: string,
    items: readonly Item[],
    body: (run: Run, item: Item, index: number) => Promise<T> | T,
  ): Promise<T[]>
  map<Item, T>(
    name: string,
    items: readonly Item[],
    options: BranchOptions,
    body: (run: Run, item: Item, index: number) => Promise<T> | T,
  ): Promise<T[]>

  /**
   * Executes all branches at once. Resolves with their results in their order; the first failure in ledger
   * order fails the whole.
   *
   * @example const [rate, stock] = await run.all('both', [(a) => a.step('rate', getRate), (b) => b.step('stock', getStock)])
   */
  all<const Branches extends readonly Branch[]>(
    name: string,
    branches: Branches,
    options?: BranchOptions,
  ): Promise<{ -readonly [I in keyof Branches]: Awaited<ReturnType<Branches[I]>> }>

  /** Executes the body in a scope of its own, where names and keys begin anew. Resolves with its result. */
  scope<T>(name: string, body: (run: Run) => Promise<T> | T): Promise<T>
  /** The same for use in `finally`: a cancel does not reject the operations in this scope. */
  cleanup<T>(name: string, body: (run: Run) => Promise<T> | T): Promise<T>

  /**
   * Starts a run of another flow and resolves with its output. It is cancelled with this run. Rejects
   * with CHILD_FAILED when it fails or is cancelled.
   *
   * @example const invoice = await run.child(invoicing, { order: 'A-7' })
   */
  child<Input, Output, Given>(
    flow: Flow<Input, Output, Given>,
    input: NoInfer<Given>,
    options?: ChildOptions,
  ): Promise<Output>

  /**
   * Waits for a while, which costs no process and no memory, be it seconds or years.
   *
   * @example await run.sleep('30d')
   */
  sleep(duration: Duration, options?: { readonly key?: string }): Promise<void>
  /**
   * Waits for a date: a Date, milliseconds since 1970, or a text in ISO 8601 ("2026-11-21T08:00:00Z"; a day
   * alone begins in UTC, a time without an offset is the worker's own). Throws BAD_DURATION.
   */
  until(date: Date | number | string, options?: { readonly key?: string }): Promise<void>
  /**
   * Waits for the next signal of this name, in the order in which they were sent, and resolves with its
   * value. Rejects with EXPIRED when the timeout passes without an `otherwise`.
   *
   * @example const paid = await run.signal('paid', { timeout: '7d', otherwise: false })
   */
  signal<T = unknown>(name: string, options?: SignalOptions<T>): Promise<T>
  signal<T, Nothing extends null | undefined>(
    name: string,
    options: Otherwise<SignalOptions<T>, Nothing>,
  ): Promise<T | Nothing>

  /**
   * Puts a question to a person and resolves with the answer. Rejects with EXPIRED when the timeout
   * passes without an `otherwise`.
   *
   * @example const size = await run.ask('Which size?', { schema: z.enum(['S', 'M', 'L']) })
   */
  ask<T = unknown>(prompt: string, options?: AskOptions<T>): Promise<T>
  ask<T, Nothing extends null | undefined>(
    prompt: string,
    options: Otherwise<AskOptions<T>, Nothing>,
  ): Promise<T | Nothing>

  /** The time of the last outcome that was handed over in this scope, in milliseconds since 1970. */
  now(): number
  /** A number from 0 up to 1, the same on every replay. Not secret: it derives from the ledger. */
  random(): number
  /** A UUID, the same on every replay. Not secret: who can read the ledger can compute it. */
  uuid(): string

  /**
   * Registers what undoes something, before it is done. If the run fails or is cancelled, what it has
   * registered is undone in reverse order. A worker that does not have the action pauses the run with
   * UNKNOWN_ACTION.
   *
   * @example
   * await run.undo(deleteFolder, { path })
   * await run.step('make folder', () => mkdir(path))
   */
  undo<Input>(action: Action<Input>, input: NoInfer<Input>): Promise<void>
  undo(action: string, input?: unknown): Promise<void>

  /** Says what people call the run from here on, in lists: 1 to 200 characters. Throws BAD_OPTION. */
  title(title: string): Promise<void>
  /** Writes a line for people into the ledger. */
  note(text: string, data?: unknown): Promise<void>
  /**
   * Something that lives as long as the run is in memory, a connection say. It is opened when it is first
   * asked for, closed when the run is suspended or ends, and never recorded.
   *
   * @example const db = await run.resource('db', () => connect(url), (connection) => connection.end())
   */
  resource<T>(name: string, open: () => T | Promise<T>, close: (resource: T) => unknown): Promise<T>
}

/** What is executed in a branch of its own, with the handle of that branch. Its result is data. */
export type Branch = (run: Run) => unknown

/** How `run.child` starts a run. */
export interface ChildOptions {
  readonly queue?: string
  readonly labels?: Readonly<Record<string, string>>
  /** Identifies the child in its scope instead of its flow's name and occurrence. */
  readonly key?: string
}

/** A turn of a loop. */
export interface Turn<State> extends Run {
  /** Counted from 1. */
  readonly turn: number
  /** Commits the turn; the next one begins with this state. Return what it returns from this turn's body. */
  next(state: State): Next
  /** Ends the loop with this result. Return what it returns from this turn's body. */
  done<Result>(result: Result): Done<Result>
}

const verdict: unique symbol = Symbol.for('everloop.turn') as never
const maker: unique symbol = Symbol.for('everloop.turn.maker') as never

/** The scope of a turn whose handle has made something; undefined where a method was taken off its handle. */
type Maker = { readonly run: string; readonly path: string } | undefined

/** What `run.next` returns. */
export interface Next {
  readonly [verdict]: 'next'
  readonly [maker]: Maker
  readonly state: unknown
}

/** What `run.done` returns. */
export interface Done<Result> {
  readonly [verdict]: 'done'
  readonly [maker]: Maker
  readonly result: Result
}

/** What a loop ends with whose body returns this. */
export type LoopResult<Returned> = Returned extends Done<infer Result> ? Result : never

export const next = (state: unknown, turn: Maker): Next => ({
  [verdict]: 'next',
  [maker]: turn,
  state,
})
export const done = <Result>(result: Result, turn: Maker): Done<Result> => ({
  [verdict]: 'done',
  [maker]: turn,
  result,
})

/** Which of the two a loop body returned, or undefined when it was neither. */
export function verdictOf(value: unknown): 'next' | 'done' | undefined {
  if (typeof value !== 'object' || value === null || !(verdict in value)) return undefined
  return value[verdict] === 'done' ? 'done' : 'next'
}

export const makerOf = (said: Next | Done<unknown>): Maker => said[maker]
