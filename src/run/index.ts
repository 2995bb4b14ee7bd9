/** The face of the run layer towards what composes it. */
export { action, isAction } from './undo/action.ts'
export type { ActionDefinition } from './undo/action.ts'
export type { Approval, Approvals, Decider } from './approvals/approvals.ts'
export { questionPlace } from '../ledger/index.ts'
export { notOpen } from './outside/not-open.ts'
export { Ever } from './outside/ever.ts'
export type { Imported } from './exports/importing.ts'
export { checkQueueLimit } from './outside/queue-limit.ts'
export type { StartOptions } from './outside/start-options.ts'
export { checkWork } from './outside/work-options.ts'
export type { WorkOptions } from './outside/work-options.ts'
export { currentRun } from './current-run.ts'
export type { Delivery, GoOnOptions } from './outside/delivery.ts'
export type { Question } from './outside/question.ts'
export { listedStatuses } from './outside/list-options.ts'
export type { ListedStatus, ListOptions } from './outside/list-options.ts'
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
  Migrations,
  Next,
  RetryPolicy,
  Run,
  SignalOptions,
  StepContext,
  StepOptions,
  StepUndo,
  TransactOptions,
  Turn,
  UndoOption,
  UndoContext,
} from './face.ts'
export { done, notDone, unknown } from './effects/finding.ts'
export type { Finding, Reconcile, ReconcileContext } from './effects/finding.ts'
export { flow, isFlow } from './flow.ts'
export type { FlowDefinition } from './flow.ts'
export { Flows } from './flows.ts'
export { fittingText } from './outside/fitting.ts'
export { verdictHint, verdictsOf } from './outside/verdicts.ts'
export { barrenMax } from './work/opening.ts'
export type { OnBody } from './pass/pass-options.ts'
export { tellsOfPause } from './pass/stop.ts'
export { checkOptions } from '../base/options.ts'
export type { RunReference } from './outside/reference.ts'
export type { StreamItem } from './outside/stream.ts'
export type { UndoInfo, UndoOptions } from './undo/undoing.ts'
export type { Rest, ResultOptions } from './outside/reference.ts'
export type { RunEvent } from './outside/run-event.ts'
export type { RunInfo, StatusWord } from './outside/run-info.ts'
export type { Settled } from './outside/settled.ts'
export type { WaitInfo } from './outside/wait-info.ts'
