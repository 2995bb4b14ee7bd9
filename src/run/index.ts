/** The face of the run layer towards what composes it. */
export { action, isAction } from './action.ts'
export type { ActionDefinition } from './action.ts'
export type { Approval, Approvals, Decider } from './approvals.ts'
export { questionPlace } from '../ledger/index.ts'
export { notOpen } from './not-open.ts'
export { Ever } from './ever.ts'
export { checkQueueLimit } from './queue-limit.ts'
export type { StartOptions } from './start-options.ts'
export { checkWork } from './work-options.ts'
export type { WorkOptions } from './work-options.ts'
export { currentRun } from './current-run.ts'
export type { Delivery } from './delivery.ts'
export type { Question } from './ever.ts'
export type { ListOptions } from './list-options.ts'
export type {
  Action,
  AnyAction,
  AnyFlow,
  Artifact,
  Artifacts,
  AskOptions,
  Branch,
  BranchOptions,
  ChildOptions,
  Done,
  EffectClass,
  Flow,
  LoopOptions,
  LoopResult,
  Next,
  RetryPolicy,
  Run,
  SignalOptions,
  StepContext,
  StepOptions,
  TransactOptions,
  Turn,
  UndoOption,
  UndoContext,
} from './face.ts'
export { done, notDone, unknown } from './finding.ts'
export type { Finding, Reconcile, ReconcileContext } from './finding.ts'
export { flow, isFlow } from './flow.ts'
export type { FlowDefinition } from './flow.ts'
export { Flows } from './flows.ts'
export { fittingText } from './misfit.ts'
export { barrenMax } from './opening.ts'
export type { OnBody } from './pass-options.ts'
export { tellsOfPause } from './stop.ts'
export { checkOptions } from '../base/options.ts'
export type { RunReference } from './reference.ts'
export type { StreamItem } from './stream.ts'
export type { UndoInfo, UndoOptions } from './undoing.ts'
export type { Rest, ResultOptions } from './reference.ts'
export type { RunEvent, RunInfo, Settled, StatusWord, WaitInfo } from './view.ts'
