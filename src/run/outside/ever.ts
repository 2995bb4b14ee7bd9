/**
 * The runtime's public face: starts runs, talks to them from outside, and works on them.
 *
 * Everything here goes through the store, so it does not matter which process executes a run: this
 * one, another, or none at the moment.
 */
import { EverloopError } from '../../base/errors.ts'
import { checkOptions, checkTexts } from '../../base/options.ts'
import type { Ports } from '../../base/ports.ts'
import type { TextSource, Verdict } from '../../ledger/index.ts'
import type { MessageKind, RunRow, Store } from '../../store/store.ts'
import { actor } from '../actor.ts'
import { Approvals } from '../approvals/approvals.ts'
import { checkId } from '../check-id.ts'
import { exportOf } from '../exports/exporting.ts'
import { type Imported, importRuns } from '../exports/importing.ts'
import type { AnyFlow, Flow } from '../face.ts'
import { asItIs } from '../as-it-is.ts'
import type { MessageRecords } from '../pass/inbox.ts'
import { checkRetry } from '../replay/retry.ts'
import { checked } from '../schema.ts'
import { skipUndo, type UndoInfo, type UndoOptions, undoRun, undosOf } from '../undo/undoing.ts'
import { checkQueue, newRun } from '../work/genesis.ts'
import type { RuntimeParts } from '../work/runtime-parts.ts'
import { answer } from './answer.ts'
import { Changes } from './changes.ts'
import { checkedDelivery, type Delivery, type GoOnOptions, permission } from './delivery.ts'
import { listed } from './listing.ts'
import { type ListOptions, listingOf } from './list-options.ts'
import { openQuestions, type Question, type QuestionsOptions } from './question.ts'
import { checkQueueLimit } from './queue-limit.ts'
import { RunReference, type WatchOptions } from './reference.ts'
import { resolveId } from './resolve-id.ts'
import type { RunInfo } from './run-info.ts'
import { runRow } from './run-row.ts'
import { checkSame } from './same-run.ts'
import { type Manner, send, type Sent } from './send.ts'
import { SharedWorker } from './shared-worker.ts'
import { type StartOptions, startTimes } from './start-options.ts'
import type { StreamItem } from './stream.ts'
import { verifyStored } from './verify-stored.ts'
import { checkWork, type WorkOptions } from './work-options.ts'

/**
 * A runtime on a store, made by `open`. Close it, or say `await using`: until then it keeps the store open, and
 * a worker that `work` has started goes on.
 */
export class Ever implements AsyncDisposable {
  readonly #options: RuntimeParts
  readonly #changes: Changes
  readonly #worker: SharedWorker
  /** Of each call of `work`: who is told of runs that were executed. */
  readonly #told = new Set<(run: string) => Promise<void>>()
  #closing: Promise<void> | undefined

