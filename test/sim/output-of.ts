/** What a run has ended with; an output that is too large for an entry stands beside the ledger. */
import { decode } from '../../src/ledger/index.ts'
import type { Entry, Ref } from '../../src/ledger/index.ts'

export function outputOf(end: Entry, artifacts: ReadonlyMap<string, Uint8Array>): unknown {
  const resolve = ([seq, hash]: Ref): unknown =>
    seq === 0 ? decode(Buffer.from(artifacts.get(String(hash)) ?? []).toString()) : undefined
  return (decode(end.payload ?? '{}', { resolve }) as { readonly output: unknown }).output
}
