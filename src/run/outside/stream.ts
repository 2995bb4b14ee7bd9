/**
 * A run as it happens: its entries, and between them the text of steps under way. The order is that
 * of the store: a chunk names the entry that was the last when it was published.
 *
 * Text is shown once it is there, and is replaced by the entry that holds all of it. Whoever comes
 * later than that gets the entry alone; a cursor that points into such text goes on with the entry.
 */
import { EverloopError } from '../../base/errors.ts'
import type { Chunk, RunRow, Store } from '../../store/store.ts'
import { pageAfter } from '../ledger-page.ts'
import type { Changes } from './changes.ts'
import { orEnd } from './endable.ts'
import { eventOf, type RunEvent } from './run-event.ts'
import { hasEnded } from './run-info.ts'

/** What a stream gives. `cursor`: where to go on behind this item, after a restart, from anywhere. */
export type StreamItem =
  /** An entry of the ledger. It replaces the text that was shown of its operation, and inside of it. */
  | { readonly type: 'entry'; readonly event: RunEvent; readonly cursor: string }
  /** More text of a step under way. */
  | {
      readonly type: 'text'
      /** The step, as its path in the run. */
      readonly path: string
      readonly attempt: number
      readonly text: string
      readonly cursor: string
    }
  /** The step began anew: what was shown of it so far is void. */
  | {
      readonly type: 'restarted'
      readonly path: string
      /** The one whose text follows. */
      readonly attempt: number
      readonly cursor: string
    }

/** How many chunks are read at a time. */
const chunksMax = 500

interface StreamFrom {
  readonly from: string | undefined
  readonly row: () => Promise<RunRow>
  /** Aborted when nobody watches any more. */
  readonly end: AbortSignal
}

/** Entries and text from behind the cursor on, as they come, until the run has ended. */
export async function* streamOf(
  { store, changes }: { readonly store: Store; readonly changes: Changes },
  run: string,
  { from, row, end }: StreamFrom,
): AsyncGenerator<StreamItem, void> {
  let { seq, number } = placeOf(run, from)
  const cursor = (): string => `${seq}.${number}`
  while (!end.aborted) {
    const watching = changes.watch(run, 'entries')
    try {
      // Read before the rest: what ended by then has all its entries behind it.
      const now = await row()
      const entries = await store.entries(run, pageAfter(seq))
      for (const entry of entries) {
        if (end.aborted) return
        seq = entry.seq
        yield { type: 'entry', event: eventOf(entry), cursor: cursor() }
      }
      if (entries.length > 0) continue
      // What is still there behind all entries that were read belongs to no step that they end.
      const chunks = await store.chunks(run, number, chunksMax)
      for (const chunk of chunks) {
        if (end.aborted) return
        if (chunk.seq > seq) break // an entry that has come meanwhile goes before it
        number = chunk.number
        yield { ...itemOf(chunk), cursor: cursor() }
      }
      if (chunks.length > 0) continue
      if (hasEnded(now, store.clock.now())) return
      await orEnd(watching.changed, end)
    } finally {
      watching.stop()
    }
  }
}

const itemOf = ({ path, attempt, part, text }: Chunk) =>
  part === 0
    ? ({ type: 'restarted', path, attempt } as const)
    : ({ type: 'text', path, attempt, text } as const)

function placeOf(
  run: string,
  from: string | undefined = '0.0',
): { readonly seq: number; readonly number: number } {
  const [, seq, number] = /^(\d{1,15})\.(\d{1,15})$/.exec(from) ?? []
  if (seq !== undefined) return { seq: Number(seq), number: Number(number) }
  throw new EverloopError('BAD_OPTION', 'stream({ from }) takes the `cursor` of an item.', { run })
}
