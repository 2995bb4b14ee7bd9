/**
 * A doubt from when it comes up until somebody knows.
 *
 * It is recorded; then time passes until no request of the call can still be on its way; then
 * `reconcile` is asked, and if that cannot tell, a person. Meanwhile the call itself may end late.
 *
 * E2 A call that crashed, timed out, was aborted or threw is in doubt, unless it threw NotDone. While it
 *    is in doubt it is not made again, and nobody looks for its outcome before the time that its intent
 *    holds.
 * E3 A doubt is resolved by whoever knows first: the call itself, when it returns late in the same pass;
 *    `reconcile`; or a person. What follows from the answer is written in the same append.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { ErrorData } from '../../base/errors.ts'
import { encode, errorData } from '../../ledger/index.ts'
import type { StepCall } from '../operations/attempt.ts'
import type { Answer, Operation } from '../pass/operation.ts'
import type { Pass } from '../pass/pass.ts'
import type { Line } from '../replay/recorded.ts'
import { checked } from '../schema.ts'
import { isWanted } from './is-wanted.ts'
import { commitBegun } from './commit-begun.ts'
import type { Doubt, Resolution, Source } from './doubt.ts'
import { answerOf, noReconcile, questionOf } from './doubt-question.ts'
import type { OnceEffect } from './effect.ts'
import { findOut } from './find-out.ts'
import { type Finding, unknown } from './finding.ts'
import { isNotDone } from './not-done.ts'

/** How often a call that a crash cut short is made again before a person is asked. */
const lostMax = 3

/** A body that goes on although its time is over is listened to for so long before the run is given back. */
const lateMs = 60_000

export interface DoubtOptions {
  readonly pass: Pass
  readonly operation: Operation
  readonly call: StepCall
  readonly effect: OnceEffect
  /** What is recorded of the call. */
  readonly intent: Line<'effect.intended'> | undefined
  /** What it was resolved to. When this throws, the doubt is open as before. */
  readonly onResolved: (resolution: Resolution) => void
}

export class OpenDoubt {
  readonly #doubt: Doubt
  readonly #options: DoubtOptions
  readonly #pass: Pass
  readonly #operation: Operation
  #isResolved = false

  constructor(doubt: Doubt, options: DoubtOptions) {
    this.#doubt = doubt
    this.#options = options
    this.#pass = options.pass
    this.#operation = options.operation
  }

  /** Records it. `due`: when no request can be on its way any more; `late`: the call, where it goes on. */
  record(due: number | undefined, late?: Promise<unknown>): void {
    const { attempt, why, error } = this.#doubt
    const record = { attempt, why, ...(error && { error }), ...(due !== undefined && { due }) }
    if (late) void this.#listen(late)
    commitBegun(this.#pass, this.#operation, { kind: 'effect.doubted', record }, () => {
      if (!this.#isResolved) this.findOutAt(due, late !== undefined)
    })
  }

