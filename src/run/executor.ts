/**
 * The executor: takes a claimed run from what the ledger holds to the end of a pass.
 *
 * It decides, before any code runs, whether the run may go on at all (paused, failed, crash-looping,
 * broken), then starts the flow's function, and turns its end into the run's end.
 */
import { EverloopError } from '../base/errors.ts'
import type { Ports } from '../base/ports.ts'
import { emptyState, encode, errorData, fold } from '../ledger/index.ts'
import type { AnyDraft, Entry, Payloads, RunState } from '../ledger/index.ts'
import type { Message, NewMessage, RunRow, Store } from '../store/store.ts'
import { within } from './current.ts'
import type { AnyFlow } from './face.ts'
import { RunHandle } from './handle.ts'
import { type MessageRecords, recordOf, takeMessage } from './inbox.ts'
import { type Item, Journal } from './journal.ts'
import { cancelMessage, Pass, type PassEnd } from './pass.ts'
import { beginningOf, Reader } from './reader.ts'
import { Recorded } from './recorded.ts'
import { Resources } from './resource.ts'
import { retryFrom } from './retry.ts'
import { checked } from './schema.ts'
import { failure } from './scopes.ts'
import { pausedDraft } from './stop.ts'

/** Losses of a worker without a new entry after which a run is parked. */
const barrenMax = 3

/** How long reading is put off after the store was in trouble. */
const troubleMs = 100

export interface Execution {
  /** The claimed run. */
  readonly row: RunRow
  readonly session: string
  readonly store: Store
  readonly ports: Ports
  readonly flow: AnyFlow
  readonly development: boolean
  readonly onEnd: (end: PassEnd) => void
  readonly onTrouble: (error: unknown, row: RunRow) => void
}

/** A run being executed: what a worker may do to it from outside. */
export interface Executing {
  onNews(newest: number): void
  /** Nothing new begins; the run is given back when what is busy has ended. */
  yield(): void
  /** Stops at once and writes nothing more. */
  drop(error: EverloopError): void
  readonly isBlocked: boolean
}

/** Begins to execute. Never throws: everything that can happen comes by `onEnd`. */
export function execute(execution: Execution): Executing {
  const pending = new PendingExecution()
  void begin(execution, pending).catch((error: unknown) => {
    const lost = EverloopError.is(error)
      ? error
      : new EverloopError('INTERNAL', `Run "${execution.row.id}" could not be executed.`, {
          run: execution.row.id,
          cause: error,
        })
    execution.onEnd({ is: 'lost', error: lost })
  })
  return pending
}

/** Keeps what comes from outside until there is a pass to hand it to. */
class PendingExecution implements Executing {
  #pass: Pass | undefined
  #early: ((pass: Pass) => void)[] = []

