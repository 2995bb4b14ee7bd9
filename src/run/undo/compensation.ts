/**
 * Compensation: undoes what a run has registered, when it has failed, was cancelled, or somebody
 * asks for it afterwards. The flow's code is not executed, and need not be there.
 *
 * U1 What is undone, and in which order, follows from the ledger alone. Compensations are executed
 *    one at a time, in reverse order of the outcomes they undo; one that fails stops no other.
 * U2 Each is executed at least once, with the same idempotency key, and never again once its outcome
 *    is recorded. Wherever the process dies, another one goes on there.
 * U3 Nothing is skipped: an action that this process does not have pauses the run.
 */
import { waitMs } from '../../base/back-off.ts'
import { EverloopError } from '../../base/errors.ts'
import type { Redactor } from '../../base/redactor.ts'
import type { Ports } from '../../base/ports.ts'
import { sleep } from '../../base/sleep.ts'
import { errorData, undoKey } from '../../ledger/index.ts'
import type { AnyDraft, Entry, Payloads, Undoable } from '../../ledger/index.ts'
import type { RunRow, Store } from '../../store/store.ts'
import type { Actions } from './actions.ts'
import { actor } from '../actor.ts'
import { type Attempt, attemptAt, type Attempted } from './compensation-attempt.ts'
import { toParent } from '../work/ending.ts'
import type { Executing } from '../work/executing.ts'
import { idempotencyKey } from '../operations/idempotency-key.ts'
import { recordOf } from '../pass/inbox.ts'
import type { Item, Journal } from '../pass/journal.ts'
import { cleaned, payloadWith } from '../replay/large.ts'
import type { Environment } from '../pass/pass-options.ts'
import { patiently } from '../patience.ts'
import { isWorthTrying, retryOf } from '../operations/retry-policy.ts'
import { askedPause, type PassEnd, pausedDraft } from '../pass/stop.ts'
import type { Taints } from '../pass/taints.ts'
import { resultOf, undoablesOf } from './undo-plan.ts'
import { lastEntry } from './undone.ts'

export interface CompensationOptions {
  readonly row: RunRow
  readonly store: Store
  readonly ports: Ports
  readonly journal: Pick<Journal, 'write' | 'abandon'>
  readonly actions: Actions
  readonly redactor: Redactor
  readonly environment: Environment
  readonly beginning: Payloads['run.started']
  /** What the run's chance derives from. */
  readonly seed: string
  /** What of the run came from outside: who started it is told. */
  readonly taints: Taints
  /** What the run began to undo with: how it ends when that is over. */
  readonly undoing: Payloads['run.undoing']
  /**
   * Somebody waits for it: the time between attempts is spent here. Otherwise the run is given back
   * for it.
   */
  readonly asked?: { readonly by: string | undefined } | undefined
  readonly onEnd: (end: PassEnd) => void
  readonly onTrouble: (error: unknown) => void
}

export class Compensation implements Executing {
  readonly isBlocked = false
  readonly #options: CompensationOptions
  readonly #aborting = new AbortController()
  #isYielding = false
  #newest: number
  /** Messages up to this one have been looked at. */
  #seen = 0
  #isOver = false

  constructor(options: CompensationOptions) {
    this.#options = options
    this.#newest = options.row.newest
  }

  onNews(newest: number): void {
    this.#newest = Math.max(this.#newest, newest)
  }

  yield(): void {
    this.#isYielding = true
  }

