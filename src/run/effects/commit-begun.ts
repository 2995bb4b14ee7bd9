/** Committing how far an operation has come: what a pass that takes it over will find as its beginning. */
import type { WaitKind } from '../../ledger/index.ts'
import type { Item } from '../pass/journal.ts'
import type { Operation } from '../pass/operation.ts'
import type { Pass } from '../pass/pass.ts'
import { operationEntry, type Recording } from '../pass/operation-entry.ts'
import type { Line } from '../replay/recorded.ts'

/**
 * Commits the entry behind what the item brings. Once that is durable the operation has begun so, and
 * `then` is called, unless its scope has closed meanwhile.
 */
export function commitBegun<K extends WaitKind>(
  pass: Pass,
  operation: Operation,
  {
    kind,
    record,
    payload,
    artifacts: given,
    drafts: before = [],
    ...item
  }: Omit<Partial<Item>, 'artifacts'> & Recording<K>,
  then: (line: Line<K>) => void,
): void {
  const recording = { kind, record, payload, artifacts: given }
  const { draft, artifacts, line } = operationEntry(operation, recording, pass.options.redactor)
  operation.phase = 'busy'
  pass.commit({
    ...item,
    artifacts,
    drafts: [...before, draft],
    committed: (entries) => {
      const entry = entries.at(-1)
      if (!entry || operation.scope.closed) return
      const begun = line(entry)
      operation.begun = begun as unknown as Line<WaitKind>
      then(begun)
    },
  })
}
