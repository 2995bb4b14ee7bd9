/**
 * Undoing from outside: what a run has to undo, doing so when it has ended, and leaving something
 * out. Needs the actions, and never the code of the flow.
 */
import { EverloopError } from '../../base/errors.ts'
import type { ErrorData } from '../../base/errors.ts'
import { isEnd, undoKey } from '../../ledger/index.ts'
import type { AnyDraft, Payloads, RunState, Undoable } from '../../ledger/index.ts'
import type { Store } from '../../store/store.ts'
import type { Actions } from './actions.ts'
import { actor } from '../actor.ts'
import { Compensation } from './compensation.ts'
import { toParent } from '../work/ending.ts'
import { seedOf } from '../work/genesis.ts'
import { type HeldRun, type HoldingOptions, withRun } from '../work/one-run.ts'
import { cancelWithoutCode } from '../work/opening.ts'
import { checkOptions, checkTexts } from '../../base/options.ts'
import { Taints } from '../pass/taints.ts'
import { resultOf, undoablesOf } from './undo-plan.ts'
import { stateOf } from '../outside/settled.ts'

/** Something that a run has registered to be undone. */
export interface UndoInfo {
  /** The number of the entry that registered it. */
  readonly of: number
  readonly action: string
  readonly input: unknown
  /** What the step returned that is undone, where it is known. */
  readonly result: unknown
  /** The operation that registered it. */
  readonly path: string
  readonly state: 'registered' | 'undone' | 'failed' | 'skipped'
  /** Why it could not be undone, or not yet. */
  readonly error: ErrorData | undefined
}

/** Who undoes a run, and whether one that has not ended is ended for it. */
export interface UndoOptions {
  /** Who does it, for the record. */
  readonly by?: string
  /**
   * Of a run that has not ended and whose code is gone: cancels it, without the code. Refused while a
   * call is in doubt.
   */
  readonly cancel?: boolean
}

/** What a run has registered, in the order in which it is undone. */
export async function undosOf(store: Store, run: string): Promise<readonly UndoInfo[]> {
  const undoables = (await undoablesOf(store, run)).list()
  return Promise.all(
    undoables.map(async (undoable) => {
      const { of, action, input, path, state, error } = undoable
      const result = await resultOf(store, run, undoable)
      return { of, action, input, result, path, state, error }
    }),
  )
}

/** Throws RUN_STATE and UNKNOWN_ACTION. */
export async function undoRun(
  options: HoldingOptions & { readonly actions: Actions },
  run: string,
  how: UndoOptions,
): Promise<readonly UndoInfo[]> {
  checkOptions('undo', how, ['by', 'cancel'])
  checkTexts('undo', { by: how.by })
  const { store, actions } = options
  checkState(run, await stateOf(store, run), how)
  const wanted = await wantedOf(store, run)
  actions.check(namesOf(wanted), run)
  const { status } = await stateOf(store, run)
  if (!isEnd(status.is) || wanted.length > 0) {
    await withRun(options, run, (held) => undoHeld(options, held, how))
  }
  return undosOf(store, run)
}

/** What an operator's undo would execute. */
const wantedOf = async (store: Store, run: string): Promise<readonly Undoable[]> =>
  (await undoablesOf(store, run))
    .list()
    .filter(({ state }) => state === 'registered' || state === 'failed')

const namesOf = (undoables: readonly Undoable[]): string[] => undoables.map(({ action }) => action)

async function undoHeld(
  {
    store,
    ports,
    actions,
    environment = {},
    onTrouble,
  }: HoldingOptions & { readonly actions: Actions },
  held: HeldRun,
  how: UndoOptions,
): Promise<void> {
  const { row, reader, journal, redactor, lost } = held
  const { entry: started, record: beginning } = reader.beginning
  let undoing: Payloads['run.undoing'] | undefined
  try {
    checkState(row.id, reader.state, how)
    actions.check(namesOf(await wantedOf(store, row.id)), row.id)
    undoing = await begin(store, held, how)
  } catch (error) {
    if (EverloopError.is(error) && error.code !== 'FENCED') await held.giveBack([])
    throw error
  }
  if (!undoing) return
  const { by } = how
  await new Promise<void>((resolve, reject) => {
    const compensation = new Compensation({
      row,
      store,
      ports,
      journal,
      actions,
      redactor,
      environment,
      beginning,
      seed: seedOf(started, beginning),
      taints: Taints.of(reader),
      undoing,
      asked: { by },
      onEnd: (end) => (end.is === 'lost' ? reject(end.error) : resolve()),
      onTrouble: (error) => onTrouble(error, row.id),
    })
    lost.catch((error: EverloopError) => compensation.drop(error))
    void compensation.perform()
  })
}

