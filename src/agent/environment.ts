/**
 * What a process gives to the agents that it executes, beside their definitions: the policies that
 * its operator imposes, and secrets. The run layer carries it and does not look into it.
 */
import { Redactor } from '../base/redactor.ts'
import type { Environment } from '../run/pass/pass-options.ts'
import { checkPolicies, type Policy } from './policies/policy.ts'
import { type Secrets, type SecretSource, SecretStore } from './secret.ts'

export interface AgentEnvironment {
  readonly policies: readonly Policy[]
  readonly secrets: Secrets
  /** For what leaves past the ledger: live text, say. */
  readonly redactor: Redactor
}

/** Shared by all copies of everloop in a process: agents of one copy are executed by another, under its policies. */
const slot = Symbol.for('everloop.agents')

/** What is imposed on agents, and what they are given. */
export interface Surroundings {
  /**
   * Values of secrets by name, or functions that fetch them. Tools get them with `secrets.get(name)`;
   * they are taken out of everything that is recorded, shown or told.
   */
  readonly secrets?: SecretSource
  /** Rules for all agents that are executed here, whoever wrote them. */
  readonly policies?: readonly Policy[]
}

/** The same as the run layer carries it. Throws BAD_OPTION. */
export function environmentOf({ secrets = {}, policies = [] }: Surroundings): {
  readonly redactor: Redactor
  readonly environment: Environment
} {
  checkPolicies(policies)
  const redactor = new Redactor()
  const agents: AgentEnvironment = {
    policies,
    secrets: new SecretStore(secrets, redactor),
    redactor,
  }
  return { redactor, environment: Object.freeze({ [slot]: Object.freeze(agents) }) }
}

/** What this process gives to agents; undefined where it was opened without the agent layer. */
export const agentsIn = (environment: Environment): AgentEnvironment | undefined =>
  environment[slot] as AgentEnvironment | undefined
