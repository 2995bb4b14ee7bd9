/** A run as it is seen from outside: to watch it, to wait for it, to cancel it. */
import { EverloopError } from '../../base/errors.ts'
import type { ErrorData } from '../../base/errors.ts'
import type { Ports } from '../../base/ports.ts'
import type { Redactor } from '../../base/redactor.ts'
import type { RunRow, Store } from '../../store/store.ts'
import { checkFunctions, checkOptions, checkTexts } from '../../base/options.ts'
import { pageAfter } from '../ledger-page.ts'
import { troubleOf } from '../pass/stop.ts'
import type { Changes } from './changes.ts'
import { send } from './send.ts'
import { checkSignal, endable, orEnd } from './endable.ts'
import { type StreamItem, streamOf } from './stream.ts'
import { eventOf, type RunEvent } from './run-event.ts'
import { hasEnded, infoOf, type RunInfo } from './run-info.ts'
import { runRow } from './run-row.ts'
import { endOf, type Settled, settledOf } from './settled.ts'

/** Where a run waits for something outside of the process, or for somebody to resume it. */
export type Rest = Extract<Settled, { readonly status: 'paused' | 'waiting' }>

/** How long a run is waited for. */
export interface WaitOptions {
  /** Ends the waiting, not the run, when it is aborted: what waits rejects with its reason. */
  readonly signal?: AbortSignal | undefined
}

/** Who is told what is waited for, and how long. */
export interface ResultOptions extends WaitOptions {
  /** Told each time the run comes to rest before its end. What it throws, `result` rejects with. */
  readonly onRest?: (rest: Rest) => void
}

interface ReferenceOptions {
  readonly store: Store
  readonly ports: Ports
  readonly redactor?: Redactor | undefined
  readonly onTrouble: (error: unknown, run: string | undefined) => void
}

/** From where on a run is watched, and for how long. */
export interface WatchOptions<Cursor> {
  /** The item to go on behind. Default: from the beginning. */
  readonly from?: Cursor | undefined
  /** Ends the watching when it is aborted: a client has gone away. */
  readonly signal?: AbortSignal | undefined
}

/** The handle of a run, from `start` or `get`: for as long as the store is open, whoever executes the run. */
export class RunReference<Output = unknown> {
  readonly id: string
  readonly #store: Store
  readonly #redactor: Redactor | undefined
  readonly #changes: Changes
  readonly #onTrouble: ReferenceOptions['onTrouble']

  constructor({ store, redactor, onTrouble }: ReferenceOptions, changes: Changes, id: string) {
    this.id = id
    this.#store = store
    this.#redactor = redactor
    this.#changes = changes
    this.#onTrouble = onTrouble
  }

