/** Steps: executing a body, recording what came of it, and trying again. */
import { waitMs } from '../../base/back-off.ts'
import { parseDuration } from '../../base/duration.ts'
import type { ErrorData } from '../../base/errors.ts'
import { digestOf, errorData } from '../../ledger/index.ts'
import type { Payloads, Undo } from '../../ledger/index.ts'
import { execute, type Result, type StepCall } from './attempt.ts'
import { mayCall } from '../effects/is-wanted.ts'
import { stepEffectOf } from '../effects/effect.ts'
import type { StepOptions } from '../face.ts'
import { payloadWith } from '../replay/large.ts'
import { OnceCall } from '../effects/once-call.ts'
import type { Live, Operation } from '../pass/operation.ts'
import { checkOptions } from '../../base/options.ts'
import type { Pass } from '../pass/pass.ts'
import { isLine } from '../replay/recorded.ts'
import { isWorthTrying, type Retry, retryOf } from './retry-policy.ts'
import type { Scope } from '../pass/scope.ts'

/** Options of most steps. */
export const noOptions: StepOptions = Object.freeze({})

const known = ['retry', 'timeout', 'key', 'input', 'effect', 'reconcile', 'settle', 'undo'] as const

/** Registers a step and returns what its body returned, now or long ago. */
export function step(pass: Pass, scope: Scope, call: StepCall): Promise<unknown> {
  const { name, options } = call
  if (options !== noOptions) checkOptions('run.step', options, known)
  return pass.request(scope, 'step', scope.key(name, options.key), liveOf(pass, call))
}

function liveOf(pass: Pass, call: StepCall): Live {
  if (call.options === noOptions) return new Attempts(pass, call)
  const effect = stepEffectOf(call.options)
  return effect.is === 'once'
    ? new OnceCall(pass, call, effect)
    : new Attempts(pass, call, effect.undo)
}

/** The attempts at a step, one after the other. */
class Attempts implements Live {
  readonly input: string | undefined
  readonly isFresh: true | undefined
  readonly #pass: Pass
  readonly #call: StepCall
  readonly #retry: Retry
  readonly #timeoutMs: number | undefined
  readonly #undo: Undo | undefined

  constructor(pass: Pass, call: StepCall, undo?: Undo) {
    const { options } = call
    this.#pass = pass
    this.#call = call
    this.#undo = undo
    this.isFresh = call.isFresh
    this.#retry = retryOf(options.retry)
    this.#timeoutMs = options.timeout === undefined ? undefined : parseDuration(options.timeout)
    this.input = 'input' in options ? digestOf(options.input) : undefined
  }

  begin(operation: Operation): void {
    const { begun } = operation
    if (!begun && this.#undo) this.#intend(operation, this.#undo)
    else if (!isLine(begun, 'step.retrying')) this.#attempt(operation, 1)
    else if (begun.record.due <= this.#pass.store.clock.now()) {
      this.#attempt(operation, begun.record.attempt + 1)
    } else this.#pass.wait(operation, begun.record.due)
  }

  onDue(operation: Operation): void {
    this.begin(operation)
  }

  /** Records how the effect is undone, before anything may have to be. */
  #intend(operation: Operation, undo: Undo): void {
    this.#pass.options.actions.check([undo.action], this.#pass.run)
    const { options } = this.#call
    const record: Payloads['effect.intended'] = {
      effect: 'idempotent',
      attempt: 1,
      ...('input' in options ? { args: options.input } : {}),
      ...(this.input === undefined ? {} : { input: this.input }),
      undo,
    }
    this.#pass.commit({
      drafts: [{ ...operation.place, kind: 'effect.intended', record }],
      committed: ([entry]) => {
        if (!entry || operation.phase !== 'busy') return
        operation.begun = { entry, kind: 'effect.intended', record }
        if (!mayCall(this.#pass.recorded, operation)) return // the code is about to be told
        this.#attempt(operation, 1)
      },
    })
  }

  #attempt(operation: Operation, number: number): void {
    const pass = this.#pass
    operation.phase = 'busy'
    const attempt = { call: this.#call, number, timeoutMs: this.#timeoutMs }
    const result = execute(pass, operation, attempt)
    if (!(result instanceof Promise)) return this.#end(operation, number, result)
    if (this.#undo) pass.landings.add(result.then((one) => one.is === 'failed' && one.late))
    void result.then((one) => this.#end(operation, number, one))
  }

  #end(operation: Operation, number: number, result: Result): void {
    try {
      this.#record(operation, number, result)
    } catch (thrown) {
      // The body has run: what it returned or threw cannot be looked at twice, and that is its outcome.
      this.#fail(operation, number, errorData(thrown))
    }
  }

  /** Records what came of an attempt, or waits for the next. */
  #record(operation: Operation, number: number, result: Result): void {
    const pass = this.#pass
    const retry = this.#retry
    if (result.is === 'completed') {
      const given = this.#given
      const { value, text, charge } = result
      const rest = number === 1 ? given : { attempts: number, ...given }
      const item = payloadWith('value', text, rest, { charge, largeAt: this.#call.largeAt })
      const record = { ...(charge && { charge }), value, ...rest }
      pass.conclude(operation, 'step.completed', record, item)
    } else if (number < retry.attempts && isWorthTrying(retry, result.thrown)) {
      const due = pass.store.clock.now() + waitMs(pass.ports, retry, number)
      backOff(pass, operation, { attempt: number, error: result.error, due })
    } else {
      this.#fail(operation, number, result.error)
    }
  }

  #fail(operation: Operation, attempts: number, error: ErrorData): void {
    const charge = this.#call.failedCharge?.()
    const record = { ...(charge && { charge }), error, attempts, ...this.#given }
    this.#pass.conclude(operation, 'step.failed', record)
  }

  /** What is recorded of what it was given. */
  get #given(): { readonly input?: string } {
    return this.input === undefined ? none : { input: this.input }
  }
}

/** What most steps have besides their value. */
const none = Object.freeze({})

/** Records a failed attempt and waits for the next. */
function backOff(pass: Pass, operation: Operation, record: Payloads['step.retrying']): void {
  if (operation.phase !== 'busy' || operation.scope.closed) return // cancelled or abandoned meanwhile
  pass.commit({
    drafts: [{ ...operation.place, kind: 'step.retrying', record }],
    committed: ([entry]) => {
      if (!entry) return
      operation.begun = { entry, kind: 'step.retrying', record }
      pass.wait(operation, record.due)
    },
  })
}