  attach(pass: Pass): void {
    this.#pass = pass
    for (const call of this.#early) call(pass)
    this.#early = []
  }

  onNews(newest: number): void {
    this.#then((pass) => pass.onNews(newest))
  }

  yield(): void {
    this.#then((pass) => pass.stop({ is: 'yield' }))
  }

  drop(error: EverloopError): void {
    this.#then((pass) => pass.drop(error))
  }

  get isBlocked(): boolean {
    return this.#pass?.isBlocked ?? false
  }

  #then(call: (pass: Pass) => void): void {
    if (this.#pass) call(this.#pass)
    else this.#early.push(call)
  }
}

async function begin(execution: Execution, pending: PendingExecution): Promise<void> {
  const { row, store, ports, onEnd, onTrouble } = execution
  let pass: Pass | undefined
  const journal = new Journal({
    store,
    ports,
    run: row.id,
    session: execution.session,
    epoch: row.epoch,
    head: { seq: row.seq, hash: row.hash, time: row.updated },
    prelude: preludeOf(row),
    onCommitted: (entries) => pass?.operations.onCommitted(entries),
    onNews: (newest) => pass?.onNews(newest),
    onLost: (error) => {
      if (pass) pass.drop(error)
      else onEnd({ is: 'lost', error })
    },
    onTrouble: (error) => onTrouble(error, row),
  })

  const reader = await open(execution, journal)
  if (!reader) return
  const { entry: started, record: beginning } = beginningOf(reader)
  pass = new Pass({
    run: row.id,
    store,
    ports,
    journal,
    reader,
    recorded: Recorded.of(reader.open, reader.line),
    resources: new Resources(row.id, (error) => onTrouble(error, row)),
    row,
    development: execution.development,
    code: (any) => call(any, execution.flow, beginning),
    scopes: fold(emptyState, reader.open).scopes,
    newest: row.newest,
    deadline: beginning.deadline,
    started,
    onMessage: takeMessage,
    onTrouble: (error) => onTrouble(error, row),
    onEnd,
  })
  pending.attach(pass)
  await perform(pass, execution.flow, beginning)
}

/** What is read of a run that may go on; undefined when it may not, and has been given back. */
async function open(execution: Execution, journal: Journal): Promise<Reader | undefined> {
  const { row, store, onEnd } = execution
  const write = (item: Item): Promise<readonly Entry[]> =>
    new Promise((resolve) => journal.push({ ...item, committed: resolve }))
  const giveBack = async (
    drafts: readonly AnyDraft[],
    item: Pick<Item, 'taken' | 'deliver'> = {},
  ): Promise<undefined> => {
    await write({ ...item, drafts, release: { wake: undefined, seen: row.newest } })
    onEnd({ is: 'ended' })
  }

  let reader: Reader
  let opening: Opening
  try {
    reader = await patiently(execution, () => Reader.read(store, row))
    opening = await patiently(execution, () => openingOf(store, row, reader))
  } catch (error) {
    if (!EverloopError.is(error) || error.code !== 'BROKEN_CHAIN') throw error
    return giveBack([pausedDraft(error)])
  }
  switch (opening.is) {
    case 'refused':
      return giveBack(opening.drafts, opening)
    case 'open':
      return reader
    case 'reopened': {
      const entries = await write(opening)
      const last = entries.at(-1)
      if (!last) return reader
      const reopened = { ...row, seq: last.seq, hash: last.hash }
      return patiently(execution, () => Reader.read(store, reopened))
    }
  }
}

/** Reads until the store can be read: the run is held meanwhile. */
async function patiently<T>(
  { row, ports, onTrouble }: Execution,
  read: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await read()
    } catch (error) {
      if (!EverloopError.is(error) || error.code !== 'STORE_UNAVAILABLE') throw error
      onTrouble(error, row)
      await new Promise<void>((resolve) => void ports.setTimer(troubleMs, resolve))
    }
  }
}

type Opening =
  /** The run goes on as it is. */
  | { readonly is: 'open' }
  /** The run goes on after these entries. */
  | {
      readonly is: 'reopened'
      readonly drafts: readonly AnyDraft[]
      readonly taken: readonly number[]
    }
  /** The run does not go on. */
  | {
      readonly is: 'refused'
      readonly drafts: readonly AnyDraft[]
      readonly taken: readonly number[]
      readonly deliver?: readonly NewMessage[]
    }

/** Pauses after which the flow's code cannot or must not be executed, not even to cancel. */
const deadPauses: readonly string[] = ['CRASH_LOOP', 'DIVERGED', 'BROKEN_CHAIN', 'HIDDEN_STATE']

async function openingOf(store: Store, row: RunRow, reader: Reader): Promise<Opening> {
  const state = fold(emptyState, reader.open)
  const { status } = state
  const messages = row.newest === 0 ? [] : await store.messages(row.id, [])
  const find = (kind: Message['kind']): Message | undefined =>
    messages.find((message) => message.kind === kind)
  const cancel = find('cancel')
  switch (status.is) {
    case 'active': {
      if (cancel && row.seq === 1) return cancelled(reader, state, cancel)
      if (row.barren < barrenMax) return { is: 'open' }
      const message = `The run lost its worker ${row.barren} times in a row without writing an entry: executing it probably kills the process. Mend the flow's code, then resume the run.`
      return { is: 'refused', drafts: [pausedDraft({ code: 'CRASH_LOOP', message })], taken: [] }
    }
    case 'paused': {
      if (cancel && deadPauses.includes(status.code)) return cancelled(reader, state, cancel)
      const resume = find('resume')
      if (!resume && !cancel) return { is: 'refused', drafts: [], taken: [] }
      const { by } = resume ? recordOf<'resume'>(resume) : recordOf<'cancel'>(cancel as Message)
      const record = by === undefined ? {} : { by }
      return {
        is: 'reopened',
        drafts: [{ scope: '', kind: 'run.resumed', key: '', record }],
        taken: resume ? [resume.number] : [],
      }
    }
    case 'failed': {
      const retry = find('retry')
      if (!retry) return { is: 'refused', drafts: [], taken: [] }
      const { by } = recordOf<'retry'>(retry)
      const record = {
        ...(await retryFrom(store, row.id, status.cause)),
        ...(by === undefined ? {} : { by }),
      }
      return {
        is: 'reopened',
        drafts: [{ scope: '', kind: 'run.retried', key: '', record }],
        taken: [retry.number],
      }
    }
    case 'completed':
    case 'cancelled':
      return { is: 'refused', drafts: [], taken: messages.map(({ number }) => number) }
  }
}