  /** Waits until a request can no longer be on its way, then finds out. */
  findOutAt(due: number = 0, isRunning: boolean = false): void {
    const pass = this.#pass
    const left = due - pass.store.clock.now()
    if (left <= 0) void this.#findOut()
    else if (!isRunning || left > lateMs) pass.wait(this.#operation, due)
    else {
      this.#operation.phase = 'busy' // the run stays here as long as the call itself may tell
      pass.ports.setTimer(left, () => void this.#findOut())
    }
  }

  /** What the call itself says when it ends late is the truth, if it comes first (E3). */
  async #listen(late: Promise<unknown>): Promise<void> {
    const source: Source = { via: 'call', reason: 'It ended after its time was over.' }
    try {
      const value = await late
      const text = encode(value)
      if (this.#isAwaited) this.#resolve({ is: 'done', source, value, text })
    } catch (thrown) {
      if (isNotDone(thrown) && this.#isAwaited) this.#resolve({ is: 'notDone', source })
    }
  }

  /** What comes now is the first to be heard. */
  get #isAwaited(): boolean {
    return !this.#isResolved && !this.#pass.isOver
  }

  async #findOut(): Promise<void> {
    if (!this.#isAwaited) return
    const { effect, intent } = this.#options
    const { reconcile } = effect
    this.#operation.phase = 'busy'
    const finding =
      reconcile && intent
        ? await findOut(this.#pass, this.#operation, { reconcile, intent })
        : unknown(noReconcile)
    if (!this.#isAwaited) return
    try {
      this.#take(finding)
    } catch (error) {
      // Nobody waits for this promise: what it threw would leave the operation busy for ever.
      this.#pass.options.onTrouble(error)
      this.#isResolved = false
      this.ask('What was found out could not be recorded.')
    }
  }

  #take(finding: Finding): void {
    switch (finding.is) {
      case 'done': {
        const { result } = finding
        const source = { via: 'reconcile' } as const
        return this.#resolve({ is: 'done', source, value: result, text: encode(result) })
      }
      case 'notDone': {
        const lost = this.#options.intent?.record.lost ?? 0
        // E4: another call would only crash again.
        if (this.#doubt.why === 'crashed' && lost >= lostMax && this.#isWanted) {
          return this.ask(`It did not happen, but each of ${lost + 1} calls ended in a crash.`)
        }
        const source = { via: 'reconcile', reason: finding.reason } as const
        return this.#resolve({ is: 'notDone', source })
      }
      case 'unknown':
        return this.ask(finding.reason ?? '`reconcile` cannot tell.')
    }
  }

  get #isWanted(): boolean {
    return isWanted(this.#pass.recorded, this.#operation)
  }

  /** Asks a person. */
  ask(reason: string): void {
    const { attempt, why, error } = this.#doubt
    const { intent, call } = this.#options
    const { name, result } = call
    const { redactor } = this.#pass.options
    const question =
      intent && questionOf(intent, { name, doubt: this.#doubt, reason, result, redactor })
    const record = { attempt, why, ...(error && { error }), ...question, reason }
    commitBegun(this.#pass, this.#operation, { kind: 'effect.doubted', record }, () =>
      this.#waitForAnswer(),
    )
  }

  #waitForAnswer(): void {
    if (!this.#isResolved) this.#pass.wait(this.#operation, undefined)
  }

  onAnswer({ number, value, by }: Answer): void {
    const answer = answerOf(value)
    const taken = [number] as const
    if (typeof answer === 'string') return this.#refuse({ by, taken }, answer)
    if (this.#isResolved) return this.#refuse({ by, taken }, 'The question is closed.')
    const source = { via: 'person', by, reason: answer.reason, taken } as const
    if (answer.verdict === 'done') void this.#believe(source, answer.result)
    else if (answer.verdict === 'retry') this.#resolve({ is: 'notDone', source })
    else {
      const error = givenUp(this.#operation, source, this.#doubt.error)
      this.#resolve({ is: 'failed', source, error })
    }
  }

  /** A person says that the call happened: what it came to must be what the step returns. */
  async #believe(
    source: Source & { readonly taken: readonly [number] },
    result: unknown,
  ): Promise<void> {
    const { result: schema } = this.#options.call
    if (!schema) {
      return this.#resolve({ is: 'done', source, value: result, text: encode(result) })
    }
    const fitting = await fittingTo(schema, result)
    // The call itself may have told meanwhile.
    if (!this.#isAwaited) this.#pass.mailbox.giveBack(source.taken[0])
    else if (typeof fitting === 'string') this.#refuse(source, fitting)
    else this.#resolve({ is: 'done', source, ...fitting })
  }

  /** The question is open again. */
  #refuse({ by, taken }: Pick<Source, 'by' | 'taken'>, reason: string): void {
    const record = { reason, ...(by !== undefined && { by }) }
    this.#pass.commit({
      drafts: [{ ...this.#operation.place, kind: 'effect.refused', record }],
      taken,
      committed: () => this.#waitForAnswer(),
    })
  }

  #resolve(resolution: Resolution): void {
    this.#isResolved = true
    this.#options.onResolved(resolution)
  }
}

/** The value as the schema has it, with its text, or what is wrong with it. */
async function fittingTo(
  schema: StandardSchemaV1,
  given: unknown,
): Promise<{ readonly value: unknown; readonly text: string } | string> {
  try {
    const value = await checked(schema, given, 'The result')
    return { value, text: encode(value) } // throws when it cannot be kept
  } catch (error) {
    return errorData(error).message
  }
}

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