  drop(error: EverloopError): void {
    if (this.#isOver) return
    this.#options.journal.abandon()
    this.#end({ is: 'lost', error })
  }

  /** Undoes what is left, and ends the run as it would have ended. Never rejects. */
  async perform(): Promise<void> {
    try {
      for (const undoable of await this.#plan()) if (!(await this.#undo(undoable))) return
      if (await this.#isStopped()) return
      const end = lastEntry(this.#options.undoing, await this.#read(undoablesOf))
      if (!end) return await this.#giveBack([], undefined)
      const { row, beginning, taints } = this.#options
      await this.#write({
        drafts: [{ scope: '', key: '', ...end }],
        deliver: toParent(row.id, beginning, end, taints),
        release: { wake: undefined, seen: this.#seen },
      })
      this.#end({ is: 'ended' })
    } catch (error) {
      await this.#fail(error)
    }
  }

  /** U1. */
  async #plan(): Promise<readonly Undoable[]> {
    const isAgain = this.#options.undoing.because === 'asked'
    return (await this.#read(undoablesOf))
      .list()
      .filter(({ state }) => state === 'registered' || (isAgain && state === 'failed'))
  }

  /** Tries until there is an outcome. False: the run was given back before. */
  async #undo(undoable: Undoable): Promise<boolean> {
    const { row, actions, store, ports, asked, redactor } = this.#options
    const by = actor(asked?.by)
    const { of, failures, action: name } = undoable
    const place = { scope: '', key: undoKey(of, failures) } as const
    let { attempts, due = 0 } = undoable
    for (;;) {
      if ((await this.#isStopped()) || !(await this.#isDue(due))) return false
      const action = actions.find(name)
      if (!action) return this.#pause(actions.unknown([name], row.id), { action: name, of })
      const result = await this.#attempt(undoable, { action, number: attempts + 1 })
      attempts += 1
      if (result.is === 'completed') {
        const rest = { of, ...(attempts === 1 ? {} : { attempts }), ...by }
        const record = { value: result.value, ...rest }
        const encoded = payloadWith('value', result.text, rest)
        const { payload, artifacts } = cleaned(encoded, redactor)
        const draft = { ...place, kind: 'undo.completed', record, payload } as const
        await this.#write({ drafts: [draft], artifacts })
        return true
      }
      const retry = retryOf(action.retry)
      const error = errorData(result.thrown)
      if (attempts >= retry.attempts || !isWorthTrying(retry, result.thrown)) {
        const record = { of, error, attempts, ...by }
        await this.#write({ drafts: [{ ...place, kind: 'undo.failed', record }] })
        return true
      }
      due = store.clock.now() + waitMs(ports, retry, attempts)
      const record = { of, attempt: attempts, error, due }
      await this.#write({ drafts: [{ ...place, kind: 'undo.retrying', record }] })
    }
  }

  async #attempt(undoable: Undoable, { action, number }: Attempt): Promise<Attempted> {
    const { row, ports, seed } = this.#options
    const { of, path } = undoable
    const result = await this.#read((store, run) => resultOf(store, run, undoable))
    return attemptAt({
      run: row.id,
      ports,
      action,
      number,
      input: undoable.input,
      result,
      // U2: the same however often an operator tries again.
      idempotencyKey: idempotencyKey(seed, undoKey(of)),
      original: idempotencyKey(seed, path),
      aborted: this.#aborting.signal,
      environment: this.#options.environment,
    })
  }

  /** True when the time has come. Whoever asked waits here, a worker gives the run back. */
  async #isDue(due: number): Promise<boolean> {
    const { store, ports, asked } = this.#options
    const ms = due - store.clock.now()
    if (ms <= 0) return true
    if (asked) {
      await sleep(ports, ms)
      return this.#isDue(due)
    }
    await this.#giveBack([], due)
    return false
  }

  /** Gives the run back when the worker stops or somebody wants it paused. Nothing cancels an undo. */
  async #isStopped(): Promise<boolean> {
    const { row, asked, store } = this.#options
    if (this.#newest > this.#seen && !asked) {
      const newest = this.#newest
      const messages = await this.#read((from) => from.messages(row.id, []))
      this.#seen = newest
      const over = messages.filter(({ kind }) => kind === 'cancel' || kind === 'resume')
      const pauses = messages.filter(({ kind }) => kind === 'pause')
      const [pause] = pauses
      const taken = [...over, ...pauses].map(({ number }) => number)
      if (pause) {
        await this.#giveBack([pausedDraft(askedPause(recordOf<'pause'>(pause)))], undefined, taken)
        return true
      }
      if (taken.length > 0) await this.#write({ drafts: [], taken })
    }
    if (!this.#isYielding) return false
    await this.#giveBack([], store.clock.now())
    return true
  }

  /** U3. */
  async #pause({ code, message }: EverloopError, detail?: unknown): Promise<false> {
    const hint = ' Then resume the run: nothing is skipped meanwhile.'
    await this.#giveBack([pausedDraft({ code, message: message + hint, detail })], undefined)
    return false
  }

  async #giveBack(
    drafts: readonly AnyDraft[],
    wake: number | undefined,
    taken: readonly number[] = [],
  ): Promise<void> {
    await this.#write({ drafts, taken, release: { wake, seen: this.#seen } })
    this.#end({ is: drafts.length > 0 ? 'ended' : 'released' })
  }

  async #fail(error: unknown): Promise<void> {
    if (EverloopError.is(error) && error.code === 'BROKEN_CHAIN' && !this.#options.asked) {
      return this.#giveBack([pausedDraft(error)], undefined)
    }
    this.drop(
      EverloopError.is(error)
        ? error
        : new EverloopError('INTERNAL', `Run "${this.#options.row.id}" could not be undone.`, {
            run: this.#options.row.id,
            cause: error,
          }),
    )
  }

  /** Never settles once the run has been lost: another worker may be undoing it by then. */
  async #read<T>(read: (store: Store, run: string) => Promise<T>): Promise<T> {
    const { store, row, ports } = this.#options
    const onTrouble = (error: unknown): void => {
      if (this.#isOver) throw error
      this.#options.onTrouble(error)
    }
    try {
      return await patiently({ ports, onTrouble }, () => read(store, row.id))
    } finally {
      if (this.#isOver) await new Promise<never>(() => {})
    }
  }

  #write(item: Item): Promise<readonly Entry[]> {
    return this.#options.journal.write(item)
  }

  #end(end: PassEnd): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#aborting.abort(new EverloopError('CANCELLED', 'The run has been given back.'))
    this.#options.onEnd(end)
  }
}
