/** everloop/testing: virtual time, a runtime to test flows with, and the stores' conformance. */
export { memoryStore } from '../store/memory.ts'
export { malformations } from '../scripted/malformations.ts'
export type { Malformation } from '../scripted/malformations.ts'
export type { ScriptedModel, ScriptedModelOptions } from '../scripted/model.ts'
export type {
  Script,
  ScriptedAnswer,
  ScriptedCall,
  ScriptedRequest,
  ScriptedUsage,
  ScriptOptions,
} from '../scripted/script.ts'
export { scriptedServer } from '../scripted/server.ts'
export type { ReceivedRequest, ScriptedServer, ScriptedServerOptions } from '../scripted/server.ts'
export { crashAtEveryCommit } from './crash-at-every-commit.ts'
export type { CrashOptions, CrashPoint, CrashReport, Outcome } from './crash-at-every-commit.ts'
export type { Interceptor, StoreCall } from './gate.ts'
export { replay } from './replay.ts'
export type { Replay } from './replay.ts'
export { scriptedModel } from './scripted-model.ts'
export { storeCases } from './store-cases.ts'
export type { StoreBed, StoreCase, StoreClock } from './store-cases.ts'
export { testRuntime } from './test-runtime.ts'
export type { OnBody } from '../run/index.ts'
export type {
  NextWorker,
  RunLike,
  TestRuntime,
  TestRuntimeOptions,
  Trouble,
} from './test-runtime.ts'
export type { TestWorker } from './test-worker.ts'
export { virtualTime } from './virtual-time.ts'
export type { PendingTimer, TimerPolicy, VirtualTime, VirtualTimeOptions } from './virtual-time.ts'
