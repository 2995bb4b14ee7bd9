/**
 * A step that must not repeat.
 *
 * E1 Its intent is durable before the body is called. The intent holds the time after which no request
 *    of this call can still be on its way.
 * E2 A call that crashed, timed out, was aborted or threw is in doubt, unless it threw NotDone. While it
 *    is in doubt it is not made again, and nobody looks for its outcome before that time.
 * E3 A doubt is resolved by whoever knows first: the call itself, when it returns late in the same pass;
 *    `reconcile`; or a person. What follows from the answer is written in the same append.
 * E4 A call that did not happen is tried again as the retry policy says. One that a crash cut short is
 *    made again without asking; after the fourth crash a person is asked.
 *
 * `holds` marks an operation that may be happening or may have happened, by which leaving.ts keeps E5.
 */
import { waitMs } from '../../base/back-off.ts'
import { type ErrorData, EverloopError } from '../../base/errors.ts'
import { decode, digestOf, encode, errorData } from '../../ledger/index.ts'
import type { AnyDraft, Payloads, WaitKind } from '../../ledger/index.ts'
import { execute, type Result, type StepCall } from '../operations/attempt.ts'
import { type Doubt, mayCall } from './calls.ts'
import { answerOf, findOut, noReconcile, questionOf } from './doubt.ts'
import { drifted } from '../replay/drift.ts'
import type { StepEffect } from './effect.ts'
import { type Finding, unknown } from './finding.ts'
import type { Item } from '../pass/journal.ts'
import { cleaned, copyOf, payloadWith } from '../replay/large.ts'
import type { Answer, Live, Operation } from '../pass/operation.ts'
import type { Pass } from '../pass/pass.ts'
import { isLine, type Line } from '../replay/recorded.ts'
import { checked } from '../schema.ts'
import { isWorthTrying, type Retry, retryOf } from '../operations/retry-policy.ts'

/** How often a call that a crash cut short is made again before a person is asked. */
const lostMax = 3

/** A body that goes on although its time is over is listened to for so long before the run is given back. */
const lateMs = 60_000

/** Who knows what became of a call. */
type Source = Pick<Payloads['effect.resolved'], 'via' | 'by' | 'reason'> & Pick<Item, 'taken'>

/** A doubt of this pass; `thrown` where it was this pass that saw the error. */
interface OpenDoubt extends Doubt {
  readonly thrown?: unknown
}

export class OnceCall implements Live {
  readonly unrepeatable = true
  readonly input: string | undefined
  readonly #pass: Pass
  readonly #call: StepCall
  readonly #effect: Extract<StepEffect, { is: 'once' }>
  readonly #retry: Retry
  /** The call that was made last. */
  #intent: Line<'effect.intended'> | undefined
  /** What nothing has resolved yet. */
  #doubt: OpenDoubt | undefined

  constructor(pass: Pass, call: StepCall, effect: Extract<StepEffect, { is: 'once' }>) {
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

  /** Takes up what the ledger holds, or what has come due. */
  #goOn(operation: Operation, begun: Line<WaitKind>, before?: Doubt): void {
    const pass = this.#pass
    if (isLine(begun, 'step.retrying')) {
      const { due, attempt } = begun.record
      if (due <= pass.store.clock.now()) this.#intend(operation, attempt + 1)
      else pass.wait(operation, due)
    } else if (isLine(begun, 'effect.intended')) {
      const { attempt, due } = begun.record
      this.#doubts(operation, { attempt, why: 'crashed' }, due)
    } else if (isLine(begun, 'effect.doubted')) {
      this.#doubt ??= begun.record
      if (begun.record.prompt === undefined) this.#await(operation, this.#doubt)
      else pass.wait(operation, undefined)
    } else if (isLine(begun, 'effect.resolved')) {
      const { attempt, verdict } = begun.record
      if (verdict === 'notDone') return this.#intend(operation, attempt + 1)
      this.#doubt = before ?? { attempt, why: 'crashed' }
      operation.holds = true // E5: it is in doubt again
      this.#ask(operation, 'A person let it fail without knowing, and the run is tried again.')
    }
  }

