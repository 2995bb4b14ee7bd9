/**
 * What the agent layer may know of a run's inside: everloop's own operations, which users reach only
 * through an agent. Not part of the public face.
 */
import type { Ports } from '../base/ports.ts'
import {
  decode,
  encode,
  explicitKey,
  operationPath,
  type Payloads,
  redacted,
  type Taint,
} from '../ledger/index.ts'
import { type ApprovalOutcome, type ApprovalRequest, approve } from './approvals/approval.ts'
import { decide, type DecisionKind } from './operations/decide.ts'
import type { Run, SignalOptions } from './face.ts'
import type { Environment } from './pass/pass-options.ts'
import { insideOf, passOf } from './handle.ts'
import { readPatiently } from './patience.ts'
import { beginTime } from './replay/reader.ts'
import { receive, type Reception } from './operations/receive.ts'
import type { StepCall } from './operations/attempt.ts'
import { step } from './operations/step.ts'
import { tainted } from './pass/taints.ts'
import { title } from './operations/title.ts'
import { child, type ChildCall } from './operations/child.ts'
import { ask, type Question, signal } from './operations/waits.ts'

/** Whether anything is left of what the ledger holds that the code has not asked for in this pass. */
export const hasRecords = (run: Run): boolean => !insideOf(run).pass.recorded.isSpent

/**
 * Whether the ledger holds a beginning or an outcome at this explicit key of the run's scope. For
 * code that may have changed since: what is recorded is asked for, what comes before something that
 * is recorded is past.
 */
export function isRecorded(run: Run, key: string): boolean {
  const { pass, scope } = insideOf(run)
  const { recorded } = pass
  if (recorded.isSpent) return false
  const path = operationPath(scope.path, explicitKey(key))
  return recorded.holds(path) || recorded.begun.has(path) || recorded.doneAt(path) !== undefined
}

/** Whether the ledger holds an outcome at this key that the code has not been handed in this pass. */
export function hasOutcome(run: Run, key: string): boolean {
  const { pass, scope } = insideOf(run)
  const { recorded } = pass
  if (recorded.isSpent) return false
  const path = operationPath(scope.path, explicitKey(key))
  return recorded.holds(path) || recorded.doneAt(path) !== undefined
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

export { type ApprovalOutcome, type ApprovalRequest, suffices } from './approvals/approval.ts'
export { unapprovable } from './approvals/approval-answer.ts'
export type { InsideUndoContext } from './undo/compensation-attempt.ts'
export type { LiveContext } from './operations/attempt.ts'
export type { Reception } from './operations/receive.ts'

/** Takes the next signal of this name should one come before the reception is stopped. */
export function receiveIn(run: Run, name: string, key: string): Reception {
  const { pass, scope } = insideOf(run)
  return receive(pass, scope, name, key)
}

/** Waits for a signal; told is also who sent it. As `run.signal` otherwise. */
export function signalIn(
  run: Run,
  name: string,
  options: SignalOptions<unknown>,
): Promise<Payloads['signal.received']> {
  const { pass, scope } = insideOf(run)
  return signal(pass, scope, name, options, true) as Promise<Payloads['signal.received']>
}

/** Puts a question; told is also beyond how many characters an answer is kept as an artifact. */
export function askIn(run: Run, question: Question): Promise<unknown> {
  const { pass, scope } = insideOf(run)
  return ask(pass, scope, question)
}

/** Starts a child run, likewise. */
export function childIn(run: Run, call: ChildCall): Promise<unknown> {
  const { pass, scope } = insideOf(run)
  return child(pass, scope, call)
}

/** What the run was started with. */
export const beginningIn = (run: Run): Payloads['run.started'] =>
  insideOf(run).pass.reader.beginning.record

/** When it could begin. */
export const beginTimeIn = (run: Run): number => beginTime(insideOf(run).pass.reader)

/** Waits for something that is no operation: nothing is handed over or begun meanwhile. */
export function holdIn<T>(run: Run, read: T | Promise<T>): T | Promise<T> {
  if (!(read instanceof Promise)) return read
  const { pass, scope } = insideOf(run)
  return pass.hold(read, scope)
}

/**
 * Settles when all that is recorded has been handed over, for what can only be decided then; undefined when
 * it has been.
 */
export function liveIn(run: Run): Promise<void> | undefined {
  const { pass } = insideOf(run)
  return pass.isReplaying ? new Promise((begin) => pass.whenLive(begin)) : undefined
}

/** A step of everloop's own, which may charge accounts. */
export function stepIn(run: Run, call: StepCall): Promise<unknown> {
  const { pass, scope } = insideOf(run)
  return step(pass, scope, call)
}

/** What stands on a run's account. */
export function accountIn(run: Run, account: string): Promise<Readonly<Record<string, number>>> {
  const { pass, scope } = insideOf(run)
  return pass.hold(
    readPatiently(pass, () => pass.store.account(account)),
    scope,
  )
}

/** Says what people call the run, once. */
export async function titleIn(run: Run, text: string, key: string): Promise<void> {
  const { pass, scope } = insideOf(run)
  await title(pass, scope, text, key)
}

export { titleUnitsMax } from './operations/title.ts'

/** The limits that runs which this one starts from now on have to keep besides their own. */
export function limitChildren(run: Run, limits: Readonly<Record<string, number>>): void {
  insideOf(run).pass.limits = limits
}

/** What of the run came from outside, that of runs around and below too. */
export const taintsIn = (run: Run): readonly Taint[] => insideOf(run).pass.options.taints.list

/** This has come from outside. */
export function taintIn(run: Run, taints: readonly Taint[]): void {
  const { pass } = insideOf(run)
  const drafts = tainted(pass.options.taints.add(taints))
  if (drafts.length > 0) pass.commit({ drafts })
}

/** The ports that the run is executed on. */
export const portsIn = (run: Run): Ports => insideOf(run).pass.ports

/** The time on the store's clock, for deciding about what is not recorded yet. */
export const clockIn = (run: Run): number => insideOf(run).pass.store.clock.now()

/** Whether a secret of this process stands in the value, so that it cannot be recorded as it is. */
export function holdsSecretIn(run: Run, value: unknown): boolean {
  const text = encode(value)
  return redacted(text, insideOf(run).pass.options.redactor, 'value') !== text
}

/** What this process gives to the code of layers above. */
export const environmentIn = (run: Run): Environment => insideOf(run).pass.options.environment

/**
 * A value that was too large for its entry, from inside a step's body; undefined when the store has
 * none of this name.
 */
export async function largeValueIn(
  run: Run,
  artifact: string,
): Promise<{ readonly value: unknown } | undefined> {
  const { store } = passOf(run)
  const bytes = await store.artifact(artifact)
  return bytes && { value: decode(Buffer.from(bytes).toString('latin1')) }
}
