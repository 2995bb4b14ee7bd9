/** Makes real agents of specifications: real tools, guards and budgets, around a simulated model. */
import type { LanguageModelV4, LanguageModelV4Prompt } from '@ai-sdk/provider'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { agent } from '../../src/agent/agent.ts'
import type { Model } from '../../src/agent/model/port.ts'
import { agentTool } from '../../src/agent/tools/agent-tool.ts'
import type { ApprovalPolicy, ApprovalRule } from '../../src/agent/policies/approval-policy.ts'
import { type Policy, policy } from '../../src/agent/policies/policy.ts'
import { askPerson } from '../../src/agent/tools/ask-person.ts'
import { guard, type Guard } from '../../src/agent/guards/guard.ts'
import { type GuardVerdict, verdict } from '../../src/agent/guards/verdict.ts'
import { type AnyTool, tool, type UndoToolContext } from '../../src/agent/tools/tool.ts'
import type { Taint } from '../../src/ledger/index.ts'
import type { AnyFlow, Flow } from '../../src/run/index.ts'
import { done, type Finding } from '../../src/run/effects/finding.ts'
import { compactionText, Dice, simulatedModel, speakingModel } from './agent-model.ts'
import type { Asking, Utterance } from './agent-model.ts'
import type { AgentSpec, ApprovalSpec, GuardSpec, ToolSpec } from './agent-spec.ts'
import type { Call } from './effect-body.ts'
import type { EffectSpec, UndoSpec } from './effect-spec.ts'
import { attemptsMax, modelId } from './model-attempts.ts'
import { isFailing, type PolicySpec } from './policy-spec.ts'
import { type Args, argsSchema, faceOf, numberIn } from './tool-face.ts'
import type { UndoCall } from './undo-body.ts'

/** Answers of people to tools, marked as good or not, as those to flows are. */
const answerOutput: StandardSchemaV1<unknown, string> = {
  '~standard': {
    version: 1,
    vendor: 'simulator',
    validate: (value) => {
      const isGood = (value as { good?: unknown } | null)?.good === true
      return isGood ? { value: value as string } : { issues: [{ message: 'It is not good.' }] }
    },
  },
}

/** A thing that a guard looked at. */
export interface Judged {
  readonly run: string
  readonly position: string
  readonly guard: string
  /** Of the call; "" elsewhere. */
  readonly call: string
  /** What it is told of what came from outside. */
  readonly tainted: readonly Taint[]
}

/** What an agent's code does in the outside world, and who watches it. */
export interface AgentView {
  /** The model is asked: time passes, and things go wrong. */
  asked(prompt: LanguageModelV4Prompt): Promise<void>
  /** One of several models is asked, or one that speaks piece by piece. Throws when it comes to nothing. */
  attempted(asking: Asking): Promise<Utterance>
  /** A tool is executed, with these arguments. */
  called(tool: ToolSpec & { does: 'effect' }, args: Args, call: ToolCall): Promise<unknown>
  findOut(spec: EffectSpec, call: { readonly idempotencyKey: string }): Promise<Finding>
  /** A call of a tool is undone. */
  undone(run: string, spec: UndoSpec, call: UndoCall): Promise<unknown>
  /** A guard is asked, and says this after some time. */
  judged(spec: GuardSpec, subject: Judged, said: string): Promise<void>
}

export type ToolCall = Pick<Call, 'attempt' | 'idempotencyKey' | 'signal'> & {
  readonly call: string
}

/** What the code of an agent stands among. */
export interface Surrounding {
  /** Flows that its tools may start runs of. */
  readonly children: (flow: number) => AnyFlow
  /** Descriptions of tools say it: a call that waits for its approval is another one afterwards. */
  readonly deployment: number
}

/** The agent of this specification. */
export function agentOf(
  name: string,
  spec: AgentSpec,
  view: AgentView,
  { children, deployment }: Surrounding,
): AnyFlow {
  const { guards, budget, idleMs, compactAbove, isStructured, stopTool, models } = spec
  return agent({
    name,
    model: modelOf(spec, view),
    instructions: `You are ${name}.`,
    tools: spec.tools.map((one) => toolOf(one, view, { children, deployment })),
    guards: guards.map((one) => guardOf(one, view)),
    ...(budget ? { budget } : {}),
    ...(idleMs === undefined ? {} : { conversation: { idle: idleMs } }),
    ...(compactAbove === undefined
      ? {}
      : { compaction: { above: compactAbove, keep: 3, instructions: compactionText } }),
    stop: { turns: 14, ...(stopTool === undefined ? {} : { tools: [stopTool] }) },
    ...(isStructured ? { output: oddOutput } : {}),
    retry: {
      attempts: attemptsMax,
      delay: 200,
      ...(models === undefined ? {} : { maxDelay: 2000 }),
    },
    timeout: modelTimeoutMs,
    parallel: spec.parallel,
    prices: Object.fromEntries(
      [0, 1, 2].map((model) => [`sim/${modelId(model)}`, { input: 1, output: 2 }]),
    ),
  }) as unknown as AnyFlow
}

