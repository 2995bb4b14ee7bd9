/** Steps: executing a body, recording what came of it, and trying again. */
import { EverloopError } from '../base/errors.ts'
import type { ErrorData } from '../base/errors.ts'
import { parseDuration } from '../base/duration.ts'
import { digestOf, encode, errorData } from '../ledger/index.ts'
import type { Charge, Payloads } from '../ledger/index.ts'
import { within } from './current.ts'
import type { RetryPolicy, StepContext, StepOptions } from './face.ts'
import { payloadWith } from './large.ts'
import type { Live, Operation } from './operation.ts'
import { checkOptions } from './options.ts'
import type { Pass } from './pass.ts'
import { LiveText } from './publisher.ts'
import { isLine } from './recorded.ts'
import type { Scope } from './scope.ts'

/** A retry policy with everything said. */
interface Retry {
  readonly attempts: number
  readonly delayMs: number
  readonly factor: number
  readonly maxDelayMs: number
  readonly when: (error: unknown) => boolean
}

export interface StepCall {
  readonly name: string
  readonly options: StepOptions & { readonly input?: unknown }
  readonly body: (context: LiveContext) => unknown
  /** What its success cost, and whom: recorded with it, and kept on accounts by the store. */
  readonly charge?: ((value: unknown) => Charge | undefined) | undefined
}

/** What the runtime's own steps are handed besides. */
export interface LiveContext extends StepContext {
  /** Shows text of the attempt to whoever watches, until its outcome is recorded. Nothing waits for it. */
  readonly publish: (text: string) => void
}

/** What a step without a policy gets. */
const once: Retry = { attempts: 1, delayMs: 0, factor: 1, maxDelayMs: 0, when: () => true }

/** Options of most steps. */
export const noOptions: StepOptions = Object.freeze({})

/** Errors that the same attempt would meet again. */
const finalCodes: readonly string[] = ['NOT_SERIALISABLE', 'VALUE_TOO_LARGE', 'BAD_INPUT']

/** Registers a step and returns what its body returned, now or long ago. */
export function step(pass: Pass, scope: Scope, call: StepCall): Promise<unknown> {
  const { name, options } = call
  if (options !== noOptions) checkOptions('run.step', options, ['retry', 'timeout', 'key', 'input'])
  return pass.request(scope, 'step', scope.key(name, options.key), new Attempts(pass, call))
}

/** The attempts at a step, one after the other. */
class Attempts implements Live {
  readonly input: string | undefined
  readonly #pass: Pass
  readonly #call: StepCall
  readonly #retry: Retry
  readonly #timeoutMs: number | undefined

  constructor(pass: Pass, call: StepCall) {
    const { options } = call
    this.#pass = pass
    this.#call = call
    this.#retry = retryOf(options.retry)
    this.#timeoutMs = options.timeout === undefined ? undefined : parseDuration(options.timeout)
    this.input = 'input' in options ? digestOf(options.input) : undefined
  }

  begin(operation: Operation): void {
    const { begun } = operation
    if (!isLine(begun, 'step.retrying')) void this.#attempt(operation, 1)
    else if (begun.record.due <= this.#pass.store.clock.now()) {
      void this.#attempt(operation, begun.record.attempt + 1)
    } else this.#pass.wait(operation, begun.record.due)
  }

  onDue(operation: Operation): void {
    this.begin(operation)
  }

  async #attempt(operation: Operation, number: number): Promise<void> {
    const pass = this.#pass
    const retry = this.#retry
    operation.phase = 'busy'
    const attempt = { call: this.#call, number, timeoutMs: this.#timeoutMs }
    const result = await execute(pass, operation, attempt)
    const given = this.input === undefined ? {} : { input: this.input }
    if (result.is === 'completed') {
      const { value, text, charge } = result
      const rest = { ...(number === 1 ? {} : { attempts: number }), ...given }
      const item = payloadWith('value', text, rest, charge)
      const record = { ...(charge && { charge }), value, ...rest }
      pass.conclude(operation, 'step.completed', record, item)
    } else if (number < retry.attempts && isWorthTrying(retry, result.thrown)) {
      const due = pass.store.clock.now() + delayMs(pass, retry, number)
      backOff(pass, operation, { attempt: number, error: result.error, due })
    } else {
      const record = { error: result.error, attempts: number, ...given }
      pass.conclude(operation, 'step.failed', record)
    }
  }
}

/** Records a failed attempt and waits for the next. */
function backOff(pass: Pass, operation: Operation, record: Payloads['step.retrying']): void {
  const { scope, key } = operation
  if (operation.phase !== 'busy' || scope.closed) return // cancelled or abandoned meanwhile
  pass.commit({
    drafts: [{ scope: scope.path, kind: 'step.retrying', key, record }],
    committed: ([entry]) => {
      if (!entry) return
      operation.begun = { entry, kind: 'step.retrying', record }
      pass.wait(operation, record.due)
    },
  })
}

type Result =
  | {
      readonly is: 'completed'
      readonly value: unknown
      readonly text: string
      readonly charge: Charge | undefined
    }
  | { readonly is: 'failed'; readonly thrown: unknown; readonly error: ErrorData }

/** Calls the body once. Never rejects: whatever happens in there is a result. */
async function execute(
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
    attempt: number,
    publish(text) {
      live ??= liveText(pass, operation, number)
      live.publish(text)
    },
  }
  try {
    const started = within({ pass, scope, step: operation.path }, () => call.body(context))
    const value = await (expired ? Promise.race([started, expired]) : started)
    return { is: 'completed', value, text: encode(value), charge: call.charge?.(value) }
  } catch (thrown) {
    return { is: 'failed', thrown, error: errorData(thrown) }
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
    reject(error)
    controller.abort(error)
  })
  const signal = AbortSignal.any([scope.signal, controller.signal])
  return { signal: () => signal, expired, dispose: () => timer.cancel() }
}

function retryOf(policy: RetryPolicy | undefined): Retry {
  if (policy === undefined) return once
  checkOptions('retry', policy, ['attempts', 'delay', 'factor', 'maxDelay', 'when'])
  const { attempts, delay = '1s', factor = 2, maxDelay = '5m', when = () => true } = policy
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new EverloopError('BAD_OPTION', `retry.attempts must be a whole number of at least 1.`)
  }
  if (!Number.isFinite(factor) || factor < 1) {
    throw new EverloopError('BAD_OPTION', `retry.factor must be a number of at least 1.`)
  }
  return {
    attempts,
    delayMs: parseDuration(delay),
    factor,
    maxDelayMs: parseDuration(maxDelay),
    when,
  }
}

function isWorthTrying(retry: Retry, thrown: unknown): boolean {
  if (EverloopError.is(thrown) && finalCodes.includes(thrown.code)) return false
  try {
    return retry.when(thrown)
  } catch {
    return false // a policy that throws has no opinion worth repeating an effect for
  }
}

/** The wait before the next attempt, spread by a quarter so that failed callers do not return as one. */
function delayMs(pass: Pass, retry: Retry, attempt: number): number {
  const full = Math.min(retry.delayMs * retry.factor ** (attempt - 1), retry.maxDelayMs)
  const chance = (pass.ports.randomBytes(1)[0] ?? 0) / 255
  return Math.round(full * (0.75 + chance / 4))
}
