/**
 * What a process gives to the agents that it executes, beside their definitions: the policies that
 * its operator imposes, and secrets. The run layer carries it and does not look into it.
 */
import type { Redactor } from '../base/redactor.ts'
import type { Environment } from '../run/pass-options.ts'
import type { Policy } from './policy.ts'
import type { Secrets } from './secret.ts'

export interface AgentEnvironment {
  readonly policies: readonly Policy[]
  readonly secrets: Secrets
  /** For what leaves past the ledger: live text, say. */
  readonly redactor: Redactor
}

const slot = Symbol('everloop.agents')

/** The environment as the run layer carries it. */
export const environmentWith = (agents: AgentEnvironment): Environment =>
  Object.freeze({ [slot]: Object.freeze(agents) })

/** What this process gives to agents; undefined where it was opened without the agent layer. */
export const agentsIn = (environment: Environment): AgentEnvironment | undefined =>
  environment[slot] as AgentEnvironment | undefined
