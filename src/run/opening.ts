/**
 * Whether a claimed run may go on: paused, failed, crash-looping and cancelled runs are decided upon
 * here, before any of their code is executed.
 */
import type { AnyDraft, RunState } from '../ledger/index.ts'
import type { Message, NewMessage, RunRow, Store } from '../store/store.ts'
import { actor } from './actor.ts'
import { cancelMessage } from './cancel-message.ts'
import { isPast, missed } from './deadline.ts'
import { type RunEnd, toParent } from './ending.ts'
import { recordOf } from './inbox.ts'
import { beginningOf, type Reader } from './reader.ts'
import { retryFrom } from './retry.ts'
import { pausedDraft } from './stop.ts'
import { undoablesOf } from './undo-plan.ts'

/** Losses of a worker without a new entry after which a run is parked. */
export const barrenMax = 3

export type Opening =
  /** The run goes on as it is. */
  | { readonly is: 'open' }
  /** The run goes on after these entries. */
  | {
      readonly is: 'reopened'
      readonly drafts: readonly AnyDraft[]
      readonly taken: readonly number[]
      readonly deliver?: readonly NewMessage[]
    }
  /** The run does not go on. */
  | {
      readonly is: 'refused'
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

/** Decides from the ledger and the inbox, before any code runs. */
export async function openingOf(store: Store, row: RunRow, reader: Reader): Promise<Opening> {
  const { state } = reader
  const { status } = state
  const messages = row.newest === 0 ? [] : await store.messages(row.id, [])
  const find = (kind: Message['kind']): Message | undefined =>
    messages.find((message) => message.kind === kind)
  const cancel = find('cancel')
  /** Whoever lets a run go on, or cancels it, has done with what was to stop it before. */
  const before = ({ number: last }: Message, kinds: readonly Message['kind'][]): number[] =>
    messages.flatMap(({ kind, number }) => (kinds.includes(kind) && number < last ? [number] : []))
  switch (status.is) {
    case 'active': {
      // Code that has not begun, or that kills its process, is not executed to be cancelled.
      const isDeadly = row.barren >= barrenMax
      if (!isDeadly && state.undoing) return { is: 'open' }
      if (cancel && !state.undoing && (row.seq === 1 || isDeadly)) {
        return cancelled(store, reader, { state, cancel, overruled: before(cancel, ['pause']) })
      }
      const { record: beginning } = beginningOf(reader)
      if (row.seq === 1 && isPast(beginning.deadline, store.clock)) {
        const end = missed(row.id)
        const drafts = [{ scope: '', key: '', ...end }]
        return { is: 'refused', drafts, taken: [], deliver: toParent(row.id, beginning, end) }
      }
      if (!isDeadly) return { is: 'open' }
      const message = `The run lost its worker ${row.barren} times in a row without writing an entry: executing it probably kills the process. Mend the flow's code, then resume the run.`
      // A run that is being undone is ending already: there is nothing left to cancel.
      const taken = cancel ? [cancel.number] : []
      return { is: 'refused', drafts: [pausedDraft({ code: 'CRASH_LOOP', message })], taken }
    }
    case 'paused': {
      const resume = find('resume')
      if (cancel && state.undoing && !resume) {
        // It is ending already, and waits for what it needs to undo what it has done.
        return { is: 'refused', drafts: [], taken: [cancel.number] }
      }
      if (cancel && !state.undoing && deadPauses.includes(status.code)) {
        return cancelled(store, reader, { state, cancel, overruled: before(cancel, ['pause']) })
      }
      if (!resume && !cancel) return { is: 'refused', drafts: [], taken: [] }
      const { by } = resume ? recordOf<'resume'>(resume) : recordOf<'cancel'>(cancel as Message)
      const record = actor(by)
      return {
        is: 'reopened',
        drafts: [{ scope: '', kind: 'run.resumed', key: '', record }],
        taken: [
          ...before((resume ?? cancel) as Message, ['pause']),
          ...(resume ? [resume.number] : []),
        ],
      }
    }
    case 'failed': {
      const retry = find('retry')
      if (!retry) return { is: 'refused', drafts: [], taken: [] }
      // Its time is over, and a retry would not give it any. Those who ask are refused (retry.ts).
      // What was undone would have to be done again, which is another run.
      if (status.error.code === 'DEADLINE' || state.undoing) {
        return { is: 'refused', drafts: [], taken: [retry.number] }
      }
      const { by } = recordOf<'retry'>(retry)
      const record = {
        ...(await retryFrom(store, row.id, status.cause)),
        ...actor(by),
      }
      return {
        is: 'reopened',
        drafts: [{ scope: '', kind: 'run.retried', key: '', record }],
        // A cancel that came too late to end the run has been overruled, as one that was taken is.
        taken: [...before(retry, ['pause', 'cancel']), retry.number],
      }
    }
    case 'completed':
    case 'cancelled':
      return { is: 'refused', drafts: [], taken: messages.map(({ number }) => number) }
  }
}

/** Ends a run without executing its code, which has not begun, or must not go on. Undoes it before. */
async function cancelled(
  store: Store,
  reader: Reader,
  {
    state,
    cancel,
    overruled,
  }: {
    readonly state: RunState
    readonly cancel: Message
    /** The messages that it goes before: one that is left would pause the undoing. */
    readonly overruled: readonly number[]
  },
): Promise<Opening> {
  const { entry, record: beginning } = beginningOf(reader)
  const taken = [...overruled, cancel.number]
  const { reason, by } = recordOf<'cancel'>(cancel)
  const { drafts, deliver, end } = await cancelWithoutCode(store, entry.run, {
    state,
    reason,
    by,
  })
  if (!end) return { is: 'reopened', drafts, taken, deliver }
  return {
    is: 'refused',
    drafts,
    taken,
    deliver: [...deliver, ...toParent(entry.run, beginning, end)],
  }
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
  const deliver = Array.from(state.waits.values()).flatMap(({ kind, record }) =>
    kind === 'child.started' && 'run' in record ? [cancelMessage(record.run, reason)] : [],
  )
  const undoables = await undoablesOf(store, run)
  if (undoables.list().length === 0) {
    const end: RunEnd = { kind: 'run.cancelled', record: { reason } }
    return { drafts: [{ scope: '', key: '', ...end }], deliver, end }
  }
  const who = actor(by)
  const resumed: AnyDraft = { scope: '', kind: 'run.resumed', key: '', record: who }
  const record = { because: 'cancelled', reason, ...who } as const
  const undoing: AnyDraft = { scope: '', kind: 'run.undoing', key: '', record }
  const isPaused = state.status.is === 'paused'
  return { drafts: isPaused ? [resumed, undoing] : [undoing], deliver, end: undefined }
}

/** A take-over is written down together with the first progress after it. */
export const preludeOf = ({ barren, crashes, overtakes }: RunRow): AnyDraft | undefined =>
  barren === 0
    ? undefined
    : {
        scope: '',
        kind: 'run.overtaken',
        key: '',
        record: { lost: crashes >= overtakes ? 'crash' : 'lease', times: barren },
      }
