/** L19, L20 and L21: what is undone, when, and in which order. */
import type { EntryKind } from '../entry.ts'
import type { ReadEntry } from '../read-entry.ts'
import { Undoables } from '../undo.ts'
import { type Invariant, invariant } from './invariant.ts'

const compensating: ReadonlySet<EntryKind> = new Set([
  'undo.retrying',
  'undo.completed',
  'undo.failed',
  'undo.skipped',
])

/** What may be said of a run whose code is not executed any more. */
const afterUndoing: ReadonlySet<EntryKind> = new Set([
  ...compensating,
  'run.undoing',
  'run.paused',
  'run.resumed',
  'run.overtaken',
  'run.failed',
  'run.cancelled',
  'run.titled',
  'run.redacted',
])

/** The number of the registration that an entry is about; undefined where it cannot be read. */
const ofIn = ({ record }: ReadEntry): number | undefined =>
  record && 'of' in record && typeof record.of === 'number' ? record.of : undefined

/** Some registration may have had its payload erased: what is not known need not be wrong. */
const mayHide = ({ entry: { kind, payload } }: ReadEntry): boolean =>
  payload === null && kind === 'effect.intended'

export const undoInvariants: readonly Invariant[] = [
  invariant(
    'L19',
    'What is undone was registered before, and nothing is undone that has been undone or left out.',
    () => {
      const undoables = new Undoables()
      let isHidden = false
      const judge = (of: number | undefined): string | undefined => {
        if (of === undefined) return undefined
        const undoable = undoables.get(of)
        if (!undoable) return isHidden ? undefined : `undoes entry ${of}, which registered nothing`
        const isOver = undoable.state === 'undone' || undoable.state === 'skipped'
        return isOver
          ? `undoes what entry ${of} registered, which was ${undoable.state}`
          : undefined
      }
      return {
        see(read) {
          isHidden ||= mayHide(read)
          const wrong = compensating.has(read.entry.kind) ? judge(ofIn(read)) : undefined
          undoables.see(read.entry, read.record ?? {})
          return wrong
        },
      }
    },
  ),

  invariant(
    'L20',
    'Nothing is undone before run.undoing, and behind it nothing goes on but compensation and the end.',
    () => {
      let isUndoing = false
      return {
        see({ entry: { kind } }) {
          const before = isUndoing
          isUndoing ||= kind === 'run.undoing'
          if (before) return afterUndoing.has(kind) ? undefined : `is ${kind} behind run.undoing`
          return compensating.has(kind) ? `is ${kind} without run.undoing` : undefined
        },
      }
    },
  ),

  invariant(
    'L21',
    'Compensations go back in the order of the outcomes they undo, and none is left to do when a run fails or is cancelled.',
    () => {
      const undoables = new Undoables()
      let lowest = Infinity
      const orderOf = (read: ReadEntry): number | undefined => undoables.get(ofIn(read) ?? 0)?.order
      return {
        see(read) {
          const { kind } = read.entry
          undoables.see(read.entry, read.record ?? {})
          switch (kind) {
            case 'run.undoing':
              lowest = Infinity
              return undefined
            case 'undo.retrying':
            case 'undo.completed':
            case 'undo.failed': {
              const order = orderOf(read)
              if (order === undefined) return undefined
              if (order > lowest) return `undoes outcome ${order} behind outcome ${lowest}`
              lowest = order
              return undefined
            }
            case 'run.failed':
            case 'run.cancelled': {
              const left = undoables.list().find(({ state }) => state === 'registered')
              return left && `is ${kind} before what entry ${left.of} registered is undone`
            }
            default:
              return undefined
          }
        },
      }
    },
  ),
]
