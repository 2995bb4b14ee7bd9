/**
 * What a run would have to undo, read page by page from its whole ledger, closed scopes included. It is
 * read when a run fails or is cancelled, or when somebody asks, and at no other time.
 */
import { checkLinks, decode, Undoables, type Undoable } from '../../ledger/index.ts'
import type { Store } from '../../store/store.ts'
import { ledgerPages } from '../ledger-page.ts'
import { largeIn, largeOf } from '../replay/large.ts'

/** Throws BROKEN_CHAIN. */
export async function undoablesOf(store: Store, run: string): Promise<Undoables> {
  const undoables = new Undoables()
  for await (const page of ledgerPages(store, run)) {
    for (const entry of page) undoables.see(entry)
  }
  return undoables
}

/** What the step returned that is undone; undefined when it is not known to have happened. */
export async function resultOf(store: Store, run: string, undoable: Undoable): Promise<unknown> {
  if (undoable.result === undefined) return undefined
  const entries = await store.entriesAt(run, [undoable.result])
  checkLinks(entries)
  const payload = entries[0]?.payload ?? '{}'
  const large = await largeIn(store, run, payload)
  const record = decode(payload, { resolve: (ref) => large.get(largeOf(ref) ?? '') })
  return (record as { readonly value?: unknown }).value
}
