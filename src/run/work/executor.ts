/**
 * The executor: takes a claimed run from what the ledger holds to the end of a pass.
 *
 * It reads, asks opening.ts whether the run may go on, starts the flow's function in a pass, and lets
 * ending.ts say what becomes of its end.
 */
import { EverloopError } from '../../base/errors.ts'
import type { Ports } from '../../base/ports.ts'
import type { Redactor } from '../../base/redactor.ts'
import type { AnyDraft, Payloads } from '../../ledger/index.ts'
import type { RunRow, Store } from '../../store/store.ts'
import type { BlockSizes } from '../operations/state-blocks.ts'
import type { Actions } from '../undo/actions.ts'
import { within } from '../current.ts'
import { Compensation } from '../undo/compensation.ts'
import { lastItem, type Performance } from './ending.ts'
import type { Executing } from './executing.ts'
import type { FairTurns } from './fair-turns.ts'
import type { AnyFlow } from '../face.ts'
import { seedOf } from './genesis.ts'
import { RunHandle } from '../handle.ts'
import { takeMessage } from '../pass/inbox.ts'
import { type Item, Journal } from '../pass/journal.ts'
import type { Left } from '../pass/leaving.ts'
import type { Moves } from '../moves.ts'
import { openingOf, preludeOf } from './opening.ts'
import { Pass } from '../pass/pass.ts'
import type { Environment, OnBody } from '../pass/pass-options.ts'
import { Publisher } from '../pass/publisher.ts'
import { patiently } from '../patience.ts'
import { checkFlow, Reader } from '../replay/reader.ts'
import { Recorded } from '../replay/recorded.ts'
import { Resources } from '../pass/resource.ts'
import { checked } from '../schema.ts'
import { type PassEnd, pausedDraft, troubleIn } from '../pass/stop.ts'
import { Taints } from '../pass/taints.ts'

export interface Execution {
  /** The claimed run. */
  readonly row: RunRow
  readonly session: string
  readonly store: Store
  readonly ports: Ports
  readonly turns: FairTurns
  readonly flow: AnyFlow
  readonly moves: Moves
  readonly actions: Actions
  readonly development: boolean
  readonly blockSizes: BlockSizes | undefined
  readonly redactor: Redactor
  readonly environment: Environment
  readonly onBody: OnBody | undefined
  readonly onEnd: (end: PassEnd) => void
  /** Something of the run was written. */
  readonly onProgress: () => void
  readonly onTrouble: (error: unknown, row: RunRow) => void
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
  #inHand: Executing | undefined
  #early: ((inHand: Executing) => void)[] = []

  attach(inHand: Executing): void {
    this.#inHand = inHand
    for (const call of this.#early) call(inHand)
    this.#early = []
  }

  onNews(newest: number): void {
    this.#then((inHand) => inHand.onNews(newest))
  }

  yield(): void {
    this.#then((inHand) => inHand.yield())
  }

  drop(error: EverloopError): void {
    this.#then((inHand) => inHand.drop(error))
  }

  get isBlocked(): boolean {
    return this.#inHand?.isBlocked ?? false
  }

  #then(call: (inHand: Executing) => void): void {
    if (this.#inHand) call(this.#inHand)
    else this.#early.push(call)
  }
}

/** A pass, as a worker has it in hand. */
class PassInHand implements Executing {
  readonly #pass: Pass

  constructor(pass: Pass) {
    this.#pass = pass
  }

  onNews(newest: number): void {
    this.#pass.mailbox.onNews(newest)
  }

  yield(): void {
    this.#pass.stop({ is: 'yield' })
  }

  drop(error: EverloopError): void {
    this.#pass.drop(error)
  }

