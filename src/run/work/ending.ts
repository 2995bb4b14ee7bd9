/** How a run ends: the last entry, and who is told of it; and whether it must be undone before. */
import { EverloopError } from '../../base/errors.ts'
import { encode, errorData } from '../../ledger/index.ts'
import type { Payloads } from '../../ledger/index.ts'
import type { NewMessage } from '../../store/store.ts'
import { isPast, missed } from './deadline.ts'
import type { MessageRecords } from '../pass/inbox.ts'
import type { Item, ItemDraft } from '../pass/journal.ts'
import { cleaned, payloadWith } from '../replay/large.ts'
import type { Left } from '../pass/leaving.ts'
import type { Pass } from '../pass/pass.ts'
import { patiently } from '../patience.ts'
import { failure } from '../operations/scopes.ts'
import { pausedDraft } from '../pass/stop.ts'
import type { Taints } from '../pass/taints.ts'
import { undoablesOf } from '../undo/undo-plan.ts'

/** What became of the flow's function. */
export type Performance = { readonly output: unknown } | { readonly thrown: unknown }

/**
 * What is written when the code has ended. It gives the run back, for good or to be undone. An output that
 * cannot be written fails the run: executed again, it would be the same. Never rejects.
 */
export async function lastItem(
  pass: Pass,
  beginning: Payloads['run.started'],
  became: Performance,
  left: Left,
): Promise<Item> {
  const { end, item } = endingOf(pass, beginning, became, left)
  if (end.kind === 'run.completed') return item
  try {
    if (!(await isUndoable(pass))) return item
    await pass.landings.settled(pass.ports)
    return undoingItem(pass, end, left)
  } catch (thrown) {
    const release = { wake: undefined, seen: pass.mailbox.seen }
    const isOurs = EverloopError.is(thrown)
    if (isOurs && thrown.code === 'BROKEN_CHAIN') return { drafts: [pausedDraft(thrown)], release }
    const message = `What run "${pass.run}" would have to undo could not be read.`
    pass.drop(
      isOurs ? thrown : new EverloopError('INTERNAL', message, { run: pass.run, cause: thrown }),
    )
    return { drafts: [] }
  }
}

function endingOf(
  pass: Pass,
  beginning: Payloads['run.started'],
  became: Performance,
  left: Left,
): { readonly end: RunEnd; readonly item: Item } {
  const ending = (of: Performance): { readonly end: RunEnd; readonly item: Item } => {
    const end = endOf(pass, of)
    return { end, item: itemOf(pass, beginning, end, left) }
  }
  try {
    return ending(became)
  } catch (thrown) {
    return ending({ thrown })
  }
}

/**
 * What is written when the run completes with this output, which can be written. Whoever asks for it has looked
 * whether the run is cancelled or late: a deadline that passes meanwhile must not end it here, with nothing undone.
 */
export const completedItem = (pass: Pass, output: unknown, left: Left): Item =>
  itemOf(pass, pass.reader.beginning.record, { kind: 'run.completed', record: { output } }, left)

/** Whether there is anything to undo, once all that the pass has pushed is durable. */
async function isUndoable(pass: Pass): Promise<boolean> {
  const { journal, store, run } = pass
  if (journal.pending) {
    await new Promise((resolve) => journal.push({ drafts: [], committed: resolve }))
  }
  const undoables = await patiently(pass.options, () => undoablesOf(store, run))
  return undoables.list().length > 0
}

/** The code has ended and is not executed again: whoever claims the run undoes it, then ends it. */
function undoingItem(
  pass: Pass,
  end: Exclude<RunEnd, { kind: 'run.completed' }>,
  left: Left,
): Item {
  const { reason, error, cause }: UndoneEnd = end.record
  const record = {
    because: end.kind === 'run.failed' ? 'failed' : 'cancelled',
    ...(error === undefined ? {} : { error }),
    ...(reason === undefined ? {} : { reason }),
    ...(cause === undefined ? {} : { cause }),
    ...(left.abandoned === undefined ? {} : { abandoned: left.abandoned }),
  } as const
  return {
    drafts: [{ scope: '', kind: 'run.undoing', key: '', record }],
    deliver: left.deliver,
    release: { wake: pass.store.clock.now(), seen: pass.mailbox.seen },
  }
}

type UndoneEnd = Pick<Payloads['run.undoing'], 'reason' | 'error' | 'cause'>

function itemOf(pass: Pass, beginning: Payloads['run.started'], end: RunEnd, left: Left): Item {
  const abandoned = left.abandoned === undefined ? {} : { abandoned: left.abandoned }
  const record = { ...end.record, ...abandoned }
  const { payload, artifacts } =
    end.kind === 'run.completed'
      ? cleaned(payloadWith('output', encode(end.record.output), abandoned), pass.options.redactor)
      : {}
  return {
    artifacts,
    drafts: [{ scope: '', key: '', kind: end.kind, record, payload } as ItemDraft],
    deliver: [...left.deliver, ...toParent(pass.run, beginning, end, pass.options.taints)],
    release: { wake: undefined, seen: pass.mailbox.seen },
  }
}

/** The entry that a run ends with. */
export type RunEnd =
  | { readonly kind: 'run.completed'; readonly record: Payloads['run.completed'] }
  | { readonly kind: 'run.failed'; readonly record: Payloads['run.failed'] }
  | { readonly kind: 'run.cancelled'; readonly record: Payloads['run.cancelled'] }

/** A cancel that was taken decides, even where the code came to its end before it was told. */
function endOf(pass: Pass, end: Performance): RunEnd {
  const { cancelling: cancel } = pass.recorded
  // Code that asks for nothing more may be at its end before anybody has looked.
  if (cancel?.deadline || isPast(pass.deadline, pass.store.clock)) return missed(pass.run)
  if (cancel) {
    const { reason } = cancel
    const other =
      'thrown' in end && end.thrown !== pass.cancelled ? { error: errorData(end.thrown) } : {}
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
export function toParent(
  run: string,
  { parent }: Payloads['run.started'],
  end: RunEnd,
  taints?: Taints,
): NewMessage[] {
  if (!parent) return []
  const payload = payloadOf(end, taints?.told())
  return [{ run: parent.run, kind: 'child', name: run, payload }]
}

function payloadOf(end: RunEnd, told: Pick<MessageRecords['child'], 'taints'> = {}): string {
  if (end.kind === 'run.completed') {
    // Put together from texts: an output that is just within the limits must fit into a message too.
    const rest = encode({ status: 'completed', ...told }).slice(1)
    return `{"output":${encode(end.record.output)},${rest}`
  }
  const record: MessageRecords['child'] =
    end.kind === 'run.failed'
      ? { status: 'failed', error: end.record.error, ...told }
      : { status: 'cancelled', error: { name: 'Cancelled', message: end.record.reason }, ...told }
  return encode(record)
}
