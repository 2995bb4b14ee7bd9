/** everloop: the durable runtime for AI agents. Everything that is public stands here by name. */
export { Cancelled, errorCodes, EverloopError, NotDone, StepError } from './base/errors.ts'
export type { ErrorCode, ErrorData } from './base/errors.ts'
export type { Duration } from './base/duration.ts'
export type { Verdict, Violation } from './ledger/index.ts'
export { agentTool } from './agent/tools/agent-tool.ts'
export type { AgentToolOptions } from './agent/tools/agent-tool.ts'
export type {
  ApprovalContext,
  ApprovalPolicy,
  ApprovalRule,
} from './agent/policies/approval-policy.ts'
export { agent } from './agent/agent.ts'
export type { Agent } from './agent/agent.ts'
export type { AgentInput } from './agent/agent-input.ts'
export type { Budget } from './agent/budgets/budget.ts'
export { conversation } from './agent/conversation/conversation.ts'
export type { Conversation } from './agent/conversation/conversation.ts'
export type { ConversationItem } from './agent/conversation/conversation-item.ts'
export { streamConversation } from './agent/conversation/stream-conversation.ts'
export type { ConversationStreamItem } from './agent/conversation/stream-conversation.ts'
export type { AgentDefinition, Compaction, Progress, Stop } from './agent/definition.ts'
export { askPerson } from './agent/tools/ask-person.ts'
export type { AskPersonDefinition } from './agent/tools/ask-person.ts'
export { cardGuard } from './agent/guards/card-guard.ts'
export { destinationsGuard } from './agent/guards/destinations-guard.ts'
export type { DestinationsGuardOptions } from './agent/guards/destinations-guard.ts'
export { guard } from './agent/guards/guard.ts'
export type { Guard, GuardContext, GuardDefinition } from './agent/guards/guard.ts'
export type {
  Position as GuardPosition,
  Subjects as GuardSubjects,
} from './agent/guards/position.ts'
export { judgeGuard } from './agent/guards/judge-guard.ts'
export type { JudgeGuardOptions } from './agent/guards/judge-guard.ts'
export { regexGuard } from './agent/guards/regex-guard.ts'
export type { RegexGuardOptions } from './agent/guards/regex-guard.ts'
export { repeatGuard } from './agent/guards/repeat-guard.ts'
export type { RepeatGuardOptions } from './agent/guards/repeat-guard.ts'
export { schemaGuard } from './agent/guards/schema-guard.ts'
export type { SchemaGuardOptions } from './agent/guards/schema-guard.ts'
export { secretsGuard } from './agent/guards/secrets-guard.ts'
export { taintGuard } from './agent/guards/taint-guard.ts'
export type { TaintGuardOptions } from './agent/guards/taint-guard.ts'
export type { TextGuardOptions } from './agent/guards/text-guard.ts'
export { toolsGuard } from './agent/guards/tools-guard.ts'
export type { ToolRule, ToolsGuardOptions } from './agent/guards/tools-guard.ts'
export { verdict } from './agent/guards/verdict.ts'
export type { GuardVerdict } from './agent/guards/verdict.ts'
export { policy } from './agent/policies/policy.ts'
export type { Policy, PolicyDefinition } from './agent/policies/policy.ts'
export { secret } from './agent/secret.ts'
export type { SecretReference, Secrets, SecretSource } from './agent/secret.ts'
export { tool } from './agent/tools/tool.ts'
export type {
  AnyTool,
  AskTool,
  ChildTool,
  RunTool,
  Tool,
  ToolContext,
  ToolDefinition,
  ToolEffect,
} from './agent/tools/tool.ts'
export type { SqlValue, Transaction } from './store/store.ts'
export { open } from './open.ts'
export type { OpenOptions } from './open.ts'
export { action, currentRun, done, flow, notDone, unknown } from './run/index.ts'
export type {
  Action,
  ActionDefinition,
  AnyAction,
  Approval,
  Approvals,
  Artifact,
  Artifacts,
  AskOptions,
  Branch,
  BranchOptions,
  ChildOptions,
  Decider,
  Delivery,
  EffectClass,
  Done,
  Ever,
  Finding,
  Flow,
  FlowDefinition,
  GoOnOptions,
  Imported,
  ListedStatus,
  ListOptions,
  LoopOptions,
  LoopResult,
  Migrations,
  Next,
  Question,
  Reconcile,
  ReconcileContext,
  RetryPolicy,
  Run,
  RunEvent,
  RunInfo,
  RunReference,
  Rest,
  ResultOptions,
  Settled,
  SignalOptions,
  StartOptions,
  StatusWord,
  StepContext,
  StepOptions,
  StepUndo,
  StreamItem,
  TransactOptions,
  Turn,
  UndoContext,
  UndoInfo,
  UndoOption,
  UndoOptions,
  WaitInfo,
  WorkOptions,
} from './run/index.ts'
