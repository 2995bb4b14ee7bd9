/** How a cancel of a run begins, and how its children hear of it. */
import type { Payloads } from '../../ledger/index.ts'
import { cancelChild } from './cancel-message.ts'
import type { Item } from './journal.ts'
import type { Operation } from './operation.ts'
import type { Operations } from './operations.ts'
import type { Recorded } from '../replay/recorded.ts'

/** What a pass does here. */
export interface Cancellable {
  readonly run: string
  readonly recorded: Recorded
  readonly operations: Operations
  commit(item: Item): void
}

/** Commits the beginning of a cancel, and passes it on to the children. */
export function beginCancelling(
  pass: Cancellable,
  record: Payloads['run.cancelling'],
  taken: readonly number[] = [],
): void {
  const { recorded } = pass
  if (recorded.cancelling) return pass.commit({ drafts: [], taken })
  recorded.cancelling = record // nothing that is written later comes before it
  const deliver = [...pass.operations]
    .filter(({ scope }) => !scope.shielded)
    .flatMap(cancelChild(record.reason))
  pass.commit({
    drafts: [{ scope: '', kind: 'run.cancelling', key: '', record }],
    taken,
    deliver,
    committed: ([entry]) => {
      if (entry) recorded.push({ entry, kind: 'run.cancelling', record })
    },
  })
}

/** Nobody may have asked for the child yet when a cancel went out to the children. */
export function passOnCancel(pass: Cancellable, operation: Operation): void {
  const { recorded, run } = pass
  const { cancelling } = recorded
  if (!cancelling || operation.scope.shielded || recorded.holds(operation.path)) return
  const id = `cancel of ${run}` // once, however many passes meet it
  const messages = cancelChild(cancelling.reason)(operation)
  pass.commit({ drafts: [], deliver: messages.map((message) => ({ ...message, id })) })
}
