/**
 * Receptions: a signal is taken should one come, and nothing is written when none does. So the code of
 * an agent can listen all the time without an entry for each turn in which nobody says anything.
 */
import { operationPath, type Payloads } from '../../ledger/index.ts'
import type { Pass } from '../pass/pass.ts'
import type { Scope } from '../pass/scope.ts'
import { endOfRun } from './end-run.ts'

/** Something that may come. */
export interface Reception {
  readonly message: Promise<Payloads['message.received']>
  /** Takes nothing any more. False when something has been taken, or is being: `message` settles. */
  stop(): boolean
  /**
   * Ends the run with this output of its loop, unless a signal is there first: then `message` settles. A signal
   * that comes later is refused. Throws NOT_SERIALISABLE.
   */
  orEnd(output: unknown): void
}

/** Takes the next signal of this name should one come before the reception is stopped. */
export function receive(pass: Pass, scope: Scope, name: string, explicit: string): Reception {
  const key = scope.key('', explicit)
  const message = pass.request(scope, 'message', key, {
    receives: name,
    begin: (operation) => pass.wait(operation, undefined),
  })
  const operation = pass.operations.get(operationPath(scope.path, key))
  return {
    message: message as Reception['message'],
    stop() {
      if (!operation) return true // the run is being cancelled: nothing was registered
      if (operation.phase !== 'waiting' && operation.phase !== 'parked') return false
      operation.phase = 'settled'
      pass.operations.delete(operation)
      return true
    },
    orEnd(output) {
      if (operation) pass.endUnlessNews(operation, endOfRun(pass, scope, output))
    },
  }
}
