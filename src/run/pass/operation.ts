/**
 * One durable operation that the code has asked for in this pass.
 *
 * Its life: `replaying` (its outcome is recorded and waits for its turn), or `parked` (it may begin
 * once all recorded outcomes are handed over), then `busy` (something is happening in this process),
 * `waiting` (only time or a message can bring it on) or `open` (a scope whose body runs), and in
 * the end `settled`. Only the pass and the operation's own live part change its phase.
 */
import { AsyncResource } from 'node:async_hooks'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { OutcomeKind, WaitKind } from '../../ledger/index.ts'
import { familyOf } from '../../ledger/index.ts'
import type { Line } from '../replay/recorded.ts'
import { outcomeOf } from './outcome.ts'
import type { Scope } from './scope.ts'

export type Phase = 'replaying' | 'parked' | 'busy' | 'waiting' | 'open' | 'settled'

/** The first part of the kinds that may stand at an operation's key. */
export type Family =
  | 'step'
  | 'timer'
  | 'signal'
  | 'question'
  | 'child'
  | 'note'
  | 'scope'
  | 'approval'
  | 'guard'
  | 'budget'
  | 'message'
  | 'context'
  | 'undo'

/** An answer to what a person was asked, as it was sent. */
export interface Answer {
  /** The message that brings it: the entry that is made of it takes it. */
  readonly number: number
  readonly value: unknown
  readonly by: string | undefined
  /** When it was given: a worker may take it days later. */
  readonly time: number
}

/** What an operation does when it is not served from the ledger. */
export interface Live {
  /** Called once, when the operation may begin: `begun` tells what is recorded of it already. */
  begin(operation: Operation): void
  /** Called when `due` has come. */
  onDue?(operation: Operation): void
  /** Makes something of an answer. The operation is busy from then on, and the message reserved. */
  onAnswer?(operation: Operation, answer: Answer): void
  /** Called when the run has ended that it waits for without having begun. */
  onEnd?(operation: Operation): void
  /** Digest of the input given now, to be compared with the recorded one. */
  readonly input?: string | undefined
  /** A cancel does not reject it: a scope whose operations are shielded. */
  readonly shielded?: boolean | undefined
  /** It takes a signal of this name should one come, and leaves no trace when none does. */
  readonly receives?: string | undefined
  /** It must not be done twice: while that is open, it holds the close of its scope. */
  readonly unrepeatable?: true | undefined
  /** The code is handed what it has received with who sent it, not the value alone. */
  readonly whole?: true | undefined
  /** Nobody else has its value, and it is what a replay would decode: it is handed over as it is, not copied. */
  readonly isFresh?: true | undefined
  /** What a value that comes from outside must fit. */
  readonly schema?: StandardSchemaV1 | undefined
  /** Such a value of more characters than this is kept as an artifact. Default: one of 256 K. */
  readonly largeAt?: number | undefined
}

export class Operation {
  readonly scope: Scope
  readonly family: Family
  readonly key: string
  readonly path: string
  readonly live: Live
  readonly promise: Promise<unknown>
  phase: Phase = 'parked'
  begun: Line<WaitKind> | undefined
  /** The run it has started or is about to start, and waits for. */
  child: string | undefined
  /** It may be happening, or may have happened: its scope does not close before that is known. */
  holds = false
  /** The code was told of a cancel, and waits no longer. */
  #told = false
  /** When a waiting operation goes on by itself, on the store's clock. */
  due: number | undefined
  /** Where the code stood that asked for it, for what an AsyncLocalStorage tells there. */
  #caller: AsyncResource | undefined
  #resolve!: (value: unknown) => void
  #reject!: (error: Error) => void

  constructor(scope: Scope, family: Family, key: string, path: string, live: Live) {
    this.scope = scope
    this.family = family
    this.key = key
    this.live = live
    this.path = path
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** True when this kind of entry may stand at this operation's key. */
  fits(kind: string): boolean {
    return familyOf(kind) === this.family
  }

  /** Where its entries stand. */
  get place(): { readonly scope: string; readonly key: string } {
    return { scope: this.scope.path, key: this.key }
  }

  /** True while the code waits for the outcome. */
  get isWanted(): boolean {
    return !this.#told && !this.scope.isLeaving
  }

  /** It was asked for here, and may begin later. */
  parked(): this {
    this.#caller = new AsyncResource('everloop')
    return this
  }

  /** Calls code of the user's where the operation was asked for. */
  call<Args extends readonly unknown[], T>(code: (...args: Args) => T, ...args: Args): T {
    return this.#caller
      ? (this.#caller.runInAsyncScope(code as never, undefined, ...args) as T)
      : code(...args)
  }

  /** Hands the outcome over. Returns what was handed over. */
  settle(line: Line<OutcomeKind>): ReturnType<typeof outcomeOf> {
    const outcome = outcomeOf(line, this.begun, this.live.whole)
    this.phase = 'settled'
    if (outcome.is === 'value') this.#resolve(outcome.value)
    else this.reject(outcome.error)
    return outcome
  }

  /** Tells the code of a cancel. What must be known first goes on, and ends later. */
  cancel(reason: Error): void {
    if (!this.holds || this.phase === 'settled') return this.reject(reason)
    this.#told = true
    this.promise.catch(ignore)
    this.#reject(reason)
  }

  /** Its scope is left without waiting for it. */
  abandon(): void {
    this.phase = 'settled'
  }

  /** Ends the operation with an error; without an entry of its own when the run is being cancelled. */
  reject(reason: Error): void {
    this.phase = 'settled'
    // A loser of a race that fails is recorded; it must not bring down the process.
    this.promise.catch(ignore)
    this.#reject(reason)
  }
}

const ignore = (): void => {}
