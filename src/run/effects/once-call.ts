/**
 * A step that must not repeat: making its call, and what follows from what became of it. While that is
 * not known, open-doubt.ts is in charge (E2, E3).
 *
 * E1 Its intent is durable before the body is called. The intent holds the time after which no request
 *    of this call can still be on its way.
 * E4 A call that did not happen is tried again as the retry policy says. One that a crash cut short is
 *    made again without asking; after the fourth crash a person is asked.
 *
 * `holds` marks an operation that may be happening or may have happened, by which leaving.ts keeps E5.
 */
import { waitMs } from '../../base/back-off.ts'
import { type ErrorData, EverloopError } from '../../base/errors.ts'
import { digestOf, encode } from '../../ledger/index.ts'
import type { AnyDraft, Payloads, WaitKind } from '../../ledger/index.ts'
import { execute, type Result, type StepCall } from '../operations/attempt.ts'
import { isWanted } from './is-wanted.ts'
import { commitBegun } from './commit-begun.ts'
import { drifted } from '../replay/drift.ts'
import { type Doubt, type Resolution, resolved, type Source } from './doubt.ts'
import type { OnceEffect } from './effect.ts'
import type { Item } from '../pass/journal.ts'
import { payloadWith } from '../replay/large.ts'
import { afterNotDone, isNotDone } from './not-done.ts'
import { OpenDoubt } from './open-doubt.ts'
import type { Answer, Live, Operation } from '../pass/operation.ts'
import type { Pass } from '../pass/pass.ts'
import { isLine, type Line } from '../replay/recorded.ts'
import { type Retry, retryOf } from '../operations/retry-policy.ts'

export class OnceCall implements Live {
  readonly unrepeatable = true
  readonly input: string | undefined
  readonly #pass: Pass
  readonly #call: StepCall
  readonly #effect: OnceEffect
  readonly #retry: Retry
  /** The call that was made last. */
  #intent: Line<'effect.intended'> | undefined
  /** The doubt about it, open or resolved. */
  #doubt: OpenDoubt | undefined

  constructor(pass: Pass, call: StepCall, effect: OnceEffect) {
    const { options } = call
    this.#pass = pass
    this.#call = call
    this.#effect = effect
    this.#retry = retryOf(options.retry)
    this.input = 'input' in options ? digestOf(options.input) : undefined
  }

  begin(operation: Operation): void {
    const { begun } = operation
    const call = this.#pass.recorded.calls.get(operation.path)
    this.#intent ??= call?.intent
    if (!begun) {
      const { undo } = this.#effect
      if (undo) this.#pass.options.actions.check([undo.action], this.#pass.run)
      return this.#intend(operation, 1)
    }
    if (this.#hasDrifted()) {
      this.#pass.wait(operation, undefined)
      return this.#pass.stop(drifted(operation))
    }
    this.#goOn(operation, begun, call?.doubt?.record)
  }

  onDue(operation: Operation): void {
    if (operation.begun) this.#goOn(operation, operation.begun)
  }

  onAnswer(_operation: Operation, answer: Answer): void {
    this.#doubt?.onAnswer(answer)
  }

  /** Takes up what the ledger holds, or what has come due. */
  #goOn(operation: Operation, begun: Line<WaitKind>, before?: Doubt): void {
    const pass = this.#pass
    if (isLine(begun, 'step.retrying')) {
      const { due, attempt } = begun.record
      if (due <= pass.store.clock.now()) this.#intend(operation, attempt + 1)
      else pass.wait(operation, due)
    } else if (isLine(begun, 'effect.intended')) {
      const { attempt, due } = begun.record
      this.#doubted(operation, { attempt, why: 'crashed' }).record(due)
    } else if (isLine(begun, 'effect.doubted')) {
      const { prompt, due } = begun.record
      const doubt = (this.#doubt ??= this.#doubted(operation, begun.record))
      if (prompt === undefined) doubt.findOutAt(due)
      else pass.wait(operation, undefined)
    } else if (isLine(begun, 'effect.resolved')) {
      const { attempt, verdict } = begun.record
      if (verdict === 'notDone') return this.#intend(operation, attempt + 1)
      operation.holds = true // E5: it is in doubt again
      const doubt = this.#doubted(operation, before ?? { attempt, why: 'crashed' })
      doubt.ask('A person let it fail without knowing, and the run is tried again.')
    }
  }