/** Writes down that undoing begins; undefined when nothing was to be undone and the run has ended. */
async function begin(
  store: Store,
  { row, reader, write }: HeldRun,
  { by }: UndoOptions,
): Promise<Payloads['run.undoing'] | undefined> {
  const { state } = reader
  const who = actor(by)
  const place = { scope: '', key: '' } as const
  if (isEnd(state.status.is)) {
    const record = { because: 'asked', ...who } as const
    await write({ drafts: [{ ...place, kind: 'run.undoing', record }] })
    return record
  }
  const taken = await overruledIn(store, row.id)
  if (state.undoing) {
    const resumed: AnyDraft = { ...place, kind: 'run.resumed', record: who }
    if (state.status.is === 'paused') await write({ drafts: [resumed], taken })
    return state.undoing
  }
  const reason = `${by ?? 'An operator'} ended the run without its code.`
  const { drafts, deliver, end } = await cancelWithoutCode(store, row.id, { state, reason, by })
  if (!end) {
    await write({ drafts, deliver, taken })
    return { because: 'cancelled', reason, ...who }
  }
  const told = toParent(row.id, reader.beginning.record, end)
  const release = { wake: undefined, seen: row.newest }
  await write({ drafts, deliver: [...deliver, ...told], taken, release })
  return undefined
}

/** What an operator has done with: whoever took the run over would pause it in the middle of the undoing. */
async function overruledIn(store: Store, run: string): Promise<readonly number[]> {
  const messages = await store.messages(run, [])
  return messages
    .filter(({ kind }) => kind === 'pause' || kind === 'resume' || kind === 'cancel')
    .map(({ number }) => number)
}

/** Writes down that something is not to be undone. */
export async function skipUndo(
  options: HoldingOptions,
  run: string,
  { of, reason, by }: { readonly of: number; readonly reason: string; readonly by?: string },
): Promise<void> {
  if (typeof reason !== 'string' || reason === '') {
    throw new EverloopError('BAD_OPTION', 'skipUndo needs a reason, for the record.', { run })
  }
  await withRun(options, run, async ({ row, reader, giveBack }) => {
    const undoables = await undoablesOf(options.store, run)
    const undoable = undoables.list().find((one) => one.of === of)
    const { status } = reader.state
    const refusal = refusalOf(undoable, of, run) ?? stateRefusal(run, reader.state, {})
    if (refusal || !undoable) {
      await giveBack([])
      throw refusal
    }
    const record = { of, reason, ...actor(by) }
    const key = undoKey(of, undoable.failures)
    const wake = status.is === 'active' ? options.store.clock.now() : row.wake
    await giveBack([{ scope: '', kind: 'undo.skipped', key, record }], wake)
  })
}

function refusalOf(undoable: Undoable | undefined, of: number, run: string): Error | undefined {
  if (!undoable) {
    const message = `Entry ${of} of run "${run}" registered nothing that could be undone. \`everloop runs undo ${run} --list\` shows what is.`
    return new EverloopError('BAD_OPTION', message, { run })
  }
  if (undoable.state !== 'undone' && undoable.state !== 'skipped') return undefined
  const message = `What entry ${of} of run "${run}" registered was ${undoable.state} before.`
  return new EverloopError('RUN_STATE', message, { run })
}

function checkState(run: string, state: RunState, how: UndoOptions): void {
  const refusal = stateRefusal(run, state, how)
  if (refusal) throw refusal
}

/** Why the run is not undone as it stands; undefined when it is, or can be. */
function stateRefusal(
  run: string,
  { status, undoing, waits }: RunState,
  { cancel = false }: UndoOptions,
): EverloopError | undefined {
  if (status.is === 'completed') {
    return new EverloopError(
      'RUN_STATE',
      `Run "${run}" completed: what it has done stands. Only a run that failed or was cancelled is undone.`,
      { run },
    )
  }
  if (isEnd(status.is) || undoing) return undefined
  if (!cancel) return notUndoing(run, status.is)
  const inDoubt = Array.from(waits)
    .filter(([, { kind, record }]) => {
      const isOnce = 'effect' in record && record.effect === 'once'
      return kind === 'effect.doubted' || (kind === 'effect.intended' && isOnce)
    })
    .map(([path]) => `"${path}"`)
  if (inDoubt.length === 0) return undefined
  return new EverloopError(
    'RUN_STATE',
    `Run "${run}" cannot be ended without its code: it is not known whether ${inDoubt.join(', ')} happened, and only the flow's code can find out. Let a worker that has it take the run, or answer the question it asks.`,
    { run },
  )
}

const notUndoing = (run: string, status: string): EverloopError =>
  new EverloopError(
    'RUN_STATE',
    `Run "${run}" is ${status}. Cancel it first: it is undone then. Where no worker has its code any more, \`everloop runs undo ${run} --cancel\` ends and undoes it without.`,
    { run },
  )