  /** The run as it is now. */
  async status(): Promise<RunInfo> {
    return infoOf(await this.#row(), this.#store.clock.now())
  }

  /**
   * Where the run comes to rest: ended, paused, or waiting for something outside of the process. Throws the
   * reason of `signal` when that is aborted before.
   */
  async settled(options: WaitOptions = {}): Promise<Settled<Output>> {
    checkOptions('settled', options, ['signal'])
    const { signal } = options
    checkSignal(signal)
    for (;;) {
      signal?.throwIfAborted()
      const watching = this.#changes.watch(this.id, 'rest')
      try {
        const settled = await settledOf(this.#store, await this.#row())
        if (settled) return settled as Settled<Output>
        await orEnd(watching.changed, signal)
      } finally {
        watching.stop()
      }
    }
  }

  /**
   * The output. Waits as long as the run does: for ever, where nobody answers its question or resumes it
   * when it is paused. `onRest` is told what it waits for; without it, `onTrouble` is told of a run that
   * trouble had paused before. Throws RUN_FAILED, DEADLINE or RUN_CANCELLED when the run ended that way,
   * whatever `onRest` throws, and the reason of `signal` when that is aborted: give one where you wait only so
   * long, as who waits costs time and memory until the run has ended.
   *
   * @example
   * const run = await ever.get('ticket-42')
   * const output = await run.result({ onRest: (rest) => console.log('waits:', rest) })
   */
  async result(options: ResultOptions = {}): Promise<Output> {
    checkOptions('result', options, ['onRest', 'signal'])
    const { onRest, signal } = options
    checkFunctions('result', { onRest })
    checkSignal(signal)
    let told = 0
    let isFirst = true
    for (;;) {
      signal?.throwIfAborted()
      const watching = this.#changes.watch(this.id, 'rest')
      try {
        const row = await this.#row()
        const end = await endOf(this.#store, row)
        switch (end?.status) {
          case 'completed':
            return end.output as Output
          case 'failed':
            throw failed(this.id, end.error)
          case 'cancelled':
            throw new EverloopError(
              'RUN_CANCELLED',
              `Run "${this.id}" was cancelled: ${end.reason}`,
              { run: this.id },
            )
          default:
            if (onRest && row.seq !== told) {
              const rest = end ?? (await settledOf(this.#store, row))
              if (rest?.status === 'paused' || rest?.status === 'waiting') {
                told = row.seq
                onRest(rest)
              }
            } else if (isFirst && end?.status === 'paused') {
              // Whoever paused it has told of it, in another process perhaps.
              const trouble = troubleOf(this.id, end)
              if (trouble) this.#onTrouble(trouble, this.id)
            }
            isFirst = false
            await orEnd(watching.changed, signal)
        }
      } finally {
        watching.stop()
      }
    }
  }

  /**
   * The run's entries in order, from behind the cursor on, as they come, until the run has ended, the loop
   * is left (also by `return()` while it waits), or `signal` is aborted. Going on from the `seq` of the
   * last event misses none and repeats none. Throws UNKNOWN_RUN.
   *
   * @example
   * const run = await ever.get('ticket-42')
   * for await (const { kind, path } of run.events()) console.log(kind, path)
   */
  events(options: WatchOptions<number> = {}): AsyncGenerator<RunEvent, void> {
    checkOptions('events', options, ['from', 'signal'])
    const { from = 0, signal } = options
    return endable(signal, (end) => this.#events(from, end))
  }

  async *#events(from: number, end: AbortSignal): AsyncGenerator<RunEvent, void> {
    if (!Number.isInteger(from) || from < 0) {
      throw new EverloopError('BAD_OPTION', 'events({ from }) takes the `seq` of an event, or 0.', {
        run: this.id,
      })
    }
    let after = from
    while (!end.aborted) {
      const watching = this.#changes.watch(this.id, 'entries')
      try {
        // Read before the entries: what ended by then has all its entries behind it.
        const row = await this.#row()
        const entries = await this.#store.entries(this.id, pageAfter(after))
        for (const entry of entries) {
          if (end.aborted) return
          yield eventOf(entry)
          after = entry.seq
        }
        if (entries.length > 0) continue
        if (hasEnded(row, this.#store.clock.now())) return
        await orEnd(watching.changed, end)
      } finally {
        watching.stop()
      }
    }
  }

  /**
   * The run's entries as `events` has them, and between them the text of steps under way as it comes.
   * Going on from the `cursor` of the last item, in any process, misses none and repeats none. Where a
   * step ended while its text was half read, its entry follows, which holds all of it. It ends as `events`
   * does.
   */
  stream(options: WatchOptions<string> = {}): AsyncGenerator<StreamItem, void> {
    checkOptions('stream', options, ['from', 'signal'])
    const { from, signal } = options
    const parts = { store: this.#store, changes: this.#changes }
    return endable(signal, (end) => streamOf(parts, this.id, { from, row: () => this.#row(), end }))
  }

  /** Asks the run to end. Throws RUN_ENDED when it has. */
  async cancel(reason = 'No reason was given.'): Promise<void> {
    checkTexts('cancel', { reason })
    const to = { store: this.#store, redactor: this.#redactor }
    await send(to, { run: this.id, kind: 'cancel', record: { reason } })
  }

  #row(): Promise<RunRow> {
    return runRow(this.#store, this.id)
  }
}

function failed(run: string, error: ErrorData): EverloopError {
  const code = error.code === 'DEADLINE' ? 'DEADLINE' : 'RUN_FAILED'
  return new EverloopError(code, `Run "${run}" failed: ${error.name}: ${error.message}`, {
    run,
    cause: error,
  })
}
