/**
 * The executor: takes a claimed run from what the ledger holds to the end of a pass.
 *
 * It reads, asks opening.ts whether the run may go on, starts the flow's function in a pass, and lets
 * ending.ts say what becomes of its end.
 */
import { EverloopError } from '../base/errors.ts'
import type { Ports } from '../base/ports.ts'
import type { Redactor } from '../base/redactor.ts'
import type { AnyDraft, Entry, Payloads } from '../ledger/index.ts'
import type { RunRow, Store } from '../store/store.ts'
import { within } from './current.ts'
import { lastItem, type Performance } from './ending.ts'
import type { AnyFlow } from './face.ts'
import { seedOf } from './genesis.ts'
import { RunHandle } from './handle.ts'
import { takeMessage } from './inbox.ts'
import { type Item, Journal } from './journal.ts'
import type { Left } from './leaving.ts'
import { openingOf, preludeOf } from './opening.ts'
import { Pass } from './pass.ts'
import type { Environment } from './pass-options.ts'
import { Publisher } from './publisher.ts'
import { beginningOf, checkFlow, Reader } from './reader.ts'
import { Recorded } from './recorded.ts'
import { Resources } from './resource.ts'
import { checked } from './schema.ts'
import { type PassEnd, pausedDraft } from './stop.ts'

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
  readonly redactor: Redactor
  readonly environment: Environment
  readonly onEnd: (end: PassEnd) => void
  /** Something of the run was written. */
  readonly onProgress: () => void
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
    this.#then((pass) => pass.mailbox.onNews(newest))
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
    redactor: execution.redactor,
    run: row.id,
    session: execution.session,
    epoch: row.epoch,
    head: { seq: row.seq, hash: row.hash, time: row.updated },
    prelude: preludeOf(row),
    onCommitted: (entries) => {
      if (entries.length > 0) execution.onProgress()
      pass?.operations.onCommitted(entries)
    },
    onNews: (newest) => pass?.mailbox.onNews(newest),
    onLost: (error) => {
      if (pass) pass.drop(error)
      else onEnd({ is: 'lost', error })
    },
    onTrouble: (error) => onTrouble(error, row),
  })

  const reader = await open(execution, journal)
  if (!reader) return
  const { entry: started, record: beginning } = beginningOf(reader)
  const recorded = Recorded.of(reader.open, reader.line)
  const publisher = new Publisher({
    store,
    ports,
    run: row.id,
    session: execution.session,
    epoch: row.epoch,
    redactor: execution.redactor,
    onTrouble: (error) => onTrouble(error, row),
  })
  pass = new Pass({
    run: row.id,
    store,
    ports,
    journal,
    reader,
    recorded,
    publisher,
    resources: new Resources(row.id, (error) => onTrouble(error, row)),
    row,
    development: execution.development,
    redactor: execution.redactor,
    environment: execution.environment,
    code: (any) => call(any, execution.flow, beginning),
    scopes: reader.state.scopes,
    newest: row.newest,
    deadline: beginning.deadline,
    started,
    seed: seedOf(started, beginning),
    onMessage: takeMessage,
    onTrouble: (error) => onTrouble(error, row),
    onEnd: (end) => {
      publisher.close()
      onEnd(end)
    },
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

  try {
    const reader = await patiently(execution, () => Reader.read(store, row))
    checkFlow(row, reader)
    const opening = await patiently(execution, () => openingOf(store, row, reader))
    if (opening.is === 'open') return reader
    if (opening.is === 'refused') return await giveBack(opening.drafts, opening)
    const last = (await write(opening)).at(-1)
    if (!last) return reader
    const reopened = { ...row, seq: last.seq, hash: last.hash }
    return await patiently(execution, () => Reader.read(store, reopened))
  } catch (error) {
    // Where somebody else has gone on meanwhile, writing it down fails, and says so.
    if (!EverloopError.is(error) || error.code !== 'BROKEN_CHAIN') throw error
    return giveBack([pausedDraft(error)])
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

/** Executes the flow's function, and ends the run with what becomes of it. */
async function perform(
  pass: Pass,
  flow: AnyFlow,
  beginning: Payloads['run.started'],
): Promise<void> {
  const { root } = pass
  let end: Performance
  try {
    pass.begin()
    const output = await pass.options.code(pass)
    end = { output: await checked(flow.output, output, 'The output', { run: pass.run }) }
  } catch (thrown) {
    end = { thrown }
  }
  // The code of a pass that is over may still be unwinding: nobody listens to it any more.
  if (pass.isOver) return
  const left = await new Promise<Left>((resolve) => pass.leave(root, resolve))
  await pass.finish(lastItem(pass, beginning, end, left))
}

/** Calls the flow's function, in the run's root scope. */
const call = (pass: Pass, flow: AnyFlow, { input }: Payloads['run.started']): Promise<unknown> =>
  within({ pass, scope: pass.root, step: undefined }, async () => {
    const fitting = await checked(flow.input, input, 'The input', { run: pass.run })
    return flow.run(new RunHandle(pass, pass.root), fitting as never)
  })
