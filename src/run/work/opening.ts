/**
 * Whether a claimed run may go on: paused, failed, crash-looping and cancelled runs are decided upon
 * here, before any of their code is executed.
 */
import type { AnyDraft, Payloads, RunState, RunStatus } from '../../ledger/index.ts'
import type { Message, NewMessage, RunRow, Store } from '../../store/store.ts'
import { actor } from '../actor.ts'
import { cancelMessage } from '../pass/cancel-message.ts'
import { isPast, missed } from './deadline.ts'
import { earlyUntil } from './early.ts'
import { type RunEnd, toParent } from './ending.ts'
import { recordOf } from '../pass/inbox.ts'
import { type Reader } from '../replay/reader.ts'
import { retryFrom } from '../replay/retry.ts'
import { askedPause, pausedDraft } from '../pass/stop.ts'
import { undoablesOf } from '../undo/undo-plan.ts'

/** Losses of a worker without a new entry after which a run is parked. */
export const barrenMax = 3

export type Opening =
  /** The run goes on as it is. */
  | { readonly is: 'open' }
  /** The run goes on after this. */
  | ({ readonly is: 'reopened' } & Written)
  /** The run does not go on, or only when it is due again. */
  | ({ readonly is: 'refused'; readonly due?: number } & Written)

/** What is written when a run is opened, the messages that it takes, and those that it sends. */
interface Written {
  readonly drafts: readonly AnyDraft[]
  readonly taken: readonly number[]
  readonly deliver?: readonly NewMessage[]
}

/** Pauses after which the flow's code cannot or must not be executed, not even to cancel. */
const deadPauses: readonly string[] = [
  'CRASH_LOOP',
  'DIVERGED',
  'DRIFTED',
  'BROKEN_CHAIN',
  'HIDDEN_STATE',
]

/** What is decided about, and what speaks for and against it. */
interface Matter {
  readonly store: Store
  readonly row: RunRow
  readonly reader: Reader
  /** Those that nobody has taken. */
  readonly messages: readonly Message[]
}

/** The oldest message of this kind. */
const firstOf = (messages: readonly Message[], kind: Message['kind']): Message | undefined =>
  messages.find((message) => message.kind === kind)

/** Whoever lets a run go on, or cancels it, overrules what was to stop it before. */
const overruledBy = (
  { number: last }: Message,
  messages: readonly Message[],
  kinds: readonly Message['kind'][],
): number[] =>
  messages
    .filter(({ kind, number }) => kinds.includes(kind) && number < last)
    .map(({ number }) => number)

/**
 * Who agrees to other runs in the place of children (R5), of those who have asked up to this one that the run goes
 * on. What was agreed to before somebody stopped the run again counts no more.
 */
function consentUpTo(last: Message, messages: readonly Message[]): Message | undefined {
  const before = messages.filter(({ number }) => number <= last.number)
  const stop = before.findLastIndex(({ kind }) => kind === 'cancel' || kind === 'pause')
  return before
    .slice(stop + 1)
    .findLast((message) => message.kind === last.kind && recordOf<'retry'>(message).anew)
}

/** Decides from the ledger and the inbox, before any code runs. */
export async function openingOf(store: Store, row: RunRow, reader: Reader): Promise<Opening> {
  const { status } = reader.state
  const messages = row.newest === 0 ? [] : await store.messages(row.id, [])
  const matter = { store, row, reader, messages }
  switch (status.is) {
    case 'active':
      return activeOpening(matter)
    case 'paused':
      return pausedOpening(matter, status.code)
    case 'failed':
      return failedOpening(matter, status)
    case 'completed':
    case 'cancelled':
      return { is: 'refused', drafts: [], taken: messages.map(({ number }) => number) }
  }
}

