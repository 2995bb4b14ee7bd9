/** One attempt at a step: calling its body, within its time, and making a result of whatever happens. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { EverloopError } from '../base/errors.ts'
import type { ErrorData } from '../base/errors.ts'
import { encode, errorData } from '../ledger/index.ts'
import type { Charge } from '../ledger/index.ts'
import { within } from './current.ts'
import type { StepContext, StepOptions } from './face.ts'
import { idempotencyKey } from './idempotency-key.ts'
import type { Operation } from './operation.ts'
import type { Pass } from './pass.ts'
import { LiveText } from './publisher.ts'

export interface StepCall {
  readonly name: string
  readonly options: StepOptions & { readonly input?: unknown }
  readonly body: (context: LiveContext) => unknown
  /** What a person says that it came to must fit this. */
  readonly result?: StandardSchemaV1 | undefined
  /** Values of more characters than this are kept as artifacts. Default: those of 256 K. */
  readonly largeAt?: number | undefined
  /** What its success cost, and whom: recorded with it, and kept on accounts by the store. */
  readonly charge?: ((value: unknown) => Charge | undefined) | undefined
  /** The same where it failed for good. */
  readonly failedCharge?: Charge | undefined
}

/** What the runtime's own steps are handed besides. */
export interface LiveContext extends StepContext {
  /** Shows text of the attempt to whoever watches, until its outcome is recorded. Nothing waits for it. */
  readonly publish: (text: string) => void
  /** Makes void what was shown: the body begins anew within the attempt. */
  readonly restart: () => void
}

/** What came of an attempt. `late`: the call itself, which was not waited for any longer. */
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

/** What an outside system can recognise a repetition of the operation by. */
export const idempotencyKeyOf = ({ options }: Pass, { path }: Operation): string =>
  idempotencyKey(options.seed, path)

/** Calls the body once. Never rejects: whatever happens in there is a result. */
export async function execute(
  pass: Pass,
  operation: Operation,
  attempt: {
    readonly call: StepCall
    readonly number: number
    readonly timeoutMs: number | undefined
  },
): Promise<Result> {
  const { call, number, timeoutMs } = attempt
  const { scope } = operation
  const { signal, expired, dispose } = timed(pass, operation, timeoutMs)
  let live: LiveText | undefined
  const context: LiveContext = {
    get signal() {
      return signal()
    },
    get idempotencyKey() {
      return idempotencyKeyOf(pass, operation)
    },
    attempt: number,
    publish(text) {
      live ??= liveText(pass, operation, number)
      live.publish(text)
    },
    restart: () => live?.restart(),
  }
  let started: unknown
  try {
    started = within({ pass, scope, step: operation.path }, () => call.body(context))
    const value = await (expired ? Promise.race([started, expired]) : started)
    return { is: 'completed', value, text: encode(value), charge: call.charge?.(value) }
  } catch (thrown) {
    const failed = { is: 'failed', thrown, error: errorData(thrown) } as const
    return isTimeout(thrown) ? { ...failed, late: Promise.resolve(started) } : failed
  } finally {
    dispose()
    if (live) await live.end()
  }
}

const liveText = (pass: Pass, operation: Operation, attempt: number): LiveText =>
  new LiveText(pass.options.publisher, {
    path: operation.path,
    attempt,
    isOver: () => pass.isOver || operation.phase !== 'busy' || operation.scope.closed,
  })

const timeouts = new WeakSet<Error>()

/** True when the attempt's time was over: a body may throw a TIMEOUT of its own. */
export const isTimeout = (thrown: unknown): boolean => timeouts.has(thrown as Error)

/** A signal that is aborted with the scope, and when the time is over. */
function timed(
  pass: Pass,
  { scope, path }: Operation,
  timeoutMs: number | undefined,
): {
  readonly signal: () => AbortSignal
  readonly expired: Promise<never> | undefined
  readonly dispose: () => void
} {
  if (timeoutMs === undefined) {
    return { signal: () => scope.signal, expired: undefined, dispose: () => {} }
  }
  const controller = new AbortController()
  let reject: (error: Error) => void
  const expired = new Promise<never>((_, rejectExpired) => {
    reject = rejectExpired
  })
  const timer = pass.ports.setTimer(timeoutMs, () => {
    const error = new EverloopError(
      'TIMEOUT',
      `Step "${path}" of run "${pass.run}" took longer than its timeout of ${timeoutMs} ms.`,
      { run: pass.run, step: path },
    )
    timeouts.add(error)
    reject(error)
    controller.abort(error)
  })
  const signal = AbortSignal.any([scope.signal, controller.signal])
  return { signal: () => signal, expired, dispose: () => timer.cancel() }
}
