/**
 * What stores make of entries and messages, one place for all of them: the parts of an entry's
 * effect that become rows, and the rules about wake-ups that do not depend on how rows are kept.
 */
import {
  codeOf,
  type Effect,
  effectOf,
  type Entry,
  questionPlace,
  type RunStatus,
  stateForm,
} from '../ledger/index.ts'
import { type MessageKind, reception, type RunRow } from './store.ts'

/**
 * The entry's effect on a store's rows (S7). Values that no row shows, such as outputs and states,
 * are not decoded: the effect then has undefined in their place.
 */
export function rowEffect(entry: Entry): Effect {
  return effectOf(entry, shortcut(entry))
}

/** A record that is good enough for the rows; undefined when the payload has to be decoded. */
function shortcut({ kind, payload }: Entry): unknown {
  switch (kind) {
    case 'run.paused':
    case 'run.failed':
    case 'run.retried':
    case 'note.titled':
    case 'run.migrated':
    case 'approval.changed':
    case 'effect.doubted': // it asks somebody, or does not
      return undefined
    case 'turn.committed': {
      const form = stateForm(payload)
      return form && (form === 'base' ? { base: null } : {})
    }
    default:
      return {}
  }
}

/** A status as the columns of a run's row. */
export function statusColumns(status: RunStatus): {
  readonly status: RunRow['status']
  readonly code: string | undefined
} {
  return { status: status.is, code: codeOf(status) }
}

/**
 * When a run is due that its holder gives back (S4). `unseen`: the kinds of the messages newer than
 * the holder has seen and that nobody has taken.
 */
export function wakeOnRelease(
  release: { readonly wake: number | undefined },
  status: RunRow['status'],
  unseen: readonly MessageKind[],
  now: number,
): number | undefined {
  if (status === 'completed' || status === 'cancelled') return undefined
  if (!unseen.some((kind) => reception(kind, status) === 'wake')) return release.wake
  return Math.min(release.wake ?? now, now)
}

/** The number of the entry that asked this question, when it can be one of this run at all. */
export function questionSeq(run: string, question: string): number | undefined {
  const place = questionPlace(question)
  return place.run === run && place.seq > 0 ? place.seq : undefined
}
