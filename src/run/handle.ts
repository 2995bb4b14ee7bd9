/**
 * The `run` that code is handed: one object a scope, which checks that it is used where it may be
 * and turns each call into an operation of the pass.
 */
import { EverloopError } from '../base/errors.ts'
import type { Duration } from '../base/duration.ts'
import { encode, isWithin } from '../ledger/index.ts'
import type { Transaction } from '../store/store.ts'
import { artifactsOf } from './operations/artifacts.ts'
import { current } from './current.ts'
import { done, next } from './face.ts'
import type {
  AnyAction,
  Artifacts,
  AskOptions,
  Branch,
  BranchOptions,
  ChildOptions,
  Done,
  Flow,
  LoopOptions,
  LoopResult,
  Next,
  Run,
  SignalOptions,
  StepContext,
  StepOptions,
  TransactOptions,
  Turn,
} from './face.ts'
import { asItIs, hasInput, withInputAsItIs } from './as-it-is.ts'
import { loop } from './operations/loop.ts'
import { lateFields } from '../base/late-fields.ts'
import { checkOptions } from '../base/options.ts'
import { registerUndo } from './undo/registration.ts'
import type { Pass } from './pass/pass.ts'
import type { Scope } from './pass/scope.ts'
import { inScope, map } from './operations/scopes.ts'
import { noOptions, step } from './operations/step.ts'
import { title } from './operations/title.ts'
import { transact } from './operations/transact.ts'
import { child } from './operations/child.ts'
import { ask, signal, sleep, until } from './operations/waits.ts'

type Body = (...args: never[]) => unknown

/** The pass and scope behind a handle. Throws like the handle when it may not be used here. */
export const insideOf = (run: Run): { readonly pass: Pass; readonly scope: Scope } => {
  const handle = (run as RunHandle).inside
  return { pass: handle.pass, scope: handle.scope() }
}

/** The pass behind a handle, wherever it is used. */
export const passOf = (run: Run): Pass => (run as RunHandle).inside.pass

/** Of which scope this is the handle. Undefined for what wraps one, and where a method was taken off its handle. */
let scopeOf: (handle: object | undefined) => Scope | undefined

// What comes out of the ledger has the type its author gave the operation; the casts below say so.
export class RunHandle implements Run {
  readonly #pass: Pass
  readonly #scope: Scope