  constructor(options: RuntimeParts) {
    const { redactor, onTrouble } = options
    this.#options = redactor
      ? { ...options, onTrouble: (error, run) => onTrouble(redactor.error(error), run) }
      : options
    this.#worker = new SharedWorker({
      ...this.#options,
      onPassEnd: (run) => {
        this.#changes.onRun(run)
        for (const told of this.#told) void told(run)
      },
    })
    this.#changes = new Changes({ ...options, isHeldHere: (run) => this.#worker.holds(run) })
  }

  /** The store that everything is kept in. */
  get store(): Store {
    return this.#options.store
  }

  /**
   * Starts a run, or finds the one that was started under this id, by whatever version of the flow.
   * Throws RUN_EXISTS when that one has another flow or input (the order of keys does not count), and
   * BAD_INPUT when the input does not fit the flow's schema.
   *
   * @example
   * const run = await ever.start(hello, 'World', { id: 'hello-1', deadline: '1d' })
   * console.log(await run.result())
   */
  async start<Input, Output, Given>(
    flow: Flow<Input, Output, Given> | string,
    input: NoInfer<Given>,
    options: StartOptions = {},
  ): Promise<RunReference<Output>> {
    checkOptions('start', options, ['id', 'queue', 'labels', 'delay', 'at', 'deadline', 'by'])
    const { store, ports, flows } = this.#options
    const definition: AnyFlow = flows.resolve(flow)
    const { id = newId(ports), queue, labels, by } = options
    checkTexts('start', { by })
    // Before anything is waited for: the caller may go on changing what was handed over.
    const given = asItIs(input)
    const run = newRun(this.#options, {
      id,
      flow: definition,
      input: given,
      queue,
      labels,
      by,
      ...startTimes(options, store.clock),
    })
    await checked(definition.input, given, `The input of flow "${definition.name}"`)
    const { created, run: row } = await store.createRun(run)
    if (!created) await checkSame(store, row, run.genesis)
    return new RunReference<Output>(this.#options, this.#changes, id)
  }

  /** The run of this id. Throws UNKNOWN_RUN. */
  async get<Output = unknown>(id: string): Promise<RunReference<Output>> {
    await this.#row(id)
    return new RunReference<Output>(this.#options, this.#changes, id)
  }

  /** The run's entries and the live text of its steps, as `stream` of a `RunReference` gives them. */
  stream(run: string, options: WatchOptions<string> = {}): AsyncGenerator<StreamItem, void> {
    checkId('run', run)
    return new RunReference(this.#options, this.#changes, run).stream(options)
  }

  /**
   * The id that begins with this text; a run comes before its children. Throws UNKNOWN_RUN, and
   * AMBIGUOUS_ID when several ids begin so.
   */
  async resolve(prefix: string): Promise<string> {
    checkId('run', prefix)
    return resolveId(this.#options.store, prefix)
  }

  /** Runs, the newest first. Throws BAD_OPTION for what makes no sense. */
  async list(options: ListOptions = {}): Promise<readonly RunInfo[]> {
    return listed(this.#options.store, listingOf(options))
  }

  /**
   * Sends a signal, which is kept until the run waits for it. False when the run was sent something under
   * this `id` before: then nothing has changed. Throws UNKNOWN_RUN, RUN_ENDED and BAD_NAME.
   *
   * @example await ever.signal('order-7', 'paid', { amount: 40 }, { id: event.id, by: 'bank' })
   */
  async signal(
    run: string,
    name: string,
    value?: unknown,
    delivery: Delivery = {},
  ): Promise<boolean> {
    const { by, id } = checkedDelivery('signal', delivery)
    if (typeof name !== 'string' || name === '' || name.length > 200) {
      throw new EverloopError(
        'BAD_NAME',
        'The name of a signal must be a text of 1 to 200 characters.',
        { run },
      )
    }
    return (
      (await this.#deliver(run, 'signal', { value, ...actor(by) }, { name, id })) === 'delivered'
    )
  }

  /** Open questions, the oldest first; of one run or of all. Throws BAD_OPTION. */
  questions(filter: QuestionsOptions = {}): Promise<readonly Question[]> {
    return openQuestions(this.#options.store, filter)
  }

  /** Calls that wait for people, and their decisions. */
  get approvals(): Approvals {
    return new Approvals(this.#options.store, (id, value, by) => this.answer(id, value, actor(by)))
  }

  /**
   * Says something to an agent: it is in its conversation from its next turn on. Throws BAD_INPUT for a
   * message in which there is nothing to read. Returns what `signal` does.
   */
  async send(run: string, message: string, delivery: Delivery = {}): Promise<boolean> {
    if (typeof message !== 'string' || message.trim() === '') {
      throw new EverloopError(
        'BAD_INPUT',
        'A message to an agent is a text with at least one character that is no space: models are not asked about nothing.',
        { run },
      )
    }
    return this.signal(run, 'message', message, delivery)
  }

  /**
   * Answers a question. Throws BAD_INPUT when the answer does not fit the question's JSON Schema,
   * UNKNOWN_QUESTION, and QUESTION_CLOSED when it was answered, expired or withdrawn before. For an
   * approval it throws APPROVAL_REFUSED, and QUESTION_CLOSED only once that is decided.
   *
   * @example
   * for (const { id, prompt } of await ever.questions()) await ever.answer(id, await askSomebody(prompt))
   */
  async answer(question: string, value: unknown, delivery: Delivery = {}): Promise<void> {
    await answer(this.#options, question, value, delivery)
  }

  /** Asks a run to end: its pending operations are rejected, its children cancelled. Throws RUN_ENDED. */
  async cancel(
    run: string,
    reason = 'No reason was given.',
    delivery: Delivery = {},
  ): Promise<void> {
    const { by } = checkedDelivery('cancel', delivery)
    checkTexts('cancel', { reason })
    await this.#deliver(run, 'cancel', { reason, ...actor(by) })
  }

  /** Stops a run at its next boundary; busy steps end and are recorded. Throws RUN_ENDED and RUN_STATE. */
  async pause(run: string, reason?: string, delivery: Delivery = {}): Promise<void> {
    const { by } = checkedDelivery('pause', delivery)
    checkTexts('pause', { reason })
    await this.#deliver(run, 'pause', { ...(reason === undefined ? {} : { reason }), ...actor(by) })
  }

  /** Lets a paused run go on. Throws RUN_STATE when it is not paused. */
  async resume(run: string, options: GoOnOptions = {}): Promise<void> {
    await this.#deliver(run, 'resume', permission('resume', options))
  }

  /**
   * Lets a failed run go on from its failure: what failed is executed again, nothing else but what `anew`
   * allows. Throws RUN_STATE when its deadline has passed, and when it has undone what it did.
   */
  async retry(run: string, options: GoOnOptions = {}): Promise<void> {
    const asked = permission('retry', options)
    await checkRetry(this.#options.store, await this.#row(run))
    await this.#deliver(run, 'retry', asked)
  }

  /**
   * What the run and all runs below it have cost so far, by name of the amount: tokens, microUsd.
   * Throws UNKNOWN_RUN.
   */
  async account(run: string): Promise<{ readonly amounts: Readonly<Record<string, number>> }> {
    await this.#row(run)
    return { amounts: await this.#options.store.account(run) }
  }

  /** What a run has registered to be undone, in the order in which that happens. Throws UNKNOWN_RUN. */
  async undos(run: string): Promise<readonly UndoInfo[]> {
    await this.#row(run)
    return undosOf(this.#options.store, run)
  }

  /**
   * Undoes, in this process, what a run that failed or was cancelled has registered and that is not undone
   * yet. This process needs the actions, and not the flow. Returns what became of each. Throws RUN_STATE,
   * and UNKNOWN_ACTION before anything is undone.
   */
  async undo(run: string, options: UndoOptions = {}): Promise<readonly UndoInfo[]> {
    await this.#row(run)
    return undoRun({ ...this.#options, actions: this.#options.flows.actions }, run, options)
  }

  /** Has a run leave out something it would undo. `of`: the number of the entry that registered it. */
  async skipUndo(
    run: string,
    of: number,
    how: { readonly reason: string; readonly by?: string },
  ): Promise<void> {
    checkOptions('skipUndo', how, ['reason', 'by'])
    const { reason, by } = how
    checkTexts('skipUndo', { by })
    await this.#row(run)
    await skipUndo(this.#options, run, { of, reason, ...actor(by) })
  }

  /**
   * Checks every entry of a run, and the store's rows about it, against the invariants of the ledger, and
   * every artifact that an entry refers to against its hash. Resolves with what is wrong, at most 100
   * violations. What a resume would read is read at once, the rest page by page, artifacts one by one.
   * Throws UNKNOWN_RUN.
   */
  async verify(run: string): Promise<Verdict> {
    return verifyStored(this.#options.store, await this.#row(run))
  }

  /**
   * The ledger of a run as it stands, with the artifacts that it names and the runs below it, as lines of
   * JSON: whoever has them can verify the run without this store (docs/ledger-format.md). They hold all
   * that was recorded. Throws UNKNOWN_RUN.
   *
   * @example await writeFile('ticket-42.jsonl', ever.export('ticket-42'), { mode: 0o600 })
   */
  export(run: string, options: { readonly children?: boolean } = {}): AsyncGenerator<string, void> {
    checkId('run', run)
    checkOptions('export', options, ['children'])
    const { children = true } = options
    return exportOf(this.#options.store, run, { children })
  }

  /**
   * Puts what `export` gave into this store, once all of it is verified, or nothing: runs that have ended,
   * the exported one first. One that is here already, as it was exported or further on, is left as it is.
   * Throws BAD_EXPORT for what is no whole and sound export, EXPORT_NEWER, RUN_STATE for a run that had not
   * ended, RUN_EXISTS for one whose id another run has here, and what the source throws.
   *
   * @example
   * for (const { run, created } of await ever.import(createReadStream('ticket-42.jsonl'))) {
   *   console.log(run, created ? 'is imported' : 'was here')
   * }
   */
  async import(source: TextSource): Promise<readonly Imported[]> {
    return importRuns(this.#options.store, source)
  }

  /** Sets how many runs of a queue are executed at a time, by all workers together. */
  async limitQueue(name: string, concurrency: number | null): Promise<void> {
    checkQueue(name)
    checkQueueLimit(concurrency)
    await this.#options.store.limitQueue(name, concurrency)
  }

  /**
   * Executes runs in this process, until idle or until `close`. Rejects when the store fails for good
   * (STORE_FAILED, STORE_NEWER, …); trouble that may pass is waited out, and `onTrouble` is told. Several
   * calls share one worker, with the concurrency of the first; it works until the last of them is done.
   *
   * @example await ever.work({ concurrency: 16, until: 'idle' })
   */
  async work(options: WorkOptions = {}): Promise<void> {
    const { onExecuted, ...how } = checkWork(options)
    if (this.#closing)
      throw new EverloopError('STORE_CLOSED', 'This runtime was closed: open another one.')
    const told = async (run: string): Promise<void> => {
      try {
        await onExecuted?.(run)
      } catch (error) {
        this.#options.onTrouble(error, run)
      }
    }
    this.#told.add(told)
    try {
      await this.#worker.work(how)
    } finally {
      this.#told.delete(told)
    }
  }

  /**
   * Ends work gracefully, giving steps under way up to 30 seconds, and closes the store. Runs that are
   * not done go on elsewhere, or later.
   */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#worker.stop()
      this.#changes.close()
      await this.#options.store.close()
    })()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #row(id: string): Promise<RunRow> {
    return runRow(this.#options.store, id)
  }

  #deliver<K extends MessageKind>(
    run: string,
    kind: K,
    record: MessageRecords[K],
    how: Manner = {},
  ): Promise<Sent> {
    checkId('run', run)
    return send(this.#options, { run, kind, record, ...how })
  }
}

/** A new run's id. Nothing but chance, so that the first few characters tell a run from all others. */
function newId(ports: Ports): string {
  return Buffer.from(ports.randomBytes(12)).toString('hex')
}
