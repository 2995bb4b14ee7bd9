/** Committing how far an operation has come: what a pass that takes it over will find as its beginning. */
import { decode, encode, type Payloads, type WaitKind } from '../../ledger/index.ts'
import type { Item, ItemDraft } from '../pass/journal.ts'
import type { Operation } from '../pass/operation.ts'
import type { Pass } from '../pass/pass.ts'
import { cleaned, copyOf, type Encoded } from '../replay/large.ts'
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
    drafts: before = [],
    payload: text = encode(record),
    ...item
  }: Omit<Partial<Item>, 'artifacts'> &
    Partial<Encoded> & { readonly kind: K; readonly record: Payloads[K] },
  then: (line: Line<K>) => void,
): void {
  const { redactor } = pass.options
  const clean = cleaned({ payload: text, artifacts: item.artifacts }, redactor)
  const { payload, artifacts } = clean
  const copy = copyOf(record, clean, redactor)
  operation.phase = 'busy'
  pass.commit({
    ...item,
    artifacts,
    drafts: [...before, { ...operation.place, kind, record, payload } as unknown as ItemDraft],
    committed: (entries) => {
      const entry = entries.at(-1)
      if (!entry || operation.scope.closed) return
      const line: Line<K> = { entry, kind, record: (copy ?? decode(payload)) as Payloads[K] }
      operation.begun = line as unknown as Line<WaitKind>
      then(line)
    },
  })
}
