/**
 * Policies: what an operator imposes on agents, whoever wrote them. `open({ policies })` attaches them
 * to a whole runtime; their guards are asked before the agent's own, and their approval rules are
 * added to those of the tools.
 */
import { EverloopError } from '../../base/errors.ts'
import { checkOptions } from '../../base/options.ts'
import type { Ports } from '../../base/ports.ts'
import { isEffectClass } from '../../run/effects/effect-class.ts'
import {
  type ApprovalContext,
  type ApprovalDecision,
  type ApprovalPolicy,
  checkApprovalPolicy,
  combineApprovals,
  decideApproval,
} from './approval-policy.ts'
import { type Budget, limitsOf } from '../budgets/budget.ts'
import { matchesAny } from './globs.ts'
import { type Guard, isGuard } from '../guards/guard.ts'
import type { AnyTool, ToolEffect } from '../tools/tool.ts'

/** Which calls need an approval, whatever their tools say. All conditions given must hold. */
export interface ApprovalPolicyRule {
  /** Names of tools, with `*` and `?`. Default: all. */
  readonly tools?: string | readonly string[]
  readonly effect?: ToolEffect | readonly ToolEffect[]
  /** Decides by the arguments. When it fails the rule holds. */
  readonly when?: (input: unknown, context: ApprovalContext) => boolean | Promise<boolean>
  /** Default: one approval by anybody. */
  readonly require?: Omit<ApprovalPolicy, 'needed'>
}

/** What `policy` makes a policy of. */
export interface PolicyDefinition {
  readonly name: string
  readonly guards?: readonly Guard[]
  readonly approval?: readonly ApprovalPolicyRule[]
  /** No agent gets more than this; its own budget may be smaller. */
  readonly budget?: Budget
  /** Names of the agents it is for, with `*` and `?`, or a function. Default: all. */
  readonly applies?: { readonly agents: readonly string[] } | ((agent: string) => boolean)
}

const brand = Symbol.for('everloop.policy')

/** Made by `policy`, handed to `open`. */
export interface Policy extends PolicyDefinition {
  readonly guards: readonly Guard[]
  readonly approval: readonly ApprovalPolicyRule[]
}

/**
 * Defines a policy. Throws BAD_OPTION.
 *
 * @example
 * const careful = policy({ name: 'careful', approval: [{ effect: 'once' }], guards: [secretsGuard()] })
 * await using ever = await open({ flows, policies: [careful] })
 */
export function policy(definition: PolicyDefinition): Policy {
  checkOptions('policy', definition, ['name', 'guards', 'approval', 'budget', 'applies'])
  const { name, guards = [], approval = [], budget, applies } = definition
  if (typeof name !== 'string' || !/^[\w-]{1,64}$/.test(name)) {
    throw new EverloopError(
      'BAD_NAME',
      'The name of a policy is 1 to 64 letters, digits, "_" and "-".',
    )
  }
  const where = `Policy "${name}"`
  const bad = (what: string): EverloopError => new EverloopError('BAD_OPTION', `${where}: ${what}.`)
  if (!Array.isArray(guards) || !guards.every(isGuard))
    throw bad('`guards` must be a list of what guard(…) returns')
  if (!Array.isArray(approval)) throw bad('`approval` must be a list of rules')
  for (const rule of approval) checkRule(rule, where)
  limitsOf(budget)
  if (typeof applies !== 'function' && applies !== undefined) {
    checkOptions(`${where}, applies`, applies, ['agents'])
    if (!Array.isArray(applies.agents)) throw bad('`applies.agents` must be a list of names')
  }
  const made = { ...definition, guards: [...guards], approval: [...approval] }
  Object.defineProperty(made, brand, { value: true })
  return Object.freeze(made)
}

/** True for what `policy` returns, of any copy of everloop. */
export const isPolicy = (value: unknown): value is Policy =>
  typeof value === 'object' && value !== null && brand in value

/** Throws BAD_OPTION unless these are policies of different names. */
export function checkPolicies(policies: unknown): asserts policies is readonly Policy[] {
  const isList = Array.isArray(policies) && policies.every(isPolicy)
  const names = isList ? (policies as unknown as readonly Policy[]).map(({ name }) => name) : []
  if (isList && new Set(names).size === names.length) return
  throw new EverloopError(
    'BAD_OPTION',
    'open({ policies }) takes a list of what policy(…) returns, each with a name of its own.',
  )
}

/** The policies that are for this agent, in order: all but those whose `applies` says no. One that fails is for it. */
export function policiesFor(agent: string, policies: readonly Policy[]): readonly Policy[] {
  return policies.filter(({ applies }) => {
    if (applies === undefined) return true
    if (typeof applies !== 'function') return matchesAny(applies.agents, agent)
    try {
      return (applies(agent) as unknown) !== false
    } catch {
      return true
    }
  })
}

/** What the tool and all policies together want before this call is made. */
export async function approvalFor(
  tool: AnyTool,
  input: unknown,
  {
    policies,
    ...asking
  }: {
    readonly context: ApprovalContext
    readonly policies: readonly Policy[]
    readonly ports: Ports
  },
): Promise<ApprovalDecision> {
  // All at once: each has its time, and together they have no more than that.
  const own = decideApproval(tool.approval, input as never, asking)
  const imposed = policies.flatMap(({ name, approval }) =>
    approval
      .filter((rule) => isFor(rule, tool))
      .map(async ({ when = true, require = {} }): Promise<ApprovalDecision> => {
        const { needed, reason } = await decideApproval(when, input, asking)
        if (!needed) return { needed }
        const why = reason === undefined ? '' : ` ${reason}`
        return { ...require, needed, reason: `Policy "${name}" wants it.${why}` }
      }),
  )
  return combineApprovals(await Promise.all([own, ...imposed]))
}

function isFor({ tools, effect }: ApprovalPolicyRule, tool: AnyTool): boolean {
  if (tools !== undefined && !matchesAny(listOf(tools), tool.name)) return false
  return effect === undefined || listOf(effect).includes(tool.effect)
}

const listOf = <T extends string>(one: T | readonly T[]): readonly T[] =>
  typeof one === 'string' ? [one] : one

function checkRule(rule: ApprovalPolicyRule, where: string): void {
  checkOptions(`${where}, approval`, rule, ['tools', 'effect', 'when', 'require'])
  const bad = (what: string): EverloopError => new EverloopError('BAD_OPTION', `${where}: ${what}.`)
  if (rule.tools !== undefined && !listOf(rule.tools).every((one) => typeof one === 'string'))
    throw bad('`tools` of an approval rule are names, with "*" and "?"')
  if (rule.effect !== undefined && !listOf(rule.effect).every(isEffectClass))
    throw bad('`effect` of an approval rule is "read", "idempotent" or "once"')
  if (rule.when !== undefined && typeof rule.when !== 'function')
    throw bad('`when` of an approval rule must be a function')
  checkApprovalPolicy({ ...rule.require, needed: true }, `${where}, approval`)
}
