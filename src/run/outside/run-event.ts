/** An entry as whoever watches a run is told of it. */
import { decode, type Entry, operationPath } from '../../ledger/index.ts'

/** One entry, as `events` tells it. */
export interface RunEvent {
  readonly run: string
  /** Its number: the cursor to go on from. */
  readonly seq: number
  readonly time: number
  readonly kind: Entry['kind']
  /** The operation, as its path in the run; "" for what concerns the run as a whole. */
  readonly path: string
  /** The decoded payload; undefined when erased. */
  readonly data: unknown
}

export const eventOf = ({ run, seq, time, kind, scope, key, payload }: Entry): RunEvent => ({
  run,
  seq,
  time,
  kind,
  path: operationPath(scope, key),
  // References are shown as they are: following them is the reader's business.
  data: payload === null ? undefined : decode(payload, { resolve: (ref) => ({ ref }) }),
})
