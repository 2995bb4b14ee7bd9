/** How a run ends: the last entry, and who is told of it. */
import { encode, errorData } from '../ledger/index.ts'
import type { AnyDraft, Payloads } from '../ledger/index.ts'
import type { NewMessage } from '../store/store.ts'
import type { MessageRecords } from './inbox.ts'
import type { Item } from './journal.ts'
import { payloadWith } from './large.ts'
import type { Left } from './leaving.ts'
import type { Pass } from './pass.ts'
import { failure } from './scopes.ts'

/** What became of the flow's function. */
export type Performance = { readonly output: unknown } | { readonly thrown: unknown }

/**
 * The last thing that is written of a run. It gives the run back for good. What cannot be written
 * fails the run: it would be no other when it was executed again.
 */
export function lastItem(
  pass: Pass,
  beginning: Payloads['run.started'],
  became: Performance,
  left: Left,
): Item {
  try {
    return itemOf(pass, beginning, became, left)
  } catch (thrown) {
    return itemOf(pass, beginning, { thrown }, left)
  }
}

function itemOf(
  pass: Pass,
  beginning: Payloads['run.started'],
  became: Performance,
  left: Left,
): Item {
  const abandoned = left.abandoned === undefined ? {} : { abandoned: left.abandoned }
  const end = endOf(pass, became)
  const draft = { scope: '', key: '', kind: end.kind, record: { ...end.record, ...abandoned } }
  return {
    ...(end.kind === 'run.completed'
      ? payloadWith('output', encode(end.record.output), abandoned)
      : {}),
    drafts: [draft as AnyDraft],
    deliver: [...left.deliver, ...toParent(pass.run, beginning, end)],
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
  if (cancel?.deadline) {
    const message = `Run "${pass.run}" did not end before its deadline.`
    return {
      kind: 'run.failed',
      record: { error: { name: 'EverloopError', code: 'DEADLINE', message } },
    }
  }
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
): NewMessage[] {
  if (!parent) return []
  return [
    { run: parent.run, kind: 'child', name: run, payload: payloadOf(end), id: `end of ${run}` },
  ]
}

function payloadOf(end: RunEnd): string {
  // Put together from texts: an output that is just within the limits must fit into a message too.
  if (end.kind === 'run.completed')
    return `{"status":"completed","output":${encode(end.record.output)}}`
  const record: MessageRecords['child'] =
    end.kind === 'run.failed'
      ? { status: 'failed', error: end.record.error }
      : { status: 'cancelled', error: { name: 'Cancelled', message: end.record.reason } }
  return encode(record)
}