async function activeOpening(matter: Matter): Promise<Opening> {
  const { store, row, reader, messages } = matter
  const { undoing } = reader.state
  const cancel = firstOf(messages, 'cancel')
  const early = earlyUntil(reader, store.clock)
  const hasBegun = row.seq > 1 && early === undefined
  // Code that has not begun, or that kills its process, is not executed to be cancelled.
  const isDeadly = row.barren >= barrenMax
  if (!isDeadly && undoing) return { is: 'open' }
  if (cancel && !undoing && (!hasBegun || isDeadly)) return cancelled(matter, cancel)
  const { record: beginning } = reader.beginning
  if (!hasBegun && isPast(beginning.deadline, store.clock)) {
    const end = missed(row.id)
    const drafts = [{ scope: '', key: '', ...end }]
    return { is: 'refused', drafts, taken: [], deliver: toParent(row.id, beginning, end) }
  }
  if (early !== undefined) return earlyOpening(messages, early)
  if (!isDeadly) return { is: 'open' }
  const message = `The run lost its worker ${row.barren} times in a row without writing an entry: executing it probably kills the process, or freezes it for longer than its lease. Mend the flow's code, then resume the run; where the machine slept, or had no time for its processes, only resume it.`
  // A run that is being undone is ending already: there is nothing left to cancel.
  const taken = cancelsIn(messages)
  return { is: 'refused', drafts: [pausedDraft({ code: 'CRASH_LOOP', message })], taken }
}

/** All of them: those that say nothing new are taken with the first, or they would stay for ever. */
const cancelsIn = (messages: readonly Message[]): number[] =>
  messages.filter(({ kind }) => kind === 'cancel').map(({ number }) => number)

/** A run whose time has not come waits for it, unless somebody has paused it. */
function earlyOpening(messages: readonly Message[], due: number): Opening {
  const pauses = messages.filter(({ kind }) => kind === 'pause')
  const taken = pauses.map(({ number }) => number)
  const drafts = pauses
    .slice(0, 1)
    .map((pause) => pausedDraft(askedPause(recordOf<'pause'>(pause))))
  return { is: 'refused', drafts, taken, ...(pauses.length > 0 ? {} : { due }) }
}

async function pausedOpening(matter: Matter, code: string): Promise<Opening> {
  const { store, reader, messages } = matter
  const { undoing } = reader.state
  const early = earlyUntil(reader, store.clock)
  const cancel = firstOf(messages, 'cancel')
  const resumes = messages.filter(({ kind }) => kind === 'resume')
  const resume = resumes.at(-1)
  // A run that is being undone is ending already, and waits for what it needs for that.
  if (cancel && undoing && !resume) {
    return { is: 'refused', drafts: [], taken: cancelsIn(messages) }
  }
  if (cancel && !undoing && (early !== undefined || deadPauses.includes(code))) {
    return cancelled(matter, cancel)
  }
  const reason = resume ?? cancel
  if (!reason) return { is: 'refused', drafts: [], taken: [] }
  // A cancel is taken when the code is told of it.
  // All resumes are: one that were left would let the run go on from a later pause, too.
  const taken = [
    ...overruledBy(reason, messages, ['pause']),
    ...resumes.map(({ number }) => number),
  ]
  const agreed = resume && consentUpTo(resume, messages)
  const { by } = recordOf<'resume' | 'cancel'>(agreed ?? reason)
  const record = { ...(agreed ? { anew: true as const } : {}), ...actor(by) }
  const drafts: readonly AnyDraft[] = [{ scope: '', kind: 'run.resumed', key: '', record }]
  return early === undefined
    ? { is: 'reopened', drafts, taken }
    : { is: 'refused', drafts, taken, due: early }
}

