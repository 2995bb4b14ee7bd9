/**
 * What a retried run does about a success that the retry has taken out of the queue: it is not done
 * a second time. The operation ends with an entry of its own kind and the same payload, so that
 * replays hand it over at the place where the code has asked for it now. What it cost was charged
 * when it was done, and is not charged again.
 */
import { withoutCharge } from '../../ledger/index.ts'
import type { OutcomeKind, Payloads } from '../../ledger/index.ts'
import { misfitOf } from '../effects/meet.ts'
import type { Live, Operation } from '../pass/operation.ts'
import type { Recorded } from './recorded.ts'

/** What a pass does here. */
interface Repeating {
  readonly recorded: Recorded
  conclude<K extends OutcomeKind>(
    operation: Operation,
    kind: K,
    record: Payloads[K],
    item: { readonly payload: string | undefined },
  ): void
  diverge(what: string): void
}

/** The operation at this path as one that has succeeded already; undefined unless it has. */
export function repeated(pass: Repeating, path: string, live: Live): Live | undefined {
  const done = pass.recorded.doneAt(path)
  if (!done) return undefined
  const { line, begun } = done
  const { input, shielded, unrepeatable } = live
  return {
    input,
    shielded,
    unrepeatable,
    begin: (operation: Operation): void => {
      const { kind, record, entry } = line
      const misfit = misfitOf(operation, line)
      if (misfit !== undefined) return pass.diverge(misfit)
      operation.begun ??= begun
      operation.holds = unrepeatable === true
      const payload = entry.payload === null ? undefined : withoutCharge(entry.payload)
      pass.conclude(operation, kind, record, { payload })
    },
  }
}