/** The models, in the order in which they are asked. */
function modelOf(spec: AgentSpec, view: AgentView): Model {
  const { models } = spec
  if (models === undefined) return simulatedModel(spec, (prompt) => view.asked(prompt))
  const speaking = (model: number): LanguageModelV4 =>
    speakingModel(spec, model, (asking) => view.attempted(asking))
  return [speaking(0), ...Array.from({ length: models - 1 }, (_, i) => speaking(i + 1))]
}

export const modelTimeoutMs = 8000

/** Answers whose number is odd. */
const oddOutput: StandardSchemaV1<unknown, { readonly n: number }> = {
  '~standard': {
    version: 1,
    vendor: 'sim',
    validate: (value) => {
      const { n } = Object(value) as { n?: unknown }
      return typeof n === 'number' && n % 2 === 1
        ? { value: { n } }
        : { issues: [{ message: 'n must be odd' }] }
    },
  },
}

const argsInput: StandardSchemaV1<unknown, Args> = {
  '~standard': {
    version: 1,
    vendor: 'sim',
    validate: (value) =>
      typeof value === 'object' && value !== null && 'n' in value && typeof value.n === 'number'
        ? { value: value as Args }
        : { issues: [{ message: 'n must be a number' }] },
  },
}

const promptSchema = {
  type: 'object',
  properties: { n: { type: 'number' } },
  required: ['n'],
} as const

/** Agents as children are told a text, made of the arguments. */
const promptInput: StandardSchemaV1<unknown, { prompt: string }> = {
  '~standard': {
    version: 1,
    vendor: 'sim',
    validate: (value) => {
      const { n, prompt } = value as { n?: unknown; prompt?: unknown }
      if (typeof prompt === 'string') return { value: { prompt } }
      return typeof n === 'number'
        ? { value: { prompt: `Number ${n}.` } }
        : { issues: [{ message: 'n must be a number' }] }
    },
  },
}

function toolOf(spec: ToolSpec, view: AgentView, { children, deployment }: Surrounding): AnyTool {
  const { name, approval } = spec
  const face = {
    ...faceOf(name, deployment),
    ...(approval ? { approval: ruleOf(approval) } : {}),
  }
  switch (spec.does) {
    case 'ask':
      return askPerson<Args>({
        ...face,
        inputSchema: argsSchema,
        input: argsInput,
        output: answerOutput,
        prompt: ({ n }) => `What about ${n}?`,
        ...(spec.timeoutMs === undefined ? {} : { timeout: spec.timeoutMs }),
      }) as AnyTool
    case 'child':
      return agentTool(children(spec.flow) as Flow<{ prompt: string }>, {
        name,
        description: `Does ${name}.`,
        input: promptInput,
        inputSchema: promptSchema,
      }) as AnyTool
    case 'effect':
      return effectTool(spec, face, view)
  }
}

/** Makes a result too long to be told. */
const padding = 'word '.repeat(300)

function effectTool(
  tooled: ToolSpec & { does: 'effect' },
  face: { readonly name: string; readonly description: string; readonly inputSchema: object },
  view: AgentView,
): AnyTool {
  const { spec, isWordy, taints } = tooled
  const told = (value: unknown): unknown => (isWordy ? `${String(value)}\n${padding}` : value)
  const { effect, timeoutMs, settleMs, reconcile, attempts, delayMs } = spec
  const isOnce = effect === 'once'
  const { undo } = spec
  return tool<Args, unknown>({
    ...face,
    inputSchema: argsSchema,
    input: argsInput,
    effect,
    taints,
    timeout: timeoutMs,
    ...(isWordy ? { maxResult: 1024 } : {}),
    ...(attempts > 1 ? { retry: { attempts, delay: delayMs } } : {}),
    ...(isOnce ? { settle: settleMs } : {}),
    ...(isOnce && reconcile !== 'is missing'
      ? {
          reconcile: async (_: Args, { idempotencyKey }: { idempotencyKey: string }) => {
            const finding = await view.findOut(spec, { idempotencyKey })
            return finding.is === 'done' ? done(told(finding.result)) : finding
          },
        }
      : {}),
    ...(undo
      ? {
          undo: (_: Args, result: unknown, context: UndoToolContext) =>
            view.undone(context.runId, undo, {
              ...context,
              of: undefined,
              path: undefined,
              result,
            }),
        }
      : {}),
    run: async (args, context) => {
      const { attempt, idempotencyKey, call } = context
      const signal = (): AbortSignal => context.signal
      return told(await view.called(tooled, args, { attempt, idempotencyKey, call, signal }))
    },
  }) as AnyTool
}

