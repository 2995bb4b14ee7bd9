/** A doubt about a call, what it is resolved to and by whom, and the entry that says so. */
import type { ErrorData } from '../../base/errors.ts'
import type { AnyDraft, Payloads } from '../../ledger/index.ts'
import type { Item } from '../pass/journal.ts'
import type { Operation } from '../pass/operation.ts'

/** What is in doubt: which attempt at the call, and why. */
export interface Doubt extends Pick<Payloads['effect.doubted'], 'attempt' | 'why' | 'error'> {
  /** The error itself, where it was this pass that saw it. */
  readonly thrown?: unknown
}

/** Who knows what became of a call. */
export type Source = Pick<Payloads['effect.resolved'], 'via' | 'by' | 'reason'> &
  Pick<Item, 'taken'>

/** What became of a call that was in doubt. */
export type Resolution = { readonly source: Source } & (
  | { readonly is: 'done'; readonly value: unknown; readonly text: string }
  | { readonly is: 'notDone' }
  /** A person lets it fail without knowing. */
  | { readonly is: 'failed'; readonly error: ErrorData }
)

/** The entry of a resolution. */
export const resolved = (
  { place }: Operation,
  { attempt }: Pick<Doubt, 'attempt'>,
  verdict: Payloads['effect.resolved']['verdict'],
  { via, by, reason }: Source,
): AnyDraft => ({
  ...place,
  kind: 'effect.resolved',
  record: {
    attempt,
    verdict,
    via,
    ...(reason !== undefined && { reason }),
    ...(by !== undefined && { by }),
  },
})
