/** Random policies, as data: what an operator imposes on agents, and what comes of that for each of them. */
import {
  type AgentSpec,
  type ApprovalSpec,
  type GuardSpec,
  type ImposedRule,
  type Limits,
  type ToolSpec,
  writeApproval,
  writeGuard,
  writeLimits,
} from './agent-spec.ts'
import type { Chance } from './chance.ts'
import type { Extras } from './extras.ts'

export interface PolicySpec {
  readonly name: string
  /** How it says which agents it is for; one that fails to say so is for all. */
  readonly by: 'nothing' | 'names' | 'function' | 'failure'
  /** The agents it is for, where it says so. */
  readonly agents: readonly string[]
  readonly guards: readonly GuardSpec[]
  readonly rules: readonly ImposedRule[]
  readonly budget: Limits | undefined
}

export function writePolicies(chance: Chance, extras: Extras): readonly PolicySpec[] {
  if (!extras.has('policies are imposed')) return []
  return Array.from({ length: chance.between(1, 2) }, (_, i) => writePolicy(chance, i + 1))
}

function writePolicy(chance: Chance, number: number): PolicySpec {
  const agents = ['flow-0', 'flow-1', 'flow-2', 'flow-3'].filter(() => chance.roll(0.7))
  const more = (share: number): boolean => chance.roll(share)
  return {
    name: `policy-${number}`,
    by: chance.pick(['nothing', 'names', 'function', 'failure'] as const),
    agents,
    guards: chance.roll(0.6) ? [writeGuard(chance, `imposed-${number}`)] : [],
    rules: Array.from({ length: chance.below(3) }, () => ({
      tools: chance.roll(0.7) ? chance.pick(['tool-*', 'tool-1', 'delegate']) : undefined,
      effect: chance.roll(0.3) ? chance.pick(['idempotent', 'once'] as const) : undefined,
      wants: writeApproval(chance, more),
    })),
    budget: chance.roll(0.5) ? writeLimits(chance, more) : undefined,
  }
}

/** The agent as it is under these policies: what they impose goes before what is its own. */
export function under(policies: readonly PolicySpec[], name: string, spec: AgentSpec): AgentSpec {
  const held = policies.filter(
    ({ by, agents }) => by === 'nothing' || by === 'failure' || agents.includes(name),
  )
  return {
    ...spec,
    guards: [...held.flatMap(({ guards }) => guards), ...spec.guards],
    budget: held.reduce((least, { budget }) => stricter(least, budget), spec.budget),
    imposed: held.flatMap(({ rules }) => rules),
  }
}

function stricter(one: Limits | undefined, other: Limits | undefined): Limits | undefined {
  if (!one || !other) return one ?? other
  const names = ['turns', 'tokens', 'usd', 'calls', 'time'] as const
  const limits = names.flatMap((name) => {
    const [a, b] = [one[name], other[name]]
    return a === undefined && b === undefined
      ? []
      : [[name, Math.min(a ?? Infinity, b ?? Infinity)]]
  })
  return Object.fromEntries(limits) as Limits
}

/** Who must approve a call, for each rule that wants somebody to. */
export interface Demand {
  readonly approvals: number
  readonly approvers: readonly string[] | undefined
  /** Silence approves. */
  readonly isSilent: boolean
  readonly notByRequester: boolean
}

/** What all rules about this tool want of a call with these arguments. */
export function demandsOn(
  { imposed }: Pick<AgentSpec, 'imposed'>,
  tool: ToolSpec,
  { n }: { readonly n: number },
): readonly Demand[] {
  const demand = (wants: ApprovalSpec): Demand => ({
    approvals: wants.approvals,
    approvers: wants.approvers,
    isSilent: wants.otherwise === 'approve',
    notByRequester: wants.notByRequester,
  })
  const own: readonly Demand[] = !tool.approval
    ? []
    : isFailing(tool.approval.failsAt, n)
      ? [{ approvals: 1, approvers: undefined, isSilent: false, notByRequester: false }]
      : holds(tool.approval, n)
        ? [demand(tool.approval)]
        : []
  const ruled = imposed.filter(
    (rule) => isFor(rule, tool) && (isFailing(rule.wants.failsAt, n) || holds(rule.wants, n)),
  )
  return [...own, ...ruled.map(({ wants }) => demand(wants))]
}

/** To ask somebody changes nothing; to start a run that is started already, neither. */
function effectOf(tool: ToolSpec): ImposedRule['effect'] {
  if (tool.does === 'effect') return tool.spec.effect
  return tool.does === 'ask' ? 'read' : 'idempotent'
}

function isFor({ tools, effect }: ImposedRule, tool: ToolSpec): boolean {
  const isNamed = tools === undefined || tools === tool.name
  if (!isNamed && !(tools === 'tool-*' && tool.name.startsWith('tool-'))) return false
  if (effect === undefined) return true
  return effect === effectOf(tool)
}

/** Whether a rule about numbers fails at this one. */
export const isFailing = (failsAt: number | undefined, n: number): boolean =>
  failsAt !== undefined && n % failsAt === 0

const holds = ({ oddOnly }: ApprovalSpec, n: number): boolean => !oddOnly || n % 2 === 1