  static {
    scopeOf = (handle) => (handle && #scope in handle ? handle.#scope : undefined)
  }

  constructor(pass: Pass, scope: Scope) {
    this.#pass = pass
    this.#scope = scope
  }

  /** For everloop's own code, also through a handle that somebody has wrapped. Not in `Run`. */
  get inside(): { readonly pass: Pass; readonly scope: () => Scope } {
    return { pass: this.#pass, scope: () => this.#here() }
  }

  get id(): string {
    return this.#pass.run
  }

  get isReplaying(): boolean {
    return this.#pass.isReplaying
  }

  get abortSignal(): AbortSignal {
    return this.#scope.signal
  }

  get artifacts(): Artifacts {
    return artifactsOf(this.#pass, () => this.#here())
  }

  step<T>(name: string, ...rest: readonly unknown[]): Promise<T> {
    const scope = this.#here()
    const body = rest.at(-1)
    if (typeof body !== 'function')
      throw this.#misuse('run.step takes a name, options if any, and a body.')
    const options =
      rest.length > 1 ? withInputAsItIs(rest[0] as StepOptions & { input?: unknown }) : noOptions
    const call = hasInput(options)
      ? (context: StepContext) => (body as Body)(options.input as never, own(context) as never)
      : (context: StepContext) => (body as (context: StepContext) => unknown)(own(context))
    return step(this.#pass, scope, { name, options, body: call }) as Promise<T>
  }

  transact<T>(name: string, ...rest: readonly unknown[]): Promise<T> {
    const scope = this.#here()
    const body = rest.at(-1)
    if (typeof body !== 'function')
      throw this.#misuse('run.transact takes a name, options if any, and a function.')
    const options =
      rest.length > 1 ? withInputAsItIs(rest[0] as TransactOptions & { input?: unknown }) : {}
    const call = hasInput(options)
      ? (tx: Transaction) => (body as Body)(options.input as never, tx as never)
      : (body as (tx: Transaction) => unknown)
    return transact(this.#pass, scope, { name, options, body: call }) as Promise<T>
  }

  loop<State, Returned extends Next | Done<unknown>>(
    name: string,
    options: LoopOptions<State>,
    body: (run: Turn<State>, state: State) => Promise<Returned> | Returned,
  ): Promise<LoopResult<Returned>> {
    const scope = this.#here()
    checkOptions('run.loop', options, ['state'])
    if (typeof body !== 'function') throw this.#misuse('run.loop takes a name, options and a body.')
    return loop(this.#pass, scope, {
      name,
      initial: options.state,
      body: (inner, turn, state) =>
        body(new TurnHandle<State>(this.#pass, inner, turn), state as State),
    }) as Promise<LoopResult<Returned>>
  }

  map<Item, T>(name: string, items: readonly Item[], ...rest: readonly unknown[]): Promise<T[]> {
    const scope = this.#here()
    const body = rest.at(-1)
    const options = rest.length > 1 ? (rest[0] as BranchOptions) : {}
    if (!Array.isArray(items) || typeof body !== 'function') {
      throw this.#misuse('run.map takes a name, a list of items, options if any, and a body.')
    }
    const list = [...(items as readonly Item[])]
    return map(this.#pass, scope, {
      asked: 'run.map',
      name,
      count: list.length,
      options,
      branch: (inner, index) =>
        (body as (run: Run, item: unknown, index: number) => unknown)(
          new RunHandle(this.#pass, inner),
          list[index],
          index,
        ),
    }) as Promise<T[]>
  }

  all<const Branches extends readonly Branch[]>(
    name: string,
    branches: Branches,
    options: BranchOptions = {},
  ): Promise<{ -readonly [I in keyof Branches]: Awaited<ReturnType<Branches[I]>> }> {
    const scope = this.#here()
    if (!Array.isArray(branches) || branches.some((branch) => typeof branch !== 'function')) {
      throw this.#misuse('run.all takes a name and a list of functions.')
    }
    return map(this.#pass, scope, {
      asked: 'run.all',
      name,
      count: branches.length,
      options,
      branch: (inner, index) => branches[index]?.(new RunHandle(this.#pass, inner)),
    }) as Promise<{ -readonly [I in keyof Branches]: Awaited<ReturnType<Branches[I]>> }>
  }

  scope<T>(name: string, body: (run: Run) => Promise<T> | T): Promise<T> {
    return this.#inScope(name, body)
  }

  cleanup<T>(name: string, body: (run: Run) => Promise<T> | T): Promise<T> {
    return this.#inScope(name, body, true)
  }

  child<Input, Output, Given>(
    flow: Flow<Input, Output, Given>,
    input: NoInfer<Given>,
    options: ChildOptions = {},
  ): Promise<Output> {
    return child(this.#pass, this.#here(), { flow, input, options }) as Promise<Output>
  }

  sleep(duration: Duration, options: { readonly key?: string } = {}): Promise<void> {
    const scope = this.#here()
    checkOptions('run.sleep', options, ['key'])
    return sleep(this.#pass, scope, duration, options.key) as Promise<void>
  }

  until(date: Date | number | string, options: { readonly key?: string } = {}): Promise<void> {
    const scope = this.#here()
    checkOptions('run.until', options, ['key'])
    return until(this.#pass, scope, date, options.key) as Promise<void>
  }

  signal<T>(name: string, options: SignalOptions<T> = {}): Promise<T> {
    return signal(this.#pass, this.#here(), name, options) as Promise<T>
  }

  ask<T>(prompt: string, options: AskOptions<T> = {}): Promise<T> {
    return ask(this.#pass, this.#here(), { prompt, options }) as Promise<T>
  }

  now(): number {
    return this.#here().time
  }

  random(): number {
    return Buffer.from(this.#here().draw()).readUIntBE(0, 6) / 2 ** 48
  }

  uuid(): string {
    const hex = Buffer.from(this.#here().draw()).toString('hex')
    const variant = ((parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16)
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
  }

  undo(action: AnyAction | string, input?: unknown): Promise<void> {
    return registerUndo(this.#pass, this.#here(), action, input) as Promise<void>
  }

  note(text: string, data?: unknown): Promise<void> {
    const scope = this.#here()
    if (typeof text !== 'string') throw this.#misuse('run.note takes a text and data if any.')
    const record = { text, ...(data === undefined ? {} : { data: asItIs(data) }) }
    const key = scope.key('note')
    const payload = encode(record)
    return this.#pass.request(scope, 'note', key, {
      begin: (operation) => this.#pass.conclude(operation, 'note.written', record, { payload }),
    }) as Promise<void>
  }

  title(text: string): Promise<void> {
    return title(this.#pass, this.#here(), text) as Promise<void>
  }

  resource<T>(
    name: string,
    open: () => T | Promise<T>,
    close: (resource: T) => unknown,
  ): Promise<T> {
    const scope = this.#here()
    const { resources } = this.#pass
    const opened = resources.get(name, open, close as (resource: unknown) => unknown)
    return this.#pass.hold(opened, scope) as Promise<T>
  }

  #inScope<T>(name: string, body: (run: Run) => Promise<T> | T, shielded?: boolean): Promise<T> {
    const scope = this.#here()
    if (typeof body !== 'function') throw this.#misuse('A scope takes a name and a body.')
    const call = (inner: Scope): unknown => body(new RunHandle(this.#pass, inner))
    return inScope(this.#pass, scope, scope.key(name), call, shielded) as Promise<T>
  }

  /** The scope, once it is clear that this handle may be used where the calling code stands. */
  #here(): Scope {
    const place = current()
    if (place?.pass !== this.#pass) return this.#scope
    if (place.step !== undefined) {
      throw new EverloopError(
        'NESTED_OPERATION',
        `Inside the body of step "${place.step}" of run "${this.id}" a durable operation was started. A step is one unit: start operations outside of it, or use run.scope.`,
        { run: this.id, step: place.step },
      )
    }
    const strayed = place.scope !== this.#scope && isWithin(place.scope.path, this.#scope.path)
    const ended = this.#scope.closed && place.scope !== this.#scope
    if (strayed || ended) {
      throw new EverloopError(
        'WRONG_SCOPE',
        `The handle of scope "${this.#scope.path}" of run "${this.id}" was used inside "${place.scope.path}". Use the \`run\` that the inner function is handed: it shadows the outer one.`,
        { run: this.id, step: place.scope.path },
      )
    }
    return this.#scope
  }

  #misuse(message: string): EverloopError {
    return new EverloopError('BAD_OPTION', message, { run: this.id })
  }
}

/** The handle of a loop's turn. */
export class TurnHandle<State> extends RunHandle implements Turn<State> {
  readonly turn: number

  constructor(pass: Pass, scope: Scope, turn: number) {
    super(pass, scope)
    this.turn = turn
  }

  next(state: State): Next {
    return next(state, scopeOf(this))
  }

  done<Result>(result: Result): Done<Result> {
    return done(result, scopeOf(this))
  }
}

/** What few bodies ask for. An idempotency key that is lost when code copies the context is a payment made twice. */
const withLateFields = lateFields<StepContext, Pick<StepContext, 'signal' | 'idempotencyKey'>>({
  signal: (context) => context.signal,
  idempotencyKey: (context) => context.idempotencyKey,
})

/** The context as users' code is handed it. */
const own = (context: StepContext): StepContext =>
  withLateFields({ attempt: context.attempt }, context)
