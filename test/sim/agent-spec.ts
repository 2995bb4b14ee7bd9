/** Random agents, as data: what they may call, who watches them, what they may spend. */
import type { Chance } from './chance.ts'
import { type EffectSpec, writeEffect } from './effect-spec.ts'
import type { Means } from './extras.ts'

/** Who must allow a call of a tool. */
export interface ApprovalSpec {
  /** Only calls with an odd number need it. */
  readonly oddOnly: boolean
  readonly approvals: number
  readonly timeoutMs: number | undefined
  readonly otherwise: 'deny' | 'approve'
  readonly escalateMs: number | undefined
  readonly notByRequester: boolean
  /** Only these may decide. */
  readonly approvers: readonly string[] | undefined
  /** The rule throws at calls whose number this divides. */
  readonly failsAt: number | undefined
}

/** Which calls must be approved besides, and by whom. */
export interface ImposedRule {
  /** Names of tools, with "*". */
  readonly tools: string | undefined
  readonly effect: 'read' | 'idempotent' | 'once' | undefined
  /** The rule holds where it fails, as it is. */
  readonly wants: ApprovalSpec
}

interface ToolFace {
  readonly name: string
  readonly approval: ApprovalSpec | undefined
}

export type ToolSpec = ToolFace &
  (
    | {
        readonly does: 'effect'
        readonly spec: EffectSpec
        /** Its results are too long to be told, and kept beside the ledger. */
        readonly isWordy: boolean
        /** Its results come from outside. */
        readonly taints: boolean
      }
    | { readonly does: 'ask'; readonly timeoutMs: number | undefined }
    | { readonly does: 'child'; readonly flow: number }
  )

export type Said = 'deny' | 'fix' | 'retry' | 'ask' | 'halt' | 'throw' | 'hang'
type Position = 'input' | 'request' | 'answer' | 'call' | 'result' | 'output'

export interface GuardSpec {
  readonly name: string
  readonly at: readonly Position[]
  /** What it says to one in so many things; to all others it says "allow". */
  readonly says: Said
  readonly oneIn: number
  readonly ms: number
}

export interface Limits {
  readonly turns?: number
  readonly tokens?: number
  readonly usd?: number
  readonly calls?: number
  /** In milliseconds. */
  readonly time?: number
}

export interface AgentSpec {
  /** Of what its model says. */
  readonly seed: number
  /** Turns with calls after each message, at most. */
  readonly turns: number
  readonly tools: readonly ToolSpec[]
  readonly guards: readonly GuardSpec[]
  readonly budget: Limits | undefined
  /** It goes on listening for so long after an answer. */
  readonly idleMs: number | undefined
  readonly parallel: number
  readonly compactAbove: number | undefined
  /** Its answers are data that must fit a schema. */
  readonly isStructured: boolean
  /** It ends when a call of this tool has returned. */
  readonly stopTool: string | undefined
  /** It has so many models, which speak piece by piece; undefined: one that answers at once. */
  readonly models: number | undefined
  /** What policies want of its calls. */
  readonly imposed: readonly ImposedRule[]
}

/** Writes an agent that may start runs of the flows from `firstChild` up to `flows`. */
export function writeAgent(chance: Chance, { firstChild, flows, extras }: Means): AgentSpec {
  const isOfMoreKinds = extras.has('agents of more kinds')
  const more = (share: number): boolean => isOfMoreKinds && chance.roll(share)
  const tools = Array.from({ length: chance.between(1, 3) }, (_, i) =>
    writeTool(chance, `tool-${i + 1}`, { extras, more }),
  )
  if (firstChild < flows && chance.roll(0.6)) {
    const flow = chance.between(firstChild, flows - 1)
    tools.push({ name: 'delegate', does: 'child', flow, approval: undefined })
  }
  const guards = chance.roll(0.45)
    ? Array.from({ length: chance.between(1, 2) }, (_, i) => writeGuard(chance, `guard-${i + 1}`))
    : []
  return {
    seed: chance.below(1_000_000),
    turns: chance.between(1, 3),
    tools,
    guards,
    budget: chance.roll(0.45) ? writeLimits(chance, more) : undefined,
    idleMs: chance.roll(0.25) ? chance.between(1000, 90_000) : undefined,
    parallel: chance.pick([1, 2, 32, 32]),
    compactAbove: chance.roll(0.1) ? chance.between(150, 500) : undefined,
    isStructured: more(0.4),
    stopTool: more(0.3) ? 'tool-1' : undefined,
    models: extras.has('models speak and fall back') ? chance.between(1, 3) : undefined,
    imposed: [],
  }
}

