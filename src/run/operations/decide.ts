/**
 * Decisions of everloop's own code: what a guard says, that a budget is used up, what became of a
 * long conversation. Made once, recorded, and served from the ledger ever after.
 */
import type { Payloads } from '../../ledger/index.ts'
import { within } from '../current.ts'
import type { Family } from '../pass/operation.ts'
import type { Pass } from '../pass/pass.ts'
import type { Scope } from '../pass/scope.ts'

/** Kinds of entries that hold a decision. */
export type DecisionKind = 'guard.decided' | 'budget.reserved' | 'context.compacted'

/**
 * Makes the decision, unless it is recorded. `make` must not reject: what cannot be decided is a
 * decision too, and an error in everloop's own code pauses the run.
 */
export function decide<K extends DecisionKind>(
  pass: Pass,
  scope: Scope,
  call: { readonly kind: K; readonly key: string; readonly make: () => Promise<Payloads[K]> },
): Promise<Payloads[K]> {
  const { kind, key, make } = call
  const family = kind.slice(0, kind.indexOf('.')) as Family
  return pass.request(scope, family, scope.key('', key), {
    begin: (operation) => {
      // Code of the user's, a guard's say, stands in its own run, wherever this is called from.
      within({ pass, scope, step: undefined }, make).then(
        (record) => pass.conclude(operation, kind, record),
        (error: unknown) => {
          pass.options.onTrouble(error)
          pass.wait(operation, undefined)
          pass.stop({
            is: 'pause',
            code: 'INTERNAL',
            message: `"${operation.path}" could not be decided: ${String(error)}. This is a bug in everloop: please report it, then resume the run.`,
          })
        },
      )
    },
  }) as Promise<Payloads[K]>
}
