/** Reading what entries say. */
import { decode } from '../../src/ledger/index.ts'
import type { Entry, Payloads } from '../../src/ledger/index.ts'

/** The decoded payload of an entry of this kind. References inside come out as undefined. */
export const recordOf = <K extends keyof Payloads>(entry: Entry, _kind: K): Payloads[K] =>
  decode(entry.payload ?? '{}', { resolve: () => undefined }) as Payloads[K]