async function failedOpening(
  { store, row, reader, messages }: Matter,
  { error, cause }: Extract<RunStatus, { is: 'failed' }>,
): Promise<Opening> {
  // What was asked for between two retries is overruled by the later one.
  const retry = messages.findLast(({ kind }) => kind === 'retry')
  if (!retry) return { is: 'refused', drafts: [], taken: [] }
  // Its time is over, and a retry would not give it any. Those who ask are refused (retry.ts).
  // What was undone would have to be done again, which is another run.
  if (error.code === 'DEADLINE' || reader.state.undoing) {
    return { is: 'refused', drafts: [], taken: messages.map(({ number }) => number) }
  }
  // Who agrees to other runs is named, whoever else has asked for a retry.
  const agreed = consentUpTo(retry, messages)
  const { by, anew } = recordOf<'retry'>(agreed ?? retry)
  const moved = reader.open.findLast(({ kind }) => kind === 'run.migrated')?.seq
  const forgotten = await retryFrom(store, row.id, { cause, moved })
  const record = { ...forgotten, ...(anew ? { anew } : {}), ...actor(by) }
  return {
    is: 'reopened',
    drafts: [{ scope: '', kind: 'run.retried', key: '', record }],
    // A cancel that came too late to end the run has been overruled, as one that was taken is.
    taken: [...overruledBy(retry, messages, ['pause', 'cancel', 'retry']), retry.number],
  }
}

/** Ends a run without executing its code, which has not begun or must not go on. Undoes it first. */
async function cancelled({ store, reader, messages }: Matter, cancel: Message): Promise<Opening> {
  const { entry, record: beginning } = reader.beginning
  const { reason, by } = recordOf<'cancel'>(cancel)
  const { state } = reader
  // A pause that were left would stop the undoing.
  const taken = [...overruledBy(cancel, messages, ['pause']), cancel.number]
  const { drafts, deliver, end } = await cancelWithoutCode(store, entry.run, { state, reason, by })
  if (!end) return { is: 'reopened', drafts, taken, deliver }
  const told = toParent(entry.run, beginning, end)
  return { is: 'refused', drafts, taken, deliver: [...deliver, ...told] }
}

/**
 * What is written and who is told when a run is cancelled whose code is not executed for it. Without
 * an `end`, it has to be undone first.
 */
export async function cancelWithoutCode(
  store: Store,
  run: string,
  how: { readonly state: RunState; readonly reason: string; readonly by: string | undefined },
): Promise<{
  readonly drafts: readonly AnyDraft[]
  readonly deliver: readonly NewMessage[]
  readonly end: RunEnd | undefined
}> {
  const { state, reason, by } = how
  const who = actor(by)
  const deliver = Array.from(state.waits.values()).flatMap(({ kind, record }) =>
    kind === 'child.started' && 'run' in record ? [cancelMessage(record.run, reason)] : [],
  )
  const undoables = await undoablesOf(store, run)
  if (undoables.list().length === 0) {
    const end: RunEnd = { kind: 'run.cancelled', record: { reason, ...who } }
    return { drafts: [{ scope: '', key: '', ...end }], deliver, end }
  }
  const resumed: AnyDraft = { scope: '', kind: 'run.resumed', key: '', record: who }
  const record = { because: 'cancelled', reason, ...who } as const
  const undoing: AnyDraft = { scope: '', kind: 'run.undoing', key: '', record }
  const isPaused = state.status.is === 'paused'
  return { drafts: isPaused ? [resumed, undoing] : [undoing], deliver, end: undefined }
}

/**
 * A take-over is written down together with the first progress after it. The row counts losses of a
 * run's whole life, so those that its ledger has told of are taken off: what is left was lost since.
 */
export function preludeOf(
  { barren, crashes, overtakes }: RunRow,
  reader: Reader | undefined,
): AnyDraft | undefined {
  if (barren === 0) return undefined
  const told = (reader?.open ?? [])
    .filter(({ kind, payload }) => kind === 'run.overtaken' && payload !== null)
    .map((entry) => reader?.line(entry).record as Payloads['run.overtaken'])
    .reduce((sum, { lost, times }) => sum + (lost === 'crash' ? times : 0), 0)
  // An imported run begins to count anew.
  const recent = Math.max(crashes - told, barren - overtakes)
  const lost = recent * 2 >= barren ? 'crash' : 'lease'
  return { scope: '', kind: 'run.overtaken', key: '', record: { lost, times: barren } }
}
