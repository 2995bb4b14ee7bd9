/** How much of a ledger is held at a time where all of it is gone through: an entry may have megabytes. */
import { checkLinks, type LinkedEntry } from '../ledger/index.ts'
import type { EntryRange, Store } from '../store/store.ts'

const entriesMax = 1000
const unitsMax = 4 * 1024 * 1024

/** The next page behind an entry, and no further than another. There are more until one is empty. */
export const pageAfter = (after: number, upTo: number = Infinity): EntryRange => ({
  after,
  limit: Math.min(entriesMax, upTo - after),
  units: unitsMax,
})

/** All of a ledger, page by page, as far as it goes when it is read. Throws BROKEN_CHAIN. */
export async function* ledgerPages(
  store: Store,
  run: string,
): AsyncGenerator<readonly LinkedEntry[], void> {
  for (let after = 0; ;) {
    const page = await store.entries(run, pageAfter(after))
    const last = page.at(-1)
    if (!last) return
    checkLinks(page)
    yield page
    after = last.seq
  }
}
