/**
 * The runtime's public face: starts runs, talks to them from outside, and works on them.
 *
 * Everything here goes through the store, so it does not matter which process executes a run: this
 * one, another, or none at the moment.
 */
import { EverloopError } from '../../base/errors.ts'
import type { Ports } from '../../base/ports.ts'
import { decode, digestOf, questionPlace, verifyRun } from '../../ledger/index.ts'
import type { Entry, Payloads, TextSource, Verdict } from '../../ledger/index.ts'
import type { MessageKind, RunRow, Store } from '../../store/store.ts'
import { actor } from '../actor.ts'
import { checkAnswer } from './answer.ts'
import { answerApproval, Approvals, type Terms } from '../approvals/approvals.ts'
import { Changes } from './changes.ts'
import { pageAfter } from '../ledger-page.ts'
import { checkId } from '../check-id.ts'
import { type Manner, send, type Sent, unknownRun } from './send.ts'
import { exportOf } from '../exports/exporting.ts'
import { type Imported, importRuns } from '../exports/importing.ts'
import { checkedDelivery, type Delivery } from './delivery.ts'
import type { AnyFlow, Flow } from '../face.ts'
import { checkQueue, newRun } from '../work/genesis.ts'
import { asItIs } from '../given.ts'
import type { MessageRecords } from '../pass/inbox.ts'
import { checkOptions, checkTexts } from '../../base/options.ts'
import { RunReference, type WatchOptions } from './reference.ts'
import { checkQueueLimit } from './queue-limit.ts'
import { resolveId } from './resolving.ts'
import { checkRetry } from '../replay/retry.ts'
import { checked } from '../schema.ts'
import { type StartOptions, startTimes } from './start-options.ts'
import type { StreamItem } from './stream.ts'
import { skipUndo, type UndoInfo, type UndoOptions, undoRun, undosOf } from '../undo/undoing.ts'
import { checkLimit, filterOf, type ListOptions } from './list-options.ts'
import { infoOf, type RunInfo, type WaitInfo, waitInfoOf } from './view.ts'
import { checkWork, type WorkOptions } from './work-options.ts'
import type { RuntimeParts } from '../work/runtime-parts.ts'
import { Worker } from '../work/worker.ts'

/** A question that is open. */
export interface Question extends Omit<WaitInfo, 'kind'> {
  /** Asked by the code, for leave to make a call, or about a call of which the outcome is not known. */
  readonly kind: 'question' | 'approval' | 'effect'
  readonly id: string
  readonly run: string
  readonly prompt: string
  /** JSON Schema of the answer, where it is known. */
  readonly schema: unknown
}

export class Ever implements AsyncDisposable {
  readonly #options: RuntimeParts
  readonly #changes: Changes
  #worker: Worker | undefined
  /** How many calls of `work` need it. */
  #users = 0
  /** Settles when all have stopped that were needed before it. */
  #dismissed: Promise<unknown> = Promise.resolve()
  #closing: Promise<void> | undefined

