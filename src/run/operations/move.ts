/**
 * Moving a run to another version of its flow: between two turns of a loop, where nothing of the old
 * code is under way. The move is a turn of its own. It holds nothing but the state in the form that
 * the other version wants, which `migrate` has made of it, and from it on that version executes the
 * run: this pass gives it back.
 *
 * - I1 A run moves in the append that commits its state for the other version, and in no other way.
 * - I2 No turn beside the loop is under way: the other version would have to go on in the middle of it.
 *   What is open around the loop it has to ask for as the old one did; where it does not, the run is
 *   paused as DIVERGED.
 */
import { EverloopError } from '../../base/errors.ts'
import { type AnyDraft, errorData, isWithin } from '../../ledger/index.ts'
import type { Move } from '../moves.ts'
import type { Pass } from '../pass/pass.ts'
import type { Scope } from '../pass/scope.ts'
import type { Pause } from '../pass/stop.ts'

/** Resolves to true when the run may move now, this turn being about to begin. */
export async function mayMove(pass: Pass, turn: Scope): Promise<boolean> {
  const hasBegun = [...pass.options.scopes.keys()].some((path) => isWithin(path, turn.path))
  if (hasBegun) return false
  await pass.mayBegin()
  if (pass.cancelled || turn.isLeaving) return false
  return [...pass.root.turns()].every((other) => isWithin(turn.path, other.path))
}

/** The state for the other version. Throws what `migrate` throws, and BAD_OPTION when it returns nothing. */
export function migrated({ migrate, version }: Move, state: unknown): unknown {
  const after = migrate(state as never)
  if (after !== undefined) return after
  throw new EverloopError('BAD_OPTION', `migrate to version "${version}" returned no state.`)
}

export const migratedDraft = (version: string): AnyDraft => ({
  scope: '',
  kind: 'run.migrated',
  key: '',
  record: { version },
})

/** The run cannot move: it stands before this turn, and may go on there. */
export function unmovable({ path }: Scope, { version }: Move, thrown: unknown): Pause {
  const { message } = errorData(thrown)
  return {
    is: 'pause',
    code: 'MIGRATION_FAILED',
    message: `Before turn "${path}" the loop could not move to version "${version}": ${message} Nothing has changed. Mend \`migrate\` of that version, then resume the run: it goes on in its own version and tries again behind the next turn.`,
  }
}
