/** All scenarios. */
import type { Scenario } from '../scenario.ts'
import { agentBudget } from './agent-budget.ts'
import { agentChildren } from './agent-children.ts'
import { agentConversation } from './agent-conversation.ts'
import { agentInDoubt } from './agent-in-doubt.ts'
import { agentOverWire } from './agent-over-wire.ts'
import { agentSaga } from './agent-saga.ts'
import { agentTwelveCalls } from './agent-twelve-calls.ts'
import { answeredElsewhere } from './answered-elsewhere.ts'
import { cancelWithCleanup } from './cancel-with-cleanup.ts'
import { children } from './children.ts'
import { clientKilled } from './client-killed.ts'
import { failedRunRetried } from './failed-run-retried.ts'
import { growingLoop } from './growing-loop.ts'
import { largeValues } from './large-values.ts'
import { nestedLoops } from './nested-loops.ts'
import { parallelMap } from './parallel-map.ts'
import { pauseAndResume } from './pause-and-resume.ts'
import { queueWithLimit } from './queue-with-limit.ts'
import { sequential } from './sequential.ts'
import { signalBurst } from './signal-burst.ts'
import { sleepAcrossRestart } from './sleep-across-restart.ts'
import { stepRetry } from './step-retry.ts'
import { transactions } from './transactions.ts'
import { twoWorkers } from './two-workers.ts'

export const scenarios: readonly Scenario[] = [
  sequential,
  parallelMap,
  growingLoop,
  nestedLoops,
  answeredElsewhere,
  signalBurst,
  sleepAcrossRestart,
  children,
  stepRetry,
  cancelWithCleanup,
  failedRunRetried,
  pauseAndResume,
  largeValues,
  twoWorkers,
  clientKilled,
  queueWithLimit,
  transactions,
  agentTwelveCalls,
  agentOverWire,
  agentInDoubt,
  agentSaga,
  agentBudget,
  agentConversation,
  agentChildren,
]