  constructor(options: RuntimeParts) {
    const { redactor, onTrouble } = options
    this.#options = redactor
      ? { ...options, onTrouble: (error, run) => onTrouble(redactor.error(error), run) }
      : options
    this.#changes = new Changes({
      ...options,
      isHeldHere: (run) => this.#worker?.holds(run) ?? false,
    })
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
    if (!created) await this.#checkSame(row, run.genesis.payload)
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
    const { store } = this.#options
    const now = store.clock.now()
    return (await store.runs(filterOf(options))).map((row) => infoOf(row, now))
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
  async questions(
    filter: { readonly run?: string; readonly limit?: number } = {},
  ): Promise<readonly Question[]> {
    checkOptions('questions', filter, ['run', 'limit'])
    checkLimit('questions', filter.limit)
    const rows = await this.#options.store.questions(filter)
    return rows
      .filter(({ state }) => state === 'open')
      .map(({ id, run, wait }) => {
        const { prompt, schema } = wait.record as Payloads['question.asked']
        // A row of this table is of a wait that asks (see isQuestion).
        const { kind, ...info } = waitInfoOf(run, wait)
        return { ...info, kind: kind as Question['kind'], id, run, prompt, schema }
      })
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
    const { store, redactor } = this.#options
    checkId('question', question)
    const { by: who, id } = checkedDelivery('answer', delivery)
    const given = asItIs(value) // while it is checked the caller may go on changing it
    // Judged is who will be recorded.
    const by = who === undefined ? undefined : (redactor?.text(who) ?? who)
    const [row] = await store.questions({ id: question, limit: 1 })
    if (row?.id === question) await checkAnswer(row, given, store.clock.now())
    const { run } = questionPlace(question)
    const deliver = (terms?: Terms): Promise<Sent> =>
      this.#deliver(run, 'answer', { value: given, ...actor(by) }, { name: question, id, ...terms })
    if (row?.id === question && row.wait.kind === 'approval.requested') {
      await answerApproval(store, row, { value: given, by }, deliver)
    } else await deliver()
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
  async resume(run: string, delivery: Delivery = {}): Promise<void> {
    const { by } = checkedDelivery('resume', delivery)
    await this.#deliver(run, 'resume', actor(by))
  }

  /**
   * Lets a failed run go on from its failure: what failed is executed again, nothing else. Throws
   * RUN_STATE when its deadline has passed, and when it has undone what it did.
   */
  async retry(run: string, delivery: Delivery = {}): Promise<void> {
    const { by } = checkedDelivery('retry', delivery)
    await checkRetry(this.#options.store, await this.#row(run))
    await this.#deliver(run, 'retry', actor(by))
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
    const { store } = this.#options
    const row = await this.#row(run)
    const scopes = await store.openScopes(run)
    const open = (await store.openEntries(run)).map((entry) => entry.seq)
    const questions = (await store.questions({ run })).map(({ wait }) => wait.seq)
    const account = await store.account(run)
    const { seq, status, code, title } = row
    const isStill = (await this.#row(run)).seq === seq
    // A run may move on meanwhile: what is checked ends where the row said it stood.
    const read = async (after: number): Promise<readonly Entry[]> =>
      (await store.entries(run, pageAfter(after))).filter((entry) => entry.seq <= seq)
    const rows = { started: row, title: { is: title }, status: { is: status, code }, account }
    const all = isStill ? { ...rows, scopes, open, questions } : rows
    return verifyRun(read, row, all, (hash) => store.artifact(hash))
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
    const { concurrency, until } = checkWork(options)
    if (this.#closing)
      throw new EverloopError('STORE_CLOSED', 'This runtime was closed: open another one.')
    this.#worker ??= new Worker({
      ...this.#options,
      concurrency,
      onPassEnd: (run) => this.#changes.onRun(run),
    })
    const worker = this.#worker
    worker.start()
    this.#users++
    if (until === 'stopped') return worker.ended()
    try {
      await worker.idle()
    } finally {
      if (--this.#users === 0) await this.#dismiss(worker)
    }
  }

  /** Stops a worker that nobody needs any more. Whoever works from now on has another one. */
  async #dismiss(worker: Worker): Promise<void> {
    this.#worker = undefined
    const stopping = worker.stop(drainMs)
    this.#dismissed = Promise.allSettled([this.#dismissed, stopping])
    await stopping
  }

  /**
   * Ends work gracefully, giving steps under way up to 30 seconds, and closes the store. Runs that are
   * not done go on elsewhere, or later.
   */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#worker?.stop(drainMs)
      await this.#dismissed
      this.#changes.close()
      await this.#options.store.close()
    })()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * The same id is the same run only with the same flow and input. The order of keys makes no other
   * input, and a run of another version of the flow is the same run: it goes on as it began.
   */
  async #checkSame(row: RunRow, genesis: string | null): Promise<void> {
    const [first] = await this.#options.store.entries(row.id, { limit: 1 })
    const was = decode(first?.payload ?? '{}') as Partial<Payloads['run.started']>
    const is = decode(genesis ?? '{}') as Payloads['run.started']
    if (was.flow === is.flow && digestOf(was.input) === digestOf(is.input)) return
    const what = was.flow === is.flow ? 'another input' : `flow "${was.flow}"`
    throw new EverloopError(
      'RUN_EXISTS',
      `A run "${row.id}" exists already, with ${what}. Use another id, or the same flow and input.`,
      { run: row.id },
    )
  }

  async #row(id: string): Promise<RunRow> {
    checkId('run', id)
    const row = await this.#options.store.run(id)
    if (!row) throw unknownRun(id)
    return row
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

/** How long steps may take to end when a worker stops. */
const drainMs = 30_000

/** A new run's id. Nothing but chance, so that the first few characters tell a run from all others. */
function newId(ports: Ports): string {
  return Buffer.from(ports.randomBytes(12)).toString('hex')
}
