/**
 * Agents whose ledgers are kept. Their models answer from a script, and their tools take
 * plain JSON Schemas: no library may change what they wrote.
 */
import {
  agent,
  agentTool,
  askPerson,
  guard,
  repeatGuard,
  taintGuard,
  tool,
  verdict,
} from '../../src/index.ts'
import { type ScriptedAnswer, scriptedModel, type TestRuntime } from '../../src/testing/index.ts'

const calls = (...toolCalls: readonly { name: string; input: unknown }[]): ScriptedAnswer => ({
  toolCalls,
})
const script = (...answers: readonly ScriptedAnswer[]) => scriptedModel(answers)
const inputSchema = {
  type: 'object',
  properties: { id: { type: 'string' }, cents: { type: 'integer' } },
  required: ['id'],
  additionalProperties: false,
}
interface Args {
  readonly id: string
  readonly cents?: number
}
const common = { description: 'Works.', inputSchema }

const look = tool<Args, object>({
  ...common,
  name: 'look',
  effect: 'read',
  run: ({ id }) => ({ id, text: 'z'.repeat(300) }),
})
const browse = tool<Args, string>({
  ...common,
  name: 'browse',
  effect: 'read',
  taints: true,
  run: ({ id }) => `The page ${id} says: pay.`,
})
const book = tool<Args, string>({
  ...common,
  name: 'book',
  effect: 'idempotent',
  run: ({ id }) => `Booked ${id}.`,
  undo: ({ id }) => `Cancelled ${id}.`,
})
const refund = tool<Args, string>({
  ...common,
  name: 'refund',
  effect: 'once',
  writes: 'outside',
  approval: ({ id, cents = 0 }) => ({
    needed: cents > 100,
    approvals: cents > 1000 ? 2 : 1,
    timeout: '2d',
    ...(id === 'late' ? { escalate: { after: '1d', to: 'Eve' } } : {}),
  }),
  run: ({ id, cents = 0 }) => `Refunded ${cents} of ${id}.`,
})
const breaks = tool<Args, string>({
  ...common,
  name: 'breaks',
  effect: 'read',
  run: () => {
    throw new Error('Broken.')
  },
})
const ask = askPerson({ name: 'ask', description: 'Asks.', prompt: () => 'What colour?' })

const output = {
  '~standard': {
    version: 1,
    vendor: 'golden',
    validate: (value: unknown) =>
      typeof value === 'object' && value !== null && 'total' in value
        ? { value: value as { total: number } }
        : { issues: [{ message: 'total is missing' }] },
    jsonSchema: {
      input: () => ({ type: 'object', properties: { total: { type: 'number' } } }),
      output: () => ({ type: 'object', properties: { total: { type: 'number' } } }),
    },
  },
} as const

const clerk = agent({
  name: 'clerk',
  title: 'A clerk',
  model: script(
    calls(
      { name: 'look', input: { id: 'a' } },
      { name: 'book', input: { id: 'b' } },
      { name: 'refund', input: { id: 'c', cents: 5 } },
      { name: 'breaks', input: { id: 'd' } },
      { name: 'look', input: { id: 5 } },
      { name: 'nowhere', input: {} },
    ),
    { text: '{"sum":1}' },
    { text: '{"total":1}' },
  ),
  instructions: 'Work.',
  tools: [look, book, refund, breaks],
  output,
})

const approved = agent({
  name: 'approved',
  model: script(
    calls(
      { name: 'look', input: { id: 'a' } },
      { name: 'refund', input: { id: 'two', cents: 5000 } },
      { name: 'refund', input: { id: 'edited', cents: 500 } },
      { name: 'refund', input: { id: 'denied', cents: 500 } },
      { name: 'refund', input: { id: 'late', cents: 500 } },
    ),
    calls({ name: 'ask', input: {} }),
    { text: 'Done.' },
  ),
  tools: [look, refund, ask],
})

const guarded = agent({
  name: 'guarded',
  model: script(
    calls({ name: 'browse', input: { id: 'p' } }, { name: 'look', input: { id: 'secret' } }),
    calls({ name: 'refund', input: { id: 'r', cents: 1 } }),
    { text: 'rude' },
    { text: 'polite' },
  ),
  tools: [browse, look, refund],
  budget: { turns: 3 },
  guards: [
    taintGuard(),
    repeatGuard(),
    guard({
      name: 'secret',
      at: 'call',
      check: ({ args }) =>
        (args as Args).id === 'secret' ? verdict.fix({ id: 'public' }) : verdict.allow(),
    }),
    guard({
      name: 'polite',
      at: 'answer',
      check: ({ text }) => (text === 'rude' ? verdict.retry('Be polite.') : verdict.allow()),
    }),
    guard({ name: 'input', at: ['input', 'output'], check: () => verdict.allow() }),
  ],
})

const talk = agent({
  name: 'talk',
  model: script(
    calls({ name: 'ask', input: {} }),
    { text: 'Blue, then.' },
    { text: 'Yes.' },
    { text: 'Bye.' },
  ),
  tools: [ask],
  conversation: { idle: '1d' },
  compaction: { above: 1, keep: 1, model: scriptedModel(() => ({ text: 'They spoke.' })) },
})

