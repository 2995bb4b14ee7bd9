/** What must become of each cell of the in-doubt matrix, in words: see effects-matrix.test.ts. */
import type { EffectClass } from 'everloop'

export const situations = [
  'is killed before its intent',
  'is killed after its intent',
  'is killed after the effect',
  'is killed after its outcome',
  'throws',
  'throws NotDone',
  'times out',
  'is aborted',
  'lands after its process died',
] as const
export type Situation = (typeof situations)[number]

/** What `reconcile` does. */
export const finders = ['done', 'notDone', 'unknown', 'throws', 'none'] as const
export type Finder = (typeof finders)[number]

export interface Cell {
  readonly situation: Situation
  readonly effect: EffectClass
  readonly finder: Finder
  readonly hasUndo: boolean
}

interface Row {
  readonly read: string
  readonly idempotent: string
  /** As the former, with an undo: its intent is recorded. */
  readonly undoable: string
  /** The same with and without an undo, where nothing is known to have happened in the end. */
  readonly once: Readonly<Record<Finder, string>>
  /** With an undo, where it differs. */
  readonly undone?: Readonly<Partial<Record<Finder, string>>>
}

/** An option that would promise what the class does not keep is refused. */
const refused = 'failed, 0 called, 0 happened: run.failed(BAD_OPTION)'

export function expected({ situation, effect, finder, hasUndo }: Cell): string {
  const row = table[situation]
  if (effect === 'once') return (hasUndo && row.undone?.[finder]) || row.once[finder]
  if (finder !== 'none' || (effect === 'read' && hasUndo)) return refused
  if (effect === 'read') return row.read
  return hasUndo ? row.undoable : row.idempotent
}

const whatever = (result: string): Row['once'] => ({
  done: result,
  notDone: result,
  unknown: result,
  throws: result,
  none: result,
})

const late = 'Step "refund" of run "r" took longer than its timeout of 10000 ms.'

