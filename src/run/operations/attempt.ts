/** One attempt at a step: calling its body, within its time, and making a result of whatever happens. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { EverloopError } from '../../base/errors.ts'
import type { ErrorData } from '../../base/errors.ts'
import { timeLimit, TimeOver } from '../../base/time-limit.ts'
import { encode, errorData } from '../../ledger/index.ts'
import type { Charge } from '../../ledger/index.ts'
import { within } from '../current.ts'
import type { StepContext, StepOptions } from '../face.ts'
import { idempotencyKey } from './idempotency-key.ts'
import type { Operation } from '../pass/operation.ts'
import type { Pass } from '../pass/pass.ts'
import { isPromiseLike } from '../promise-like.ts'
import { LiveText } from '../pass/publisher.ts'

export interface StepCall {
  readonly name: string
  readonly options: StepOptions & { readonly input?: unknown }
  readonly body: (context: LiveContext) => unknown
  /** What a person says that it came to must fit this. */
  readonly result?: StandardSchemaV1 | undefined
  /** Values of more characters than this are kept as artifacts. Default: those of 256 K. */
  readonly largeAt?: number | undefined
  /** As in `Live`. */
  readonly isFresh?: true | undefined
  /** What its success cost, and whom: recorded with it, and kept on accounts by the store. */
  readonly charge?: ((value: unknown) => Charge | undefined) | undefined
  /** The same where it failed for good. */
  readonly failedCharge?: (() => Charge | undefined) | undefined
}

/** What the runtime's own steps are handed besides. */
export interface LiveContext extends StepContext {
  /** Shows text of the attempt to whoever watches, until its outcome is recorded. Nothing waits for it. */
  readonly publish: (text: string) => void
  /** Makes void what was shown: the body begins anew within the attempt. */
  readonly restart: () => void
}

/** What came of an attempt. `late`: the call itself, when its time was over before it ended. */
export type Result =
  | {
      readonly is: 'completed'
      readonly value: unknown
      readonly text: string
      readonly charge: Charge | undefined
    }
  | {
      readonly is: 'failed'
      readonly thrown: unknown
      readonly error: ErrorData
      readonly late?: Promise<unknown>
    }

/** By this an outside system can recognise a repetition of the operation. */
export const idempotencyKeyOf = ({ options }: Pass, { path }: Operation): string =>
  idempotencyKey(options.seed, path)

/** What the body of an attempt is handed. What few ask for is made when it is asked for. */
class Handed implements LiveContext {
  readonly attempt: number
  readonly #pass: Pass
  readonly #operation: Operation
  readonly #signal: AbortSignal | undefined
  /** What it has shown. */
  shown: LiveText | undefined

  constructor(pass: Pass, operation: Operation, attempt: number, signal?: AbortSignal) {
    this.#pass = pass
    this.#operation = operation
    this.attempt = attempt
    this.#signal = signal
  }

  get signal(): AbortSignal {
    return this.#signal ?? this.#operation.scope.signal
  }

  get idempotencyKey(): string {
    return idempotencyKeyOf(this.#pass, this.#operation)
  }

  readonly publish = (text: string): void => {
    this.shown ??= liveText(this.#pass, this.#operation, this.attempt)
    this.shown.publish(text)
  }

  readonly restart = (): void => this.shown?.restart()
}

/**
 * Calls the body once. Never throws or rejects: whatever happens is a result, and it is there at once when
 * the body returned at once.
 */
export function execute(
  pass: Pass,
  operation: Operation,
  { call, number, timeoutMs }: Attempt,
): Result | Promise<Result> {
  if (timeoutMs !== undefined) return executeTimed(pass, operation, { call, number, timeoutMs })
  const given = new Handed(pass, operation, number)
  try {
    const started = begin(pass, operation, call, given)
    return isPromiseLike(started)
      ? landed(call, given, started)
      : ended(given, successOf(call, started))
  } catch (thrown) {
    return ended(given, failureOf(thrown))
  }
}

/** One attempt to make. */
interface Attempt {
  readonly call: StepCall
  readonly number: number
  readonly timeoutMs: number | undefined
}

function begin(pass: Pass, operation: Operation, call: StepCall, context: LiveContext): unknown {
  const { scope, path } = operation
  pass.options.onBody?.(path, pass.run)
  return operation.call(within, { pass, scope, step: path }, call.body, context)
}

async function landed(call: StepCall, given: Handed, started: unknown): Promise<Result> {
  let result: Result
  try {
    result = successOf(call, await started)
  } catch (thrown) {
    result = failureOf(thrown)
  }
  return ended(given, result)
}

/** What was shown is out before the outcome is. */
function ended(given: Handed, result: Result): Result | Promise<Result> {
  const sent = given.shown?.end()
  return sent ? sent.then(() => result) : result
}

function successOf(call: StepCall, value: unknown): Result {
  try {
    return { is: 'completed', value, text: encode(value), charge: call.charge?.(value) }
  } catch (thrown) {
    return failureOf(thrown) // it cannot be recorded
  }
}

const failureOf = (thrown: unknown): Extract<Result, { is: 'failed' }> => ({
  is: 'failed',
  thrown,
  error: errorData(thrown),
})

async function executeTimed(
  pass: Pass,
  operation: Operation,
  { call, number, timeoutMs }: Attempt & { readonly timeoutMs: number },
): Promise<Result> {
  const limit = timeLimit(pass.ports, timeoutMs, {
    outer: operation.scope.signal,
    reason: () => tookTooLong(pass, operation, timeoutMs),
  })
  const given = new Handed(pass, operation, number, limit.signal)
  let result: Result
  try {
    // One promise for all who wait: some thenables do their work each time `then` is called.
    const started = Promise.resolve(begin(pass, operation, call, given))
    const value = await Promise.race([started, limit.over])
    result =
      value instanceof TimeOver
        ? { ...failureOf(value.reason), late: started }
        : successOf(call, value)
  } catch (thrown) {
    result = failureOf(thrown)
  }
  limit.end()
  return ended(given, result)
}

const tookTooLong = ({ run }: Pass, { path }: Operation, timeoutMs: number): EverloopError =>
  new EverloopError(
    'TIMEOUT',
    `Step "${path}" of run "${run}" took longer than its timeout of ${timeoutMs} ms.`,
    { run, step: path },
  )

const liveText = (pass: Pass, operation: Operation, attempt: number): LiveText =>
  new LiveText(pass.options.publisher, {
    path: operation.path,
    attempt,
    isOver: () => pass.isOver || operation.phase !== 'busy' || operation.scope.closed,
  })
