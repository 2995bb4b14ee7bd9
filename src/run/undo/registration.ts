/** `run.undo`: registers what undoes something, as data, for when the run fails or is cancelled. */
import { EverloopError } from '../../base/errors.ts'
import { encode } from '../../ledger/index.ts'
import type { AnyAction } from '../face.ts'
import type { Pass } from '../pass/pass.ts'
import type { Scope } from '../pass/scope.ts'

/** Resolves when the registration is durable. */
export function registerUndo(
  pass: Pass,
  scope: Scope,
  action: AnyAction | string,
  input: unknown,
): Promise<unknown> {
  const name: unknown = typeof action === 'string' ? action : action?.name
  if (typeof name !== 'string' || name === '') {
    throw new EverloopError(
      'BAD_OPTION',
      'run.undo takes an action made with action(…), or the name of one, and its input.',
      { run: pass.run },
    )
  }
  const record = { action: name, ...(input === undefined ? {} : { input }) }
  // Here and now: the code may go on changing it while earlier outcomes are being handed over.
  const payload = encode(record)
  return pass.request(scope, 'undo', scope.key(`undo ${name}`), {
    begin: (operation) => {
      // What is recorded already was known to the worker that recorded it, and is asked for nowhere else.
      pass.options.actions.check([name], pass.run)
      pass.conclude(operation, 'undo.registered', record, { payload })
    },
  })
}