const table: Readonly<Record<Situation, Row>> = {
  'is killed before its intent': {
    read: 'completed, 1 called, 1 happened: completed(first) run.completed',
    idempotent: 'completed, 1 called, 1 happened: completed(first) run.completed',
    undoable: 'completed, 1 called, 1 happened: intended completed(first) run.completed',
    once: whatever('completed, 1 called, 1 happened: intended completed(first) run.completed'),
  },
  'is killed after its intent': {
    read: 'completed, 2 called, 1 happened: completed(again) run.completed',
    idempotent: 'completed, 2 called, 1 happened: completed(again) run.completed',
    undoable: 'completed, 1 called, 1 happened: intended completed(first) run.completed',
    once: {
      done: 'completed, 0 called, 0 happened: intended doubted(crashed) resolved(done by reconcile) completed(found) run.completed',
      notDone:
        'completed, 1 called, 1 happened: intended doubted(crashed) resolved(notDone by reconcile) intended completed(first) run.completed',
      unknown:
        'waiting, 0 called, 0 happened: intended doubted(crashed) asked because The bank does not say.',
      throws:
        'waiting, 0 called, 0 happened: intended doubted(crashed) asked because `reconcile` threw Error: The bank is down.',
      none: 'waiting, 0 called, 0 happened: intended doubted(crashed) asked because The step has no `reconcile`.',
    },
  },
  'is killed after the effect': {
    read: 'completed, 2 called, 2 happened: completed(again) run.completed',
    idempotent: 'completed, 2 called, 1 happened: completed(again) run.completed',
    undoable: 'completed, 2 called, 1 happened: intended completed(again) run.completed',
    once: {
      done: 'completed, 1 called, 1 happened: intended doubted(crashed) resolved(done by reconcile) completed(found) run.completed',
      // A reconcile that is wrong is believed: it is the user's word.
      notDone:
        'completed, 2 called, 2 happened: intended doubted(crashed) resolved(notDone by reconcile) intended completed(again) run.completed',
      unknown:
        'waiting, 1 called, 1 happened: intended doubted(crashed) asked because The bank does not say.',
      throws:
        'waiting, 1 called, 1 happened: intended doubted(crashed) asked because `reconcile` threw Error: The bank is down.',
      none: 'waiting, 1 called, 1 happened: intended doubted(crashed) asked because The step has no `reconcile`.',
    },
  },
  'is killed after its outcome': {
    read: 'completed, 1 called, 1 happened: completed(first) run.completed',
    idempotent: 'completed, 1 called, 1 happened: completed(first) run.completed',
    undoable: 'completed, 1 called, 1 happened: intended completed(first) run.completed',
    once: whatever('completed, 1 called, 1 happened: intended completed(first) run.completed'),
  },
  throws: {
    read: 'failed, 1 called, 1 happened: failed(Connection reset.; 1) run.failed(STEP_FAILED)',
    idempotent:
      'failed, 1 called, 1 happened: failed(Connection reset.; 1) run.failed(STEP_FAILED)',
    undoable:
      'failed, 1 called, 1 happened: intended failed(Connection reset.; 1) run.undoing undone(it may have happened) run.failed(STEP_FAILED)',
    once: {
      done: 'completed, 1 called, 1 happened: intended doubted(threw) resolved(done by reconcile) completed(found) run.completed',
      notDone:
        'failed, 1 called, 1 happened: intended doubted(threw) resolved(notDone by reconcile) failed(Connection reset.; 1) run.failed(STEP_FAILED)',
      unknown:
        'waiting, 1 called, 1 happened: intended doubted(threw) asked because The bank does not say.',
      throws:
        'waiting, 1 called, 1 happened: intended doubted(threw) asked because `reconcile` threw Error: The bank is down.',
      none: 'waiting, 1 called, 1 happened: intended doubted(threw) asked because The step has no `reconcile`.',
    },
  },
  'throws NotDone': {
    read: 'failed, 1 called, 0 happened: failed(The card was refused.; 1) run.failed(STEP_FAILED)',
    idempotent:
      'failed, 1 called, 0 happened: failed(The card was refused.; 1) run.failed(STEP_FAILED)',
    undoable:
      'failed, 1 called, 0 happened: intended failed(The card was refused.; 1) run.failed(STEP_FAILED)',
    once: whatever(
      'failed, 1 called, 0 happened: intended resolved(notDone by call) failed(The card was refused.; 1) run.failed(STEP_FAILED)',
    ),
  },
  'times out': {
    read: `failed, 1 called, 1 happened: failed(${late}; 1) run.failed(STEP_FAILED)`,
    idempotent: `failed, 1 called, 1 happened: failed(${late}; 1) run.failed(STEP_FAILED)`,
    undoable: `failed, 1 called, 1 happened: intended failed(${late}; 1) run.undoing undone(it may have happened) run.failed(STEP_FAILED)`,
    once: {
      done: 'completed, 1 called, 1 happened: intended doubted(timed-out) resolved(done by reconcile) completed(found) run.completed',
      notDone: `failed, 1 called, 1 happened: intended doubted(timed-out) resolved(notDone by reconcile) failed(${late}; 1) run.failed(STEP_FAILED)`,
      unknown:
        'waiting, 1 called, 1 happened: intended doubted(timed-out) asked because The bank does not say.',
      throws:
        'waiting, 1 called, 1 happened: intended doubted(timed-out) asked because `reconcile` threw Error: The bank is down.',
      none: 'waiting, 1 called, 1 happened: intended doubted(timed-out) asked because The step has no `reconcile`.',
    },
  },
  'is aborted': {
    read: 'cancelled, 1 called, 1 happened: run.cancelling run.cancelled',
    idempotent: 'cancelled, 1 called, 1 happened: run.cancelling run.cancelled',
    undoable:
      'cancelled, 1 called, 1 happened: intended run.cancelling run.undoing undone(it may have happened) run.cancelled',
    undone: {
      done: 'cancelled, 1 called, 1 happened: intended run.cancelling doubted(aborted) resolved(done by reconcile) completed(found) run.undoing undone(found) run.cancelled',
    },
    once: {
      done: 'cancelled, 1 called, 1 happened: intended run.cancelling doubted(aborted) resolved(done by reconcile) completed(found) run.cancelled',
      notDone:
        'cancelled, 1 called, 1 happened: intended run.cancelling doubted(aborted) resolved(notDone by reconcile) failed(Aborted.; 1) run.cancelled',
      unknown:
        'waiting, 1 called, 1 happened: intended run.cancelling doubted(aborted) asked because The bank does not say.',
      throws:
        'waiting, 1 called, 1 happened: intended run.cancelling doubted(aborted) asked because `reconcile` threw Error: The bank is down.',
      none: 'waiting, 1 called, 1 happened: intended run.cancelling doubted(aborted) asked because The step has no `reconcile`.',
    },
  },
  'lands after its process died': {
    read: 'completed, 2 called, 2 happened: completed(again) run.completed',
    idempotent: 'completed, 2 called, 1 happened: completed(again) run.completed',
    undoable: 'completed, 2 called, 1 happened: intended completed(again) run.completed',
    once: {
      done: 'completed, 1 called, 1 happened: intended doubted(crashed) resolved(done by reconcile) completed(found) run.completed',
      notDone:
        'completed, 2 called, 2 happened: intended doubted(crashed) resolved(notDone by reconcile) intended completed(again) run.completed',
      unknown:
        'waiting, 1 called, 1 happened: intended doubted(crashed) asked because The bank does not say.',
      throws:
        'waiting, 1 called, 1 happened: intended doubted(crashed) asked because `reconcile` threw Error: The bank is down.',
      none: 'waiting, 1 called, 1 happened: intended doubted(crashed) asked because The step has no `reconcile`.',
    },
  },
}