/**
 * The agent as a later deployment of the code has it: what watches and limits it may be another (C4).
 * What it can call is the same.
 */
export function redeployed(spec: AgentSpec, chance: Chance): AgentSpec {
  const more = (): boolean => false
  const late = chance.roll(0.5) ? [writeGuard(chance, 'late-guard')] : []
  const tools = spec.tools.map((tool) => {
    if (chance.roll(0.6)) return tool
    return { ...tool, approval: tool.approval ? undefined : writeApproval(chance, more) }
  })
  const { budget, compactAbove } = spec
  return {
    ...spec,
    tools,
    guards: [...spec.guards.filter(() => chance.roll(0.6)), ...late],
    budget: chance.roll(0.6) ? budget : budget ? undefined : writeLimits(chance, more),
    compactAbove: chance.roll(0.8) ? compactAbove : compactAbove ? undefined : 200,
    parallel: chance.pick([1, 2, 32]),
    isStructured: chance.roll(0.2) ? !spec.isStructured : spec.isStructured,
    stopTool: chance.roll(0.8) ? spec.stopTool : spec.stopTool ? undefined : 'tool-1',
  }
}

/** Rolls the dice where agents of more kinds are written. */
type More = (share: number) => boolean

function writeTool(
  chance: Chance,
  name: string,
  { extras, more }: Pick<Means, 'extras'> & { readonly more: More },
): ToolSpec {
  const approval = chance.roll(0.35) || more(0.3) ? writeApproval(chance, more) : undefined
  if (chance.roll(0.12)) {
    const timeoutMs = chance.roll(0.5) ? chance.between(500, 30_000) : undefined
    return { name, does: 'ask', timeoutMs, approval }
  }
  const spec = writeEffect(chance)
  const isWordy = more(0.3)
  const taints = extras.has('tools bring what is outside') && chance.roll(0.5)
  return { name, does: 'effect', spec, approval, isWordy, taints }
}

export function writeApproval(chance: Chance, more: More): ApprovalSpec {
  const timeoutMs = chance.roll(0.5) ? chance.between(300, 30_000) : undefined
  const escalateMs = chance.roll(0.2) ? chance.between(200, 10_000) : undefined
  return {
    oddOnly: chance.roll(0.3),
    approvals: chance.weighted([
      [3, 1],
      [1, 2],
    ]),
    timeoutMs,
    otherwise: timeoutMs !== undefined && chance.roll(0.3) ? 'approve' : 'deny',
    escalateMs:
      escalateMs !== undefined && escalateMs < (timeoutMs ?? Infinity) ? escalateMs : undefined,
    notByRequester: chance.roll(0.2),
    approvers: more(0.4) ? ['ann', 'bob'] : undefined,
    failsAt: more(0.3) ? 3 : undefined,
  }
}

export function writeGuard(chance: Chance, name: string): GuardSpec {
  const says = chance.weighted<Said>([
    [3, 'deny'],
    [4, 'fix'],
    [2, 'retry'],
    [3, 'ask'],
    [2.5, 'halt'],
    [1, 'throw'],
    [0.5, 'hang'],
  ])
  const at = chance.weighted<readonly Position[]>([
    [6, ['call']],
    [2, ['call', 'result']],
    [1, ['input']],
    [1, ['request']],
    [1, ['answer']],
    [1, ['result']],
    [1, ['output']],
  ])
  return {
    name,
    at,
    says,
    oneIn: says === 'halt' ? chance.between(3, 6) : chance.between(2, 5),
    ms: chance.roll(0.4) ? chance.between(1, 400) : 0,
  }
}

export function writeLimits(chance: Chance, more: More): Limits {
  const limits: Limits = {
    ...(chance.roll(0.3) ? { turns: chance.between(1, 5) } : {}),
    ...(chance.roll(0.3) ? { tokens: chance.between(150, 2500) } : {}),
    ...(chance.roll(0.2) ? { usd: chance.between(200, 3000) / 1e6 } : {}),
    ...(chance.roll(0.4) ? { calls: chance.between(1, 6) } : {}),
    ...(more(0.4) ? { time: chance.between(500, 20_000) } : {}),
  }
  return Object.keys(limits).length > 0 ? limits : { calls: 3 }
}
