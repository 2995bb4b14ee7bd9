/**
 * Moving a run to another version of its flow: between two turns of a loop, where nothing of the old
 * code is under way. The move is a turn of its own. It holds nothing but the state in the form that
 * the other version wants, which `migrate` has made of it, and from it on that version executes the run.
 *
 * - I1 A run moves in the append that commits its state for the other version and gives the run back, and in
 *   no other way: nothing that the old code does comes behind it.
 * - I2 Nothing is open in a loop beside: the other version would have to go on with a state of the old one,
 *   or in the middle of a turn. What is open around the loop it has to ask for as the old one did; where it
 *   does not, the run is paused as DIVERGED. A loop around that is taken over as well moves the run itself,
 *   with its own state.
 */
import { EverloopError } from '../../base/errors.ts'
import { errorData, isWithin } from '../../ledger/index.ts'
import { within } from '../current.ts'
import type { Move } from '../moves.ts'
import type { Item } from '../pass/journal.ts'
import type { Pass } from '../pass/pass.ts'
import type { Scope } from '../pass/scope.ts'
import type { Pause, Yield } from '../pass/stop.ts'
import { cleaned } from '../replay/large.ts'
import type { LoopState } from './loop-state.ts'

/** Resolves when the turn is this version's to execute: never, when the run moves before it. */
export async function moveFirst(
  pass: Pass,
  turn: Scope,
  state: LoopState,
  move: Move,
): Promise<void> {
  if (pass.operations.hasBegun(turn.path)) return
  return new Promise((resolve) => {
    pass.whenLive(() => {
      if (!mayMove(pass, turn)) return resolve()
      const end = endOf(pass, turn, state, move)
      pass.stop({ is: 'move', end: () => (mayMove(pass, turn) ? end : { is: 'yield' }) })
    })
  })
}

/** Asked when the code wants to move, and again when all that was busy beside it has ended. */
function mayMove(pass: Pass, turn: Scope): boolean {
  const { root, operations, recorded, cancelled } = pass
  const { moves } = pass.options
  if (cancelled || turn.isLeaving) return false
  // The code may be on its way to loops that have ended turns already.
  if (recorded.turns.size > 0) return false
  return [...root.loops()].every(({ scope, name }) => {
    if (scope === turn.parent) return true
    return isWithin(turn.path, scope.path) ? !moves.has(name) : !operations.hasBegun(scope.path)
  })
}

/** How the pass ends that moves the run, or finds that `migrate` does not. */
function endOf(pass: Pass, turn: Scope, state: LoopState, move: Move): Pause | Yield {
  try {
    const last = moveOf(pass, turn, state, {
      version: move.version,
      after: within({ pass, scope: turn, step: undefined }, () => migrated(move, state.handed())),
    })
    return { is: 'yield', last }
  } catch (thrown) {
    return unmovable(turn, move, thrown)
  }
}

/** The state for the other version. Throws what `migrate` throws, and BAD_OPTION when it returns no state. */
function migrated({ migrate, version }: Move, state: unknown): unknown {
  const after = migrate(state as never)
  if (after !== undefined) return after
  throw new EverloopError('BAD_OPTION', `migrate to version "${version}" returned no state.`)
}

/** What is written of the move. Throws NOT_SERIALISABLE. */
function moveOf(
  { options: { redactor } }: Pass,
  turn: Scope,
  state: LoopState,
  { version, after }: { readonly version: string; readonly after: unknown },
): Item {
  const change = state.change(after, turn.values, { version })
  const { record } = change
  const { payload, artifacts } = cleaned(change, redactor)
  const scope = turn.parent?.path ?? ''
  return {
    drafts: [
      { scope: '', kind: 'run.migrated', key: '', record: { version } },
      { scope, kind: 'turn.committed', key: String(state.turn + 1), record, payload },
    ],
    artifacts,
  }
}

/** The run cannot move: it stands before this turn, and may go on there. */
function unmovable({ path }: Scope, { version }: Move, thrown: unknown): Pause {
  const { name, message } = errorData(thrown)
  return {
    is: 'pause',
    code: 'MIGRATION_FAILED',
    message: `Before turn "${path}" the loop could not move to version "${version}" (${name}: ${message}). Nothing has changed. Mend \`migrate\` of that version, then resume the run: it moves then. Served without that version, it goes on in its own.`,
  }
}
