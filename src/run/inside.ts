/**
 * What the agent layer may know of a run's inside: everloop's own operations, which users reach only
 * through an agent. Not part of the public face.
 */
import { explicitKey, operationPath, type Payloads } from '../ledger/index.ts'
import { type ApprovalOutcome, type ApprovalRequest, approve } from './approval.ts'
import { decide, type DecisionKind } from './decide.ts'
import type { Run } from './face.ts'
import { insideOf } from './handle.ts'
import { beginningOf } from './reader.ts'

/**
 * Whether the ledger holds a beginning or an outcome at this explicit key of the run's scope. For
 * code that may have changed since: what is recorded is asked for, what comes before something that
 * is recorded is past.
 */
export function isRecorded(run: Run, key: string): boolean {
  const { pass, scope } = insideOf(run)
  const path = operationPath(scope.path, explicitKey(key))
  const { recorded } = pass
  return recorded.holds(path) || recorded.begun.has(path) || recorded.doneAt(path) !== undefined
}

/** Makes a decision of everloop's own, once. */
export function decideIn<K extends DecisionKind>(
  run: Run,
  call: { readonly kind: K; readonly key: string; readonly make: () => Promise<Payloads[K]> },
): Promise<Payloads[K]> {
  const { pass, scope } = insideOf(run)
  return decide(pass, scope, call)
}

/** Asks the people who may allow a call. */
export function approveIn(run: Run, request: ApprovalRequest): Promise<ApprovalOutcome> {
  const { pass, scope } = insideOf(run)
  return approve(pass, scope, request)
}

/** Takes the next signal of this name should one come while the scope is open. */
export function receiveIn(
  run: Run,
  name: string,
  key: string,
): Promise<Payloads['message.received']> {
  const { pass, scope } = insideOf(run)
  return pass.request(scope, 'message', scope.key('', key), {
    receives: name,
    begin: (operation) => pass.wait(operation, undefined),
  }) as Promise<Payloads['message.received']>
}

/** What the run was started with. */
export const beginningIn = (run: Run): Payloads['run.started'] =>
  beginningOf(insideOf(run).pass.reader).record