  #hasDrifted(): boolean {
    const recorded = this.#intent?.record.input
    return recorded !== undefined && this.input !== undefined && recorded !== this.input
  }

  /** Records that the call is about to be made, behind what made it necessary, and makes it (E1). */
  #intend(
    operation: Operation,
    attempt: number,
    { lost = this.#lost, ...item }: Partial<Item> & { readonly lost?: number } = {},
  ): void {
    const pass = this.#pass
    const { timeoutMs, settleMs, undo } = this.#effect
    const { options } = this.#call
    const asked = pass.ports.monotonic()
    operation.phase = 'busy'
    operation.holds = true
    const record = {
      effect: 'once' as const,
      attempt,
      due: pass.store.clock.now() + timeoutMs + settleMs,
      ...(lost > 0 && { lost }),
      ...(this.input !== undefined && { input: this.input }),
      ...(undo && { undo }),
    }
    // Encoded now: the code may go on changing what it has handed over.
    const intent =
      'input' in options
        ? {
            record: { args: options.input, ...record },
            ...payloadWith('args', encode(options.input), record),
          }
        : { record, payload: encode(record) }
    commitBegun(pass, operation, { ...item, kind: 'effect.intended', ...intent }, (line) => {
      this.#intent = line
      void this.#make(operation, line.record, pass.ports.monotonic() - asked)
    })
  }

  /** How many calls a crash has cut short. */
  get #lost(): number {
    return this.#intent?.record.lost ?? 0
  }

  /** Calls the body, and records what came of it. */
  async #make(
    operation: Operation,
    { attempt, due = 0 }: Payloads['effect.intended'],
    passedMs: number,
  ): Promise<void> {
    const pass = this.#pass
    // The time is counted from the intent: whoever takes over counts from there. A clock that was set
    // back while the process was frozen must not make it seem early: what others were told since is
    // that it can no longer happen.
    const leftMs = due - this.#effect.settleMs - pass.store.clock.now()
    const timeoutMs = Math.min(leftMs, this.#effect.timeoutMs - passedMs)
    if (!isWanted(pass.recorded, operation)) {
      const source: Source = { via: 'call', reason: 'Nobody waited for it any more.' }
      return this.#wasNotDone(operation, { attempt, why: 'threw' }, source)
    }
    const result: Result =
      timeoutMs > 0
        ? await execute(pass, operation, { call: this.#call, number: attempt, timeoutMs })
        : notInTime(operation)
    if (result.is === 'completed') return this.#wasDone(operation, attempt, result)
    const { thrown, error, late } = result
    if (isNotDone(thrown)) {
      return this.#wasNotDone(operation, { attempt, why: 'threw', error, thrown }, { via: 'call' })
    }
    const why = late ? 'timed-out' : operation.scope.signal.aborted ? 'aborted' : 'threw'
    const settled = pass.store.clock.now() + this.#effect.settleMs
    this.#doubted(operation, { attempt, why, error, thrown }).record(Math.min(due, settled), late)
  }

  /** From now on nobody knows whether the call happened. */
  #doubted(operation: Operation, doubt: Doubt): OpenDoubt {
    this.#doubt = new OpenDoubt(doubt, {
      pass: this.#pass,
      operation,
      call: this.#call,
      effect: this.#effect,
      intent: this.#intent,
      onResolved: (resolution) => this.#onResolved(operation, doubt, resolution),
    })
    return this.#doubt
  }

  #onResolved(operation: Operation, doubt: Doubt, resolution: Resolution): void {
    const { attempt } = doubt
    const { source } = resolution
    const { taken } = source
    switch (resolution.is) {
      case 'done': {
        const before = [resolved(operation, doubt, 'done', source)]
        const { value, text } = resolution
        const charge = this.#call.charge?.(value)
        return this.#wasDone(operation, attempt, { value, text, charge }, { before, taken })
      }
      case 'notDone':
        return this.#wasNotDone(operation, doubt, source)
      case 'failed': {
        const before = [resolved(operation, doubt, 'failed', source)]
        return this.#fail(operation, attempt, resolution.error, { before, taken })
      }
    }
  }

  /** The call happened: the step returns what it came to. */
  #wasDone(
    operation: Operation,
    attempt: number,
    { value, text, charge }: Returned,
    item: Behind = {},
  ): void {
    const rest = { ...(attempt > 1 && { attempts: attempt }), ...this.#given }
    const record = { ...(charge && { charge }), value, ...rest }
    const written = payloadWith('value', text, rest, { charge, largeAt: this.#call.largeAt })
    this.#pass.conclude(operation, 'step.completed', record, { ...item, ...written })
  }

  /** The call did not happen: it is made again, or the step fails (E4). */
  #wasNotDone(operation: Operation, doubt: Doubt, source: Source): void {
    const pass = this.#pass
    const retry = this.#retry
    const { attempt } = doubt
    const { via, taken } = source
    const next = afterNotDone(doubt, {
      via,
      lost: this.#lost,
      isWanted: isWanted(pass.recorded, operation),
      retry,
    })
    const before = [resolved(operation, doubt, 'notDone', source)]
    switch (next.is) {
      case 'again':
        return this.#intend(operation, attempt + 1, { lost: next.lost, drafts: before, taken })
      case 'later': {
        const { error } = next
        const due = pass.store.clock.now() + waitMs(pass.ports, retry, next.failures)
        const record = { attempt, error, due }
        const retrying = { drafts: before, taken, kind: 'step.retrying', record } as const
        return commitBegun(pass, operation, retrying, () => {
          operation.holds = false
          pass.wait(operation, due)
        })
      }
      case 'failed':
        return this.#fail(operation, attempt, next.error ?? notMade(operation), { before, taken })
    }
  }

  #fail(operation: Operation, attempts: number, error: ErrorData, item: Behind): void {
    const charge = this.#call.failedCharge?.()
    const record = { ...(charge && { charge }), error, attempts, ...this.#given }
    this.#pass.conclude(operation, 'step.failed', record, item)
  }

  /** What is recorded of what it was given. */
  get #given(): { readonly input?: string } {
    return this.input === undefined ? {} : { input: this.input }
  }
}

/** What the call returned, now or as somebody knows. */
type Returned = Pick<Extract<Result, { is: 'completed' }>, 'value' | 'text' | 'charge'>

/** What an outcome stands behind, and the answer that it takes. */
interface Behind {
  readonly before?: readonly AnyDraft[]
  readonly taken?: readonly number[] | undefined
}

/** The intent took longer to become durable than the call may take. */
function notInTime({ path }: Operation): Result {
  const message = `Step "${path}" was not called: its time was over when its intent was durable.`
  const error = { name: 'EverloopError', code: 'NOT_DONE', message }
  return { is: 'failed', thrown: new EverloopError('NOT_DONE', message, { step: path }), error }
}

const notMade = ({ path }: Operation): ErrorData => ({
  name: 'NotDone',
  code: 'NOT_DONE',
  message: `Step "${path}" did not happen, and nobody waits for it any more.`,
})