  get isBlocked(): boolean {
    return this.#pass.isBlocked
  }
}

async function begin(execution: Execution, pending: PendingExecution): Promise<void> {
  const held: Held = {}
  const journal = journalOf(execution, held)
  const reader = await open(execution, journal, held)
  if (!reader) return
  const { undoing } = reader.state
  if (undoing) {
    const compensation = compensationOf(execution, { journal, reader, undoing })
    held.compensation = compensation
    pending.attach(compensation)
    return compensation.perform()
  }
  // Hundreds may have been claimed together.
  await execution.turns.next()
  const pass = passOf(execution, journal, reader)
  held.pass = pass
  pending.attach(new PassInHand(pass))
  await perform(pass, execution.flow, reader.beginning.record)
}

/** What was read of the run, and who goes on with it, once these are known: the pass, or what undoes the run. */
interface Held {
  reader?: Reader
  pass?: Pass
  compensation?: Compensation
}

function journalOf(execution: Execution, held: Held): Journal {
  const { row, onEnd, onTrouble } = execution
  return new Journal({
    ...execution,
    run: row.id,
    epoch: row.epoch,
    head: { seq: row.seq, hash: row.hash, time: row.updated },
    prelude: () => preludeOf(row, held.reader),
    onCommitted: (entries) => {
      if (entries.length > 0) execution.onProgress()
      held.pass?.operations.onCommitted(entries)
      const last = entries.at(-1)
      const trouble = last && troubleIn(last)
      if (trouble) onTrouble(trouble, row)
    },
    onSettled: () => held.pass?.begin(),
    onNews: (newest) => {
      held.compensation?.onNews(newest)
      held.pass?.mailbox.onNews(newest)
    },
    onLost: (error) => {
      const one = held.pass ?? held.compensation
      if (one) one.drop(error)
      else onEnd({ is: 'lost', error })
    },
    onTrouble: (error) => onTrouble(error, row),
  })
}

function compensationOf(
  execution: Execution,
  {
    journal,
    reader,
    undoing,
  }: {
    readonly journal: Journal
    readonly reader: Reader
    readonly undoing: Payloads['run.undoing']
  },
): Compensation {
  const { entry, record: beginning } = reader.beginning
  return new Compensation({
    ...execution,
    journal,
    beginning,
    seed: seedOf(entry, beginning),
    taints: Taints.of(reader),
    undoing,
    onTrouble: (error) => execution.onTrouble(error, execution.row),
  })
}

function passOf(execution: Execution, journal: Journal, reader: Reader): Pass {
  const { row, flow, onEnd } = execution
  const { entry: started, record: beginning } = reader.beginning
  const onTrouble = (error: unknown): void => execution.onTrouble(error, row)
  const publisher = new Publisher({
    ...execution,
    run: row.id,
    epoch: row.epoch,
    onTrouble,
    onSent: () => pass.begin(),
  })
  const pass: Pass = new Pass({
    ...execution,
    run: row.id,
    journal,
    reader,
    recorded: Recorded.of(reader.open, reader.line),
    publisher,
    resources: new Resources(row.id, onTrouble),
    code: (one, input) => call(one, flow, input),
    scopes: reader.state.scopes,
    newest: row.newest,
    deadline: beginning.deadline,
    started,
    seed: seedOf(started, beginning),
    taints: Taints.of(reader),
    onMessage: takeMessage,
    onTrouble,
    onEnd: (end) => {
      publisher.close()
      onEnd(end)
    },
  })
  return pass
}

/** What is read of a run that may go on; undefined when it may not, and has been given back. */
async function open(
  execution: Execution,
  journal: Journal,
  held: Held,
): Promise<Reader | undefined> {
  const { row, store, ports, onEnd, onTrouble } = execution
  const waiting = { ports, onTrouble: (error: unknown) => onTrouble(error, row) }
  const giveBack = async (
    drafts: readonly AnyDraft[],
    { due, ...item }: Pick<Item, 'taken' | 'deliver'> & { readonly due?: number } = {},
  ): Promise<undefined> => {
    await journal.write({ ...item, drafts, release: { wake: due, seen: row.newest } })
    onEnd({ is: 'ended' })
  }

  try {
    const reader = await patiently(waiting, () => Reader.read(store, row))
    held.reader = reader
    checkFlow(row, reader)
    const opening = await patiently(waiting, () => openingOf(store, row, reader))
    if (opening.is === 'open') return reader
    if (opening.is === 'refused') return await giveBack(opening.drafts, opening)
    const last = (await journal.write(opening)).at(-1)
    if (!last) return reader
    const reopened = { ...row, seq: last.seq, hash: last.hash }
    return await patiently(waiting, () => Reader.read(store, reopened))
  } catch (error) {
    // Where somebody else has gone on meanwhile, writing it down fails, and says so.
    if (!EverloopError.is(error) || error.code !== 'BROKEN_CHAIN') throw error
    return giveBack([pausedDraft(error)])
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
    const output = await pass.options.code(pass, beginning.input)
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
const call = (pass: Pass, flow: AnyFlow, input: unknown): Promise<unknown> =>
  within({ pass, scope: pass.root, step: undefined }, async () => {
    const place = { run: pass.run }
    const fitting = await checked(flow.input, input, 'The input', place, { isRecorded: true })
    return flow.run(new RunHandle(pass, pass.root), fitting as never)
  })