/** Ends a run without executing its code: it has not begun, or it must not go on. */
function cancelled(reader: Reader, { waits }: RunState, cancel: Message): Opening {
  const { reason } = recordOf<'cancel'>(cancel)
  const { entry, record: beginning } = beginningOf(reader)
  const end: RunEnd = { kind: 'run.cancelled', record: { reason } }
  const children = Array.from(waits.values()).flatMap(({ kind, record }) =>
    kind === 'child.started' && 'run' in record ? [cancelMessage(record.run, reason)] : [],
  )
  return {
    is: 'refused',
    drafts: [{ scope: '', key: '', ...end }],
    taken: [cancel.number],
    deliver: [...children, ...toParent(entry.run, beginning, end)],
  }
}

/** A take-over is written down together with the first progress after it. */
const preludeOf = ({ barren, crashes, overtakes }: RunRow): AnyDraft | undefined =>
  barren === 0
    ? undefined
    : {
        scope: '',
        kind: 'run.overtaken',
        key: '',
        record: { lost: crashes >= overtakes ? 'crash' : 'lease', times: barren },
      }

/** Executes the flow's function, and ends the run with what becomes of it. */
async function perform(
  pass: Pass,
  flow: AnyFlow,
  beginning: Payloads['run.started'],
): Promise<void> {
  const { root } = pass
  let end: { readonly output: unknown } | { readonly thrown: unknown }
  try {
    pass.begin()
    const output = await pass.options.code(pass)
    end = { output: await checked(flow.output, output, 'The output', { run: pass.run }) }
  } catch (thrown) {
    end = { thrown }
  }
  // The code of a pass that is over may still be unwinding: nobody listens to it any more.
  if (pass.isOver) return
  const left = pass.leave(root)
  if (!left) return
  const abandoned = left.abandoned === undefined ? {} : { abandoned: left.abandoned }
  const last = endOf(pass, end)
  const draft = { scope: '', key: '', kind: last.kind, record: { ...last.record, ...abandoned } }
  await pass.finish({
    drafts: [draft as AnyDraft],
    deliver: [...left.deliver, ...toParent(pass.run, beginning, last)],
    release: { wake: undefined, seen: pass.seen },
  })
}

/** Calls the flow's function, in the run's root scope. */
const call = (pass: Pass, flow: AnyFlow, { input }: Payloads['run.started']): Promise<unknown> =>
  within({ pass, scope: pass.root, step: undefined }, async () => {
    const fitting = await checked(flow.input, input, 'The input', { run: pass.run })
    return flow.run(new RunHandle(pass, pass.root), fitting as never)
  })

type RunEnd =
  | { readonly kind: 'run.completed'; readonly record: Payloads['run.completed'] }
  | { readonly kind: 'run.failed'; readonly record: Payloads['run.failed'] }
  | { readonly kind: 'run.cancelled'; readonly record: Payloads['run.cancelled'] }

function endOf(
  pass: Pass,
  end: { readonly output: unknown } | { readonly thrown: unknown },
): RunEnd {
  const { cancelled: cancel } = pass
  if (cancel?.deadline) {
    const message = `Run "${pass.run}" did not end before its deadline.`
    return {
      kind: 'run.failed',
      record: { error: { name: 'EverloopError', code: 'DEADLINE', message } },
    }
  }
  if (cancel) {
    const { reason } = cancel.error
    const other =
      'thrown' in end && end.thrown !== cancel.error ? { error: errorData(end.thrown) } : {}
    return { kind: 'run.cancelled', record: { reason, ...other } }
  }
  if ('thrown' in end) return { kind: 'run.failed', record: failure(pass, end.thrown) }
  try {
    encode(end.output)
    return { kind: 'run.completed', record: { output: end.output } }
  } catch (thrown) {
    return { kind: 'run.failed', record: failure(pass, thrown) }
  }
}

/** A child tells its parent how it ended, in the transaction in which it does. */
function toParent(run: string, { parent }: Payloads['run.started'], end: RunEnd): NewMessage[] {
  if (!parent) return []
  const record: MessageRecords['child'] =
    end.kind === 'run.completed'
      ? { status: 'completed', output: end.record.output }
      : end.kind === 'run.failed'
        ? { status: 'failed', error: end.record.error }
        : { status: 'cancelled', error: { name: 'Cancelled', message: end.record.reason } }
  return [
    { run: parent.run, kind: 'child', name: run, payload: encode(record), id: `end of ${run}` },
  ]
}