function ruleOf(wants: ApprovalSpec): ApprovalRule<Args> {
  const demand = demandOf(wants)
  if (wants.failsAt === undefined && !wants.oddOnly) return demand
  return (args) => (holds(wants, args) ? demand : false)
}

/** Whether the rule is about a call with these arguments. */
function holds({ oddOnly, failsAt }: ApprovalSpec, args: unknown): boolean {
  const n = numberIn(args) ?? 0
  if (isFailing(failsAt, n)) throw new RangeError('The rule has fallen asleep.')
  return !oddOnly || n % 2 === 1
}

const demandOf = ({
  approvals,
  timeoutMs,
  otherwise,
  escalateMs,
  notByRequester,
  approvers,
}: ApprovalSpec): ApprovalPolicy => ({
  needed: true,
  approvals,
  ...(timeoutMs === undefined ? {} : { timeout: timeoutMs, otherwise }),
  ...(escalateMs === undefined ? {} : { escalate: { after: escalateMs, to: 'boss' } }),
  ...(notByRequester ? { notBy: 'requester' as const } : {}),
  ...(approvers ? { approvers } : {}),
})

const guardTimeoutMs = 1500

/** The policy of this specification. */
export function policyOf(
  { name, by, agents, guards, rules, budget }: PolicySpec,
  view: Pick<AgentView, 'judged'>,
): Policy {
  return policy({
    name,
    guards: guards.map((one) => guardOf(one, view)),
    approval: rules.map(({ tools, effect, wants }) => {
      const { needed: _needed, ...require } = demandOf(wants)
      return {
        ...(tools === undefined ? {} : { tools }),
        ...(effect === undefined ? {} : { effect }),
        when: (input) => holds(wants, input),
        require,
      }
    }),
    ...(budget ? { budget } : {}),
    ...(by === 'nothing' ? {} : { applies: by === 'names' ? { agents } : appliesBy(by, agents) }),
  })
}

const appliesBy =
  (by: 'function' | 'failure', agents: readonly string[]) =>
  (agent: string): boolean => {
    if (by === 'failure') throw new RangeError('Nobody knows.')
    return agents.includes(agent)
  }

function guardOf(spec: GuardSpec, view: Pick<AgentView, 'judged'>): Guard {
  const { name, at, oneIn } = spec
  return guard({
    name,
    at,
    timeout: guardTimeoutMs,
    check: async (subject, { position, runId, signal, tainted }) => {
      const { id = '', args } = subject as { id?: string; args?: Args }
      const isHit = new Dice(0, `${name} ${JSON.stringify(subject)}`).below(oneIn) === 0
      // Nothing is fixed for ever.
      const isFixed = position === 'call' && args?.fixed === true
      const says = isHit && !(spec.says === 'fix' && isFixed) ? spec.says : 'allow'
      await view.judged(spec, { run: runId, position, guard: name, call: id, tainted }, says)
      if (says === 'hang') await untilAbortedOr(signal)
      return verdictOf(says, position, subject)
    },
  })
}

const untilAbortedOr = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new RangeError('too late')), { once: true })
  })

function verdictOf(says: string, position: string, subject: object): GuardVerdict {
  switch (says) {
    case 'deny':
      return verdict.deny('It is not good.')
    case 'retry':
      return verdict.retry('Try something else.')
    case 'ask':
      return verdict.ask('May it?')
    case 'halt':
      return verdict.halt('Enough.')
    case 'throw':
      throw new TypeError('The guard has fallen asleep.')
    case 'fix':
      return verdict.fix(fixOf(position, subject))
    default:
      return verdict.allow()
  }
}

function fixOf(position: string, subject: object): unknown {
  const { args, messages, text } = subject as {
    args?: Args
    messages?: readonly unknown[]
    text?: string
  }
  switch (position) {
    case 'call':
      return { ...args, n: (args?.n ?? 0) + 1000, fixed: true }
    case 'request':
      return messages
    default:
      return `Fixed: ${text?.slice(0, 50)}`
  }
}
