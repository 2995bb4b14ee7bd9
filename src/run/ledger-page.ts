/** How much of a ledger is held at a time where all of it is gone through: an entry may have megabytes. */
import type { EntryRange } from '../store/store.ts'

const entriesMax = 1000
const unitsMax = 4 * 1024 * 1024

/** The next page behind an entry, and no further than another. There are more until one is empty. */
export const pageAfter = (after: number, upTo: number = Infinity): EntryRange => ({
  after,
  limit: Math.min(entriesMax, upTo - after),
  units: unitsMax,
})
