/** Reading what entries say. */
import { decode } from '../../src/ledger/index.ts'
import type { Entry, Payloads } from '../../src/ledger/index.ts'

/** Checks look at the same entries again and again. */
const decoded = new WeakMap<Entry, unknown>()

/** The decoded payload of an entry of this kind. References inside come out as undefined. */
export function recordOf<K extends keyof Payloads>(entry: Entry, _kind: K): Payloads[K] {
  let record = decoded.get(entry)
  if (record === undefined) {
    record = decode(entry.payload ?? '{}', { resolve: () => undefined })
    decoded.set(entry, record)
  }
  return record as Payloads[K]
}
