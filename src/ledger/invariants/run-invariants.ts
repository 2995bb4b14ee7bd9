/** L5, L6 and L14: how a run begins, rests and ends. */
import { ledgerFormat } from '../entry.ts'
import { fieldsOf, type Invariant, invariant } from './invariant.ts'

/**
 * Later versions say these about a run that has ended: what an operator undid or found out, a
 * payload that was erased, a title.
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
]