  #hasDrifted(): boolean {
    const recorded = this.#intent?.record.input
    return recorded !== undefined && this.input !== undefined && recorded !== this.input
  }

  /** Records that the call is about to be made, and makes it (E1). */
  #intend(
    operation: Operation,
    attempt: number,
    rest: { readonly lost?: number; readonly item?: Partial<Item> } = {},
  ): void {
    const pass = this.#pass
    const { timeoutMs, settleMs, undo } = this.#effect
    const { options } = this.#call
    const lost = rest.lost ?? this.#lost
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
    const args = 'input' in options ? encode(options.input) : undefined
    const written =
      args === undefined ? { payload: encode(record) } : payloadWith('args', args, record)
    const item = { ...rest.item, ...written }
    const full = args === undefined ? record : { args: options.input, ...record }
    this.#write(operation, { kind: 'effect.intended', record: full }, item, (line) => {
      this.#intent = line
      void this.#make(operation, line.record, pass.ports.monotonic() - asked)
    })
  }

  /** Somebody waits for it, and may go on to do so. */
  #isWanted(operation: Operation): boolean {
    return operation.isWanted && mayCall(this.#pass.recorded, operation)
  }

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
    this.#doubt = { attempt, why: 'threw' }
    if (!this.#isWanted(operation)) {
      return this.#wasNotDone(operation, { via: 'call', reason: 'Nobody waited for it any more.' })
    }
    const result: Result =
      timeoutMs > 0
        ? await execute(pass, operation, { call: this.#call, number: attempt, timeoutMs })
        : notInTime(operation)
    if (result.is === 'completed') return this.#conclude(operation, attempt, result)
    const { thrown, error, late } = result
    if (isNotDone(thrown)) {
      this.#doubt = { attempt, why: 'threw', error, thrown }
      return this.#wasNotDone(operation, { via: 'call' })
    }
    const why = late ? 'timed-out' : operation.scope.signal.aborted ? 'aborted' : 'threw'
    const settled = pass.store.clock.now() + this.#effect.settleMs
    this.#doubts(operation, { attempt, why, error, thrown }, Math.min(due, settled), late)
  }

  /** Records that it is not known whether the call happened (E2). */
  #doubts(
    operation: Operation,
    doubt: OpenDoubt,
    due: number | undefined,
    late?: Promise<unknown>,
  ): void {
    this.#doubt = doubt
    const { attempt, why, error } = doubt
    const record = { attempt, why, ...(error && { error }), ...(due !== undefined && { due }) }
    if (late) void this.#listen(operation, doubt, late)
    this.#write(operation, { kind: 'effect.doubted', record }, {}, () => {
      if (this.#doubt === doubt) this.#await(operation, doubt, late !== undefined)
    })
  }

  /** Waits until a request can no longer be on its way, then finds out. */
  #await(operation: Operation, doubt: OpenDoubt, isRunning = false): void {
    const pass = this.#pass
    const { begun } = operation
    const due = isLine(begun, 'effect.doubted') ? (begun.record.due ?? 0) : 0
    const left = due - pass.store.clock.now()
    if (left <= 0) void this.#findOut(operation, doubt)
    else if (!isRunning || left > lateMs) pass.wait(operation, due)
    else {
      operation.phase = 'busy' // the run stays here as long as the call itself may tell
      pass.ports.setTimer(left, () => void this.#findOut(operation, doubt))
    }
  }

  /** What the call itself says when it ends late is the truth, if it comes first (E3). */
  async #listen(operation: Operation, doubt: OpenDoubt, late: Promise<unknown>): Promise<void> {
    const source: Source = { via: 'call', reason: 'It ended after its time was over.' }
    try {
      const result = await late
      encode(result)
      if (this.#isOpen(doubt)) this.#wasDone(operation, source, result)
    } catch (thrown) {
      if (isNotDone(thrown) && this.#isOpen(doubt)) this.#wasNotDone(operation, source)
    }
  }

  #isOpen(doubt: OpenDoubt): boolean {
    return this.#doubt === doubt && !this.#pass.isOver
  }

  async #findOut(operation: Operation, doubt: OpenDoubt): Promise<void> {
    if (!this.#isOpen(doubt)) return
    operation.phase = 'busy'
    const { reconcile } = this.#effect
    const intent = this.#intent
    const finding: Finding =
      reconcile && intent
        ? await findOut(this.#pass, operation, { reconcile, intent })
        : unknown(noReconcile)
    if (!this.#isOpen(doubt)) return
    try {
      this.#take(operation, finding)
    } catch (error) {
      // Nobody waits for this promise: what it threw would leave the operation busy for ever.
      this.#pass.options.onTrouble(error)
      this.#doubt = doubt
      this.#ask(operation, 'What was found out could not be recorded.')
    }
  }

  #take(operation: Operation, finding: Finding): void {
    switch (finding.is) {
      case 'done':
        return this.#wasDone(operation, { via: 'reconcile' }, finding.result)
      case 'notDone':
        return this.#wasNotDone(operation, { via: 'reconcile', reason: finding.reason })
      case 'unknown':
        return this.#ask(operation, finding.reason ?? '`reconcile` cannot tell.')
    }
  }

  /** Asks a person. */
  #ask(operation: Operation, reason: string): void {
    const doubt = this.#doubt as Doubt
    const { attempt, why, error } = doubt
    const { name, result } = this.#call
    const { redactor } = this.#pass.options
    const question =
      this.#intent && questionOf(this.#intent, { name, doubt, reason, result, redactor })
    const record = { attempt, why, ...(error && { error }), ...question, reason }
    this.#write(operation, { kind: 'effect.doubted', record }, {}, () =>
      this.#doubt ? this.#pass.wait(operation, undefined) : undefined,
    )
  }

  onAnswer(operation: Operation, { number, value, by }: Answer): void {
    const doubt = this.#doubt
    const answer = answerOf(value)
    if (typeof answer === 'string' || !doubt) {
      const reason = typeof answer === 'string' ? answer : 'The question is closed.'
      return this.#refuse(operation, { by, taken: [number] }, reason)
    }
    const source = { via: 'person', by, reason: answer.reason, taken: [number] } as const
    if (answer.verdict === 'done') void this.#believe(operation, doubt, source, answer.result)
    else if (answer.verdict === 'retry') this.#wasNotDone(operation, source)
    else this.#fail(operation, source, 'failed', givenUp(operation, source, doubt.error))
  }

  /** The question is open again. */
  #refuse(operation: Operation, { by, taken }: Pick<Source, 'by' | 'taken'>, reason: string): void {
    const record = { reason, ...(by !== undefined && { by }) }
    this.#pass.commit({
      drafts: [{ ...operation.place, kind: 'effect.refused', record }],
      taken,
      committed: () => {
        if (this.#doubt) this.#pass.wait(operation, undefined)
      },
    })
  }

  /** A person says that the call happened: what it came to must be what the step returns. */
  async #believe(
    operation: Operation,
    doubt: OpenDoubt,
    source: Source & { readonly taken: readonly [number] },
    result: unknown,
  ): Promise<void> {
    const { result: schema } = this.#call
    if (!schema) return this.#wasDone(operation, source, result)
    let fitting: { readonly value: unknown } | undefined
    let complaint = ''
    try {
      const value = await checked(schema, result, 'The result')
      encode(value) // throws when it cannot be kept
      fitting = { value }
    } catch (error) {
      complaint = errorData(error).message
    }
    // The call itself may have told meanwhile.
    if (!this.#isOpen(doubt)) this.#pass.mailbox.giveBack(source.taken[0])
    else if (fitting) this.#wasDone(operation, source, fitting.value)
    else this.#refuse(operation, source, complaint)
  }

  /** The call happened: the step returns what it came to. */
  #wasDone(operation: Operation, source: Source, value: unknown): void {
    const { attempt } = this.#doubt as Doubt
    this.#conclude(operation, attempt, { value, text: encode(value) }, source)
  }

  #conclude(
    operation: Operation,
    attempt: number,
    result: Pick<Extract<Result, { is: 'completed' }>, 'value' | 'text'> & {
      readonly charge?: Payloads['step.completed']['charge']
    },
    source?: Source,
  ): void {
    const { value, text, charge } = result
    const before = source ? [this.#resolved(operation, source, 'done')] : []
    this.#doubt = undefined
    const rest = {
      ...(attempt > 1 && { attempts: attempt }),
      ...(this.input !== undefined && { input: this.input }),
    }
    const record = { ...(charge && { charge }), value, ...rest }
    const item = {
      ...payloadWith('value', text, rest, { charge, largeAt: this.#call.largeAt }),
      before,
      taken: source?.taken,
    }
    this.#pass.conclude(operation, 'step.completed', record, item)
  }

  /** The call did not happen: it is made again, or the step fails (E4). */
  #wasNotDone(operation: Operation, source: Source): void {
    const pass = this.#pass
    const { attempt, why, error, thrown } = this.#doubt as OpenDoubt
    const lost = this.#lost
    const counted = attempt - lost
    const isAgain = this.#isWanted(operation) && (source.via === 'person' || why === 'crashed')
    if (isAgain && source.via !== 'person' && lost >= lostMax) {
      return this.#ask(
        operation,
        `It did not happen, but each of ${lost + 1} calls ended in a crash.`,
      )
    }
    if (isAgain) {
      const item = { drafts: [this.#resolved(operation, source, 'notDone')], taken: source.taken }
      this.#doubt = undefined
      return this.#intend(operation, attempt + 1, {
        lost: why === 'crashed' ? lost + 1 : lost,
        item,
      })
    }
    const mayRetry =
      this.#isWanted(operation) && error !== undefined && counted < this.#retry.attempts
    if (!mayRetry || !isWorthTrying(this.#retry, thrown ?? error)) {
      return this.#fail(operation, source, 'notDone', error ?? notMade(operation))
    }
    const due = pass.store.clock.now() + waitMs(pass.ports, this.#retry, counted)
    const item = { drafts: [this.#resolved(operation, source, 'notDone')], taken: source.taken }
    this.#doubt = undefined
    this.#write(operation, { kind: 'step.retrying', record: { attempt, error, due } }, item, () => {
      operation.holds = false
      pass.wait(operation, due)
    })
  }

  #fail(
    operation: Operation,
    source: Source,
    verdict: 'notDone' | 'failed',
    error: ErrorData,
  ): void {
    const { attempt } = this.#doubt as Doubt
    const before = [this.#resolved(operation, source, verdict)]
    this.#doubt = undefined
    const given = this.input === undefined ? {} : { input: this.input }
    const charge = this.#call.failedCharge?.()
    const record = { ...(charge && { charge }), error, attempts: attempt, ...given }
    this.#pass.conclude(operation, 'step.failed', record, { before, taken: source.taken })
  }

  #resolved(
    operation: Operation,
    { via, by, reason }: Source,
    verdict: Payloads['effect.resolved']['verdict'],
  ): AnyDraft {
    const { attempt } = this.#doubt as Doubt
    const more = { ...(reason !== undefined && { reason }), ...(by !== undefined && { by }) }
    return {
      ...operation.place,
      kind: 'effect.resolved',
      record: { attempt, verdict, via, ...more },
    }
  }

  /** Commits what the operation goes on with, behind what the item brings. */
  #write<K extends WaitKind>(
    operation: Operation,
    { kind, record }: { readonly kind: K; readonly record: Payloads[K] },
    item: Partial<Item>,
    then: (line: Line<K>) => void,
  ): void {
    const { redactor } = this.#pass.options
    const clean = cleaned(item.payload ?? encode(record), item.artifacts, redactor)
    const copy = copyOf(record, clean, redactor)
    operation.phase = 'busy'
    this.#pass.commit({
      ...item,
      ...clean,
      drafts: [...(item.drafts ?? []), { ...operation.place, kind, record } as unknown as AnyDraft],
      committed: (entries) => {
        const entry = entries.at(-1)
        if (!entry || operation.scope.closed) return
        const line: Line<K> = {
          entry,
          kind,
          record: (copy ?? decode(clean.payload)) as Payloads[K],
        }
        operation.begun = line as unknown as Line<WaitKind>
        then(line)
      },
    })
  }
}

/** By its code: another copy of everloop may have made it. */
const isNotDone = (thrown: unknown): boolean =>
  EverloopError.is(thrown) && thrown.code === 'NOT_DONE'

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

function givenUp(
  { path }: Operation,
  { by, reason }: Source,
  error: ErrorData | undefined,
): ErrorData {
  const why = reason === undefined ? '' : ` Reason: ${reason}`
  return {
    name: 'EverloopError',
    code: 'IN_DOUBT',
    message: `${by ?? 'A person'} let step "${path}" fail without knowing whether it happened.${why}`,
    ...(error && { data: { error } }),
  }
}