const spending = agent({
  name: 'spending',
  model: scriptedModel(
    [
      calls(...['a', 'b', 'c', 'd'].map((id) => ({ name: 'look', input: { id } }))),
      calls({ name: 'look', input: { id: 'e' } }),
      { text: 'Done.' },
    ],
    { by: 'turn' },
  ),
  tools: [look],
  budget: { calls: 1 },
})

const below = agent({
  name: 'below',
  model: script(calls({ name: 'browse', input: { id: 'q' } }), { text: 'Read.' }),
  tools: [browse],
})
const halting = agent({
  name: 'halting',
  model: script(calls({ name: 'book', input: { id: 'f' } }), calls({ name: 'ask', input: {} })),
  tools: [book, ask],
  stop: { turns: 9 },
  guards: [guard({ name: 'stop', at: 'result', check: () => verdict.halt('Enough.') })],
})
const lead = agent({
  name: 'lead',
  model: script(
    calls(
      { name: 'read', input: { prompt: 'Read.' } },
      { name: 'fail', input: { prompt: 'Fail.' } },
    ),
    calls({ name: 'refund', input: { id: 'r', cents: 1 } }),
    { text: 'Done.' },
  ),
  tools: [
    agentTool(below, { name: 'read', description: 'Reads.' }),
    agentTool(halting, { name: 'fail', description: 'Fails.' }),
    refund,
  ],
  guards: [taintGuard()],
})
const undoing = agent({
  name: 'undoing',
  model: script(
    calls({ name: 'book', input: { id: 'u' } }, { name: 'book', input: { id: 'v' } }),
    calls({ name: 'look', input: { id: 'w' } }),
  ),
  tools: [book, look],
  guards: [
    guard({
      name: 'no-looking',
      at: 'call',
      check: ({ tool: { name } }) =>
        name === 'look' ? verdict.halt('No looking.') : verdict.allow(),
    }),
  ],
})

const idOf = async ({ ever }: TestRuntime, id: string): Promise<string> =>
  (await ever.approvals.list()).find(({ args }) => (args as Args).id === id)?.id ?? ''

const answerAny = async ({ ever }: TestRuntime, value: unknown): Promise<void> => {
  const [question] = await ever.questions()
  await ever.answer(question?.id ?? '', value)
}

const input = { prompt: 'Go.' }

/** By name, as in flows.ts, with what they are started with. */
export const goldenAgents = {
  clerk: { flow: clerk, input, drive: async (): Promise<void> => {} },
  approved: {
    flow: approved,
    input,
    drive: async (runtime: TestRuntime): Promise<void> => {
      const { approvals } = runtime.ever
      const two = await idOf(runtime, 'two')
      await approvals.snooze(two, '1h', { by: 'Ann' })
      await approvals.assign(two, 'Bob', { by: 'Ann' })
      await approvals.approve(two, { by: 'Ann', channel: 'slack' })
      await runtime.settle()
      await approvals.approve(two, { by: 'Bob' })
      await approvals.approve(await idOf(runtime, 'edited'), {
        by: 'Ann',
        args: { id: 'edited', cents: 50 },
      })
      await approvals.deny(await idOf(runtime, 'denied'), { by: 'Ann', reason: 'No.' })
      await runtime.advance('3d')
      await answerAny(runtime, 'Blue.')
      await runtime.settle()
    },
  },
  guarded: {
    flow: guarded,
    input,
    drive: async (runtime: TestRuntime): Promise<void> => {
      await runtime.ever.approvals.approve(await idOf(runtime, 'r'), { by: 'Ann' })
      await runtime.settle()
      await answerAny(runtime, { verdict: 'raise', limits: { turns: 9 } })
      await runtime.settle()
    },
  },
  // In 0.1 each of its calls asks for itself.
  spending: {
    flow: spending,
    input,
    drive: async (runtime: TestRuntime): Promise<void> => {
      const { ever } = runtime
      for (const [at, value] of [
        [1, { verdict: 'raise', limits: { calls: 2 } }],
        [0, { verdict: 'raise', limits: { calls: 2 } }],
        [0, { verdict: 'continue' }],
        [0, { verdict: 'raise', limits: { calls: 9 } }],
      ] as const) {
        const open = await ever.questions()
        const { id = '' } = open[at] ?? open[0] ?? {}
        if (id !== '') await ever.answer(id, value)
        await runtime.settle()
      }
    },
  },
  talk: {
    flow: talk,
    input,
    drive: async (runtime: TestRuntime): Promise<void> => {
      await runtime.ever.send('talk', 'Hurry.', { by: 'Ann' })
      await runtime.settle()
      await answerAny(runtime, 'Blue.')
      await runtime.settle()
      await runtime.ever.send('talk', 'Really?', { by: 'Ann' })
      await runtime.settle()
      await runtime.ever.send('talk', 'Fine.', { by: 'Ann' })
      await runtime.advance('2d')
    },
  },
  lead: {
    flow: lead,
    input,
    drive: async (runtime: TestRuntime): Promise<void> => {
      await runtime.ever.approvals.approve(await idOf(runtime, 'r'), { by: 'Ann' })
      await runtime.settle()
    },
  },
  undoing: { flow: undoing, input, drive: async (): Promise<void> => {} },
} as const

/** Agents that the others start. */
export const agentsBelow = [below, halting] as const
