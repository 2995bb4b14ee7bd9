/** What the checks of entries look at. */
import type { Accounts } from './accounts.ts'
import type { AgentSpec } from './agent-spec.ts'
import type { Mirror } from './mirror.ts'
import type { ModelAttempts } from './model-attempts.ts'
import type { Outside } from './outside.ts'
import type { Report } from './report.ts'

/** What the checks need to know besides the run. */
export interface Sight {
  readonly report: Report
  readonly runs: ReadonlyMap<string, Mirror>
  readonly outside: Outside
  readonly accounts: Accounts
  /** What guards have said last, by run, guard, position and call. */
  readonly guardSaid: ReadonlyMap<string, string>
  /** Which deployment of the code the owner of a session has, by its token. */
  readonly deployments: ReadonlyMap<string, number>
  /** By the name of their flow. */
  readonly agents: ReadonlyMap<string, AgentSpec>
  /** Some workers have flows without their actions. */
  readonly mayLackActions: boolean
  /** The runtimes know secrets, see secret-words.ts. */
  readonly isRedacted: boolean
  readonly attempts: ModelAttempts
  /** The agent that runs of this flow are of, where all deployments of its code have the same. */
  steadyAgent(flow: string): AgentSpec | undefined
  /** The wall clock, and the latest time it has ever shown. */
  readonly now: number
  readonly peak: number
  /** True when no worker was there at that time. */
  wasDownAt(time: number): boolean
}
