/** everloop: the durable runtime for AI agents. Everything that is public stands here by name. */
export { Cancelled, errorCodes, EverloopError, StepError } from './base/errors.ts'
export type { ErrorCode, ErrorData } from './base/errors.ts'
export type { Duration } from './base/duration.ts'
export type { Verdict, Violation } from './ledger/index.ts'
export { open } from './open.ts'
export type { OpenOptions } from './open.ts'
export { flow } from './run/index.ts'
export type {
  Artifact,
  Artifacts,
  AskOptions,
  Branch,
  BranchOptions,
  ChildOptions,
  Delivery,
  Done,
  Ever,
  Flow,
  FlowDefinition,
  ListOptions,
  LoopOptions,
  Next,
  Question,
  RetryPolicy,
  Run,
  RunEvent,
  RunInfo,
  RunReference,
  Settled,
  SignalOptions,
  StartOptions,
  StatusWord,
  StepContext,
  StepOptions,
  Turn,
  WaitInfo,
  WorkOptions,
} from './run/index.ts'
