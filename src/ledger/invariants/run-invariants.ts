/** L5, L6, L14 and L22: how a run begins, rests, moves and ends. */
import { ledgerFormat } from '../entry.ts'
import { fieldsOf } from '../read-entry.ts'
import { type Invariant, invariant } from './invariant.ts'

/**
 * What may be said of a run that has ended: that an operator undid something, and in later versions
 * what one found out, that a payload was erased, a title.
 */
const afterEnd: ReadonlySet<string> = new Set([
  'effect.resolved',
  'run.undoing',
  'undo.retrying',
  'undo.completed',
  'undo.failed',
  'undo.skipped',
  'run.redacted',
  'run.titled',
])

/** Beside these, a retry goes on after a failure; a take-over is written down before it. */
const afterFailure: ReadonlySet<string> = new Set(['run.retried', 'run.overtaken'])

const afterPause: ReadonlySet<string> = new Set([
  'run.resumed',
  'run.cancelled',
  'run.paused',
  'run.overtaken',
])

export const runInvariants: readonly Invariant[] = [
  invariant(
    'L5',
    'The first entry is run.started with a format that is known, and no other is.',
    () => ({
      see(read) {
        const { seq, kind } = read.entry
        if ((kind === 'run.started') !== (seq === 1)) return `is ${kind}`
        const fields = fieldsOf(read, 'run.started')
        return fields && fields.format !== ledgerFormat
          ? `tells format ${String(fields.format)}, this is for format ${ledgerFormat}`
          : undefined
      },
    }),
  ),

  invariant(
    'L6',
    'Nothing goes on after run.completed or run.cancelled, and only run.retried after run.failed.',
    () => {
      let end: string | undefined
      return {
        see({ entry: { kind } }) {
          const before = end
          if (kind === 'run.completed' || kind === 'run.cancelled' || kind === 'run.failed') {
            end = kind
          } else if (kind === 'run.retried') end = undefined
          if (before === undefined) {
            return kind === 'run.retried'
              ? 'is run.retried of a run that has not failed'
              : undefined
          }
          const may = afterEnd.has(kind) || (before === 'run.failed' && afterFailure.has(kind))
          return may ? undefined : `is ${kind} after ${before}`
        },
      }
    },
  ),

  invariant('L14', 'Nothing happens in a paused run before it is resumed or cancelled.', () => {
    let paused = false
    return {
      see({ entry: { kind } }) {
        const before = paused
        paused = kind === 'run.paused' || (paused && !afterPause.has(kind))
        if (kind === 'run.overtaken') paused = before
        return before && !afterPause.has(kind) && !afterEnd.has(kind)
          ? `is ${kind} in a paused run`
          : undefined
      },
    }
  }),

  invariant(
    'L22',
    'A run moves to another version together with a turn that is committed for it, and in no other way.',
    () => {
      let current: string | undefined
      /** Where an entry just before has moved the run. */
      let moved: { readonly to: string | undefined } | undefined
      return {
        see(read) {
          const { kind } = read.entry
          const before = moved
          moved = undefined
          const started = fieldsOf(read, 'run.started')
          if (started) current = started.version
          if (kind === 'run.migrated') {
            const to = fieldsOf(read, 'run.migrated')?.version
            const isSame = to !== undefined && to === current
            current = to
            moved = { to }
            return isSame ? `moves the run to version "${to}", in which it is` : undefined
          }
          if (before && kind !== 'turn.committed') return `is ${kind} where a turn belongs`
          const turn = fieldsOf(read, 'turn.committed')
          if (!turn || (before && before.to === undefined)) return undefined
          return turn.version === before?.to
            ? undefined
            : `is a turn for version ${turn.version ?? 'none'} in a run that moves to ${before?.to ?? 'none'}`
        },
      }
    },
  ),
]
