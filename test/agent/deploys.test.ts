/**
 * What a deploy changes of an agent while its run waits: each change at each kind of wait. The run
 * never diverges, nothing that was done is done again, and the change counts from the next call on.
 */
import { describe, expect, test } from 'vitest'
import {
  type Agent,
  agent,
  type AgentDefinition,
  agentTool,
  askPerson,
  guard,
  type Guard,
  type Policy,
  policy,
  tool,
  unknown,
  verdict,
} from 'everloop'
import { type ScriptedModel, scriptedModel, type TestRuntime, testRuntime } from 'everloop/testing'
import { z } from 'zod'
import { promptOf } from './prompts.ts'

type AnyTool = NonNullable<AgentDefinition['tools']>[number]

/** What a run waits for. */
type Wait = 'an approval' | 'a question' | 'a message' | 'a doubt' | 'a budget' | 'a guard'

const waits: readonly Wait[] = [
  'an approval',
  'a question',
  'a message',
  'a doubt',
  'a budget',
  'a guard',
]

/** An agent that looks, then comes to a wait, and says what it was told. */
function world(wait: Wait) {
  const done: string[] = []
  const look = tool({
    name: 'look',
    description: 'Looks.',
    input: z.object({}),
    effect: 'read',
    run: () => {
      done.push('look')
      return 'seen'
    },
  })
  const pay = tool({
    name: 'pay',
    description: 'Pays.',
    input: z.object({}),
    effect: wait === 'a doubt' ? 'once' : 'idempotent',
    approval: wait === 'an approval',
    ...(wait === 'a doubt' ? { reconcile: () => unknown('No access.') } : {}),
    run: () => {
      done.push('pay')
      if (wait === 'a doubt') throw new Error('connection lost')
      return 'paid'
    },
  })
  const ask = askPerson({
    name: 'ask',
    description: 'Asks.',
    input: z.object({}),
    prompt: () => 'Which?',
  })
  const script = (): ScriptedModel =>
    scriptedModel(({ turn }) => {
      const name = wait === 'a question' ? 'ask' : 'pay'
      if (turn === 0) return { toolCalls: [{ id: 'l', name: 'look', input: {} }] }
      if (turn === 1 && wait !== 'a message') return { toolCalls: [{ id: 'w', name, input: {} }] }
      return { text: 'Done.' }
    })
  const asking = guard({
    name: 'asking',
    at: 'result',
    check: ({ tool: { name } }) => (name === 'pay' ? verdict.ask('Tell?') : verdict.allow()),
  })
  const model = script()
  const definition: AgentDefinition = {
    name: 'a',
    model,
    instructions: 'Old.',
    tools: [look, pay, ask],
    ...(wait === 'a message' ? { conversation: true } : {}),
    ...(wait === 'a budget' ? { budget: { turns: 2 } } : {}),
    ...(wait === 'a guard' ? { guards: [asking] } : {}),
  }
  return { done, model, script, definition, tools: { look, pay, ask } }
}

type World = ReturnType<typeof world>

/** Lets the run go on. */
async function letGoOn({ ever }: TestRuntime, wait: Wait, run: string): Promise<void> {
  if (wait === 'a message') {
    await ever.send(run, 'Go on.')
    return
  }
  const [open, ...others] = await ever.questions()
  expect(others).toEqual([])
  const id = open?.id ?? ''
  switch (wait) {
    case 'an approval':
      return ever.approvals.approve(id, { by: 'eve' })
    case 'a question':
      return ever.answer(id, 'this')
    case 'a doubt':
      return ever.answer(id, { verdict: 'done', result: 'paid' })
    case 'a budget':
      return ever.answer(id, { verdict: 'continue' })
    case 'a guard':
      return ever.answer(id, { verdict: 'allow' })
  }
}

const never = (at: 'input' | 'call' | 'request' | 'answer' | 'result' | 'output') =>
  guard({ name: `never-${at}`, at, check: () => verdict.deny('Never.') })

interface Deploy {
  readonly agent: Agent
  readonly model: ScriptedModel
  readonly policies?: readonly Policy[]
}

/** The changes, and what the next call shows of each. */
const changes: readonly {
  readonly name: string
  readonly deploy: (world: World) => Deploy
  readonly ends?: unknown
  readonly shows?: (model: ScriptedModel) => void
}[] = [
  {
    name: 'other instructions',
    deploy: ({ definition, script }) => {
      const model = script()
      return { model, agent: agent({ ...definition, model, instructions: 'New.' }) }
    },
    shows: (model) => expect(promptOf(model, 0)[0]).toEqual({ role: 'system', content: 'New.' }),
  },
  {
    name: 'another model and other settings',
    deploy: ({ definition, script }) => {
      const model = script()
      return { model, agent: agent({ ...definition, model, settings: { temperature: 0.5 } }) }
    },
    shows: (model) => expect(model.requests[0]?.body).toMatchObject({ temperature: 0.5 }),
  },
  {
    name: 'one more tool',
    deploy: ({ definition, script, tools }) => {
      const model = script()
      const more = tool({
        name: 'more',
        description: 'More.',
        input: z.object({}),
        effect: 'read',
        run: () => 'more',
      })
      return {
        model,
        agent: agent({ ...definition, model, tools: [more, ...Object.values(tools)] }),
      }
    },
    shows: (model) => expect(model.requests[0]?.tools).toContain('more'),
  },
  {
    name: 'guards at all positions that are past',
    deploy: ({ definition, script }) => {
      const model = script()
      const guards = [...(definition.guards ?? []), never('input'), never('answer')]
      return { model, agent: agent({ ...definition, model, guards }) }
    },
    ends: { error: { code: 'GUARD_DENIED' } },
  },
  {
    name: 'a policy that forbids the next request',
    deploy: ({ definition, script }) => {
      const model = script()
      const policies = [policy({ name: 'p', guards: [never('request')] })]
      return { model, policies, agent: agent({ ...definition, model }) }
    },
    ends: { status: 'failed', error: { code: 'GUARD_DENIED' } },
    shows: (model) => expect(model.requests).toEqual([]),
  },
  {
    name: 'a policy that wants approvals, which are past',
    deploy: ({ definition, script }) => {
      const model = script()
      const policies = [policy({ name: 'p', approval: [{ tools: 'pay' }, { tools: 'look' }] })]
      return { model, policies, agent: agent({ ...definition, model }) }
    },
  },
  {
    name: 'no guards and no budget any more',
    deploy: ({ definition, script }) => {
      const model = script()
      return { model, agent: agent({ ...definition, model, guards: [], budget: {} }) }
    },
  },
  {
    name: 'a budget that is used up already',
    deploy: ({ definition, script }) => {
      const model = script()
      return { model, agent: agent({ ...definition, model, budget: { turns: 1 } }) }
    },
    ends: 'asks',
    shows: (model) => expect(model.requests).toEqual([]),
  },
]

describe.each(waits)('while a run waits for %s', (wait) => {
  test.each(changes)('$name', async ({ deploy, ends, shows }) => {
    const old = world(wait)
    await using runtime = await testRuntime({ flows: [agent(old.definition)] })
    const run = await runtime.start(agent(old.definition), { prompt: 'Go.' })
    await runtime.advance('2d')
    expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
    const before = [...old.done]
    const next = deploy(old)
    await runtime.restart({ flows: [next.agent], policies: next.policies ?? [] })
    await runtime.settle()
    await letGoOn(runtime, wait, run.id)
    const settled = await runtime.settled(run)

    expect(settled).not.toMatchObject({ status: 'paused' })
    expect(old.done).toEqual(wait === 'an approval' ? [...before, 'pay'] : before)
    if (ends === undefined) {
      const end = wait === 'a message' ? { status: 'waiting' } : { status: 'completed' }
      expect(settled).toMatchObject(end)
    } else if (ends === 'asks') {
      // A limit that somebody has lifted for this run stays lifted.
      const end = wait === 'a budget' ? { status: 'completed' } : { status: 'waiting' }
      expect(settled).toMatchObject(end)
    } else if (wait !== 'a message') expect(settled).toMatchObject(ends as object)
    if (!(ends === 'asks' && wait === 'a budget')) shows?.(next.model)
    await runtime.verify()
  })
})

test('a conversation that a deploy ends goes on waiting, answers the next message and completes', async () => {
  const old = world('a message')
  await using runtime = await testRuntime({ flows: [agent(old.definition)] })
  const run = await runtime.start(agent(old.definition), { prompt: 'Go.' })
  await runtime.settle()
  await runtime.restart({ flows: [agent({ ...old.definition, conversation: false })] })
  await runtime.ever.pause(run.id)
  await runtime.settle()
  await runtime.ever.resume(run.id)
  await runtime.advance('30d')
  expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
  await runtime.ever.send(run.id, 'Is anybody there?')
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
  expect(old.model.requests).toHaveLength(3)
  await runtime.verify()
})

describe('a run whose call waits says so when its tool has gone, and goes on when it is back', () => {
  const changed = (world: World, how: string): NonNullable<AgentDefinition['tools']> => {
    const { look, pay, ask } = world.tools
    const input = z.object({ more: z.string() })
    const rest = { description: 'Other.', input, effect: 'read', run: () => 'other' } as const
    if (how === 'removed') return [look]
    if (how === 'renamed') return [look, tool({ ...rest, name: 'pay2', input: z.object({}) })]
    return [look, tool({ ...rest, name: pay.name }), tool({ ...rest, name: ask.name })]
  }
  const cells = (['an approval', 'a question', 'a doubt', 'a guard'] as const)
    .flatMap((wait) =>
      (['removed', 'renamed', 'of another schema'] as const).map((how) => [wait, how] as const),
    )
    // A result that is recorded is served, whatever a schema says by now.
    .filter(([wait, how]) => wait !== 'a guard' || how !== 'of another schema')
  test.each(cells)('%s, %s', async (wait, how) => {
    const old = world(wait)
    await using runtime = await testRuntime({ flows: [agent(old.definition)] })
    const run = await runtime.start(agent(old.definition), { prompt: 'Go.' })
    await runtime.advance('2d')
    const before = [...old.done]
    const model = old.script()
    const without = agent({ ...old.definition, model, tools: changed(old, how) })
    await runtime.restart({ flows: [without] })
    await runtime.settle()
    await letGoOn(runtime, wait, run.id)
    expect(await runtime.settled(run)).toMatchObject({
      status: 'paused',
      code: 'DIVERGED',
      message: expect.stringContaining('Put the old code back and resume the run'),
    })
    expect(model.requests).toEqual([])
    expect(old.done).toEqual(before)
    await runtime.restart({ flows: [agent(old.definition)] })
    await runtime.ever.resume(run.id)
    expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
    expect(old.done).toEqual(wait === 'an approval' ? [...before, 'pay'] : before)
    await runtime.verify()
  })
})

describe('what a call has begun goes on, although a deploy refuses such arguments', () => {
  const person = askPerson({
    name: 'person',
    description: 'Asks.',
    input: z.object({}),
    prompt: () => 'Which?',
  })
  const asker = (tools: NonNullable<AgentDefinition['tools']>): Agent =>
    agent({
      name: 'below',
      model: scriptedModel(
        [{ toolCalls: [{ id: 'p', name: 'person', input: {} }] }, { text: 'Asked.' }],
        { by: 'turn' },
      ),
      tools,
    })
  const below = asker([person])
  const loose = z.object({ prompt: z.string() })
  const tight = z.object({ prompt: z.string().min(2) })
  const described = { name: 'call', description: 'Is called.' }
  const asking = guard({ name: 'asking', at: 'result', check: () => verdict.ask('Tell?') })
  const asked = { ...described, prompt: () => 'Which?' }
  const read = { ...described, effect: 'read', run: () => 'seen' } as const
  const strict = agentTool(below, described)
  test.each<[string, AnyTool, AnyTool, unknown, (readonly Guard[])?]>([
    // Builds before took a blank prompt: a schema that does stands for them.
    ['an agent below', agentTool(below, { ...described, input: loose }), strict, 'this'],
    [
      'an agent below that people are asked about',
      agentTool(below, {
        ...described,
        input: loose,
        inputSchema: strict.inputSchema,
        approval: true,
      }),
      agentTool(below, { ...described, inputSchema: strict.inputSchema, approval: true }),
      undefined,
    ],
    [
      'an agent below, with a schema of its own',
      agentTool(below, { ...described, input: loose }),
      agentTool(below, { ...described, input: tight }),
      'this',
    ],
    [
      'a question',
      askPerson({ ...asked, input: loose }),
      askPerson({ ...asked, input: tight }),
      'this',
    ],
    [
      'a call that has returned',
      tool({ ...read, input: loose }),
      tool({ ...read, input: tight }),
      { verdict: 'allow' },
      [asking],
    ],
  ])('%s', async (_, before, after, answer, guards = []) => {
    const calling = (one: AnyTool): Agent =>
      agent({
        name: 'a',
        model: scriptedModel(
          [{ toolCalls: [{ id: 'c', name: 'call', input: { prompt: ' ' } }] }, { text: 'Done.' }],
          { by: 'turn' },
        ),
        tools: [one],
        guards,
      })
    await using runtime = await testRuntime({ flows: [calling(before), below] })
    const run = await runtime.start('a', { prompt: 'Go.' })
    expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
    await runtime.restart({ flows: [calling(after), below] })
    await runtime.settle()
    const [open] = await runtime.ever.questions()
    if (answer === undefined) {
      await runtime.ever.approvals.approve(open?.id ?? '', { by: 'eve' })
      await runtime.settle()
      await runtime.answer('Which?', 'this')
    } else await runtime.ever.answer(open?.id ?? '', answer)
    expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
    await runtime.verify()
  })
})

/** Waits in the middle of what comes before a call or an answer. */
describe('guards that a deploy adds are not asked about what is past', () => {
  const all = (['input', 'answer', 'call'] as const).map(never)
  const look = tool({
    name: 'look',
    description: 'Looks.',
    input: z.object({}),
    effect: 'read',
    run: () => 'seen',
  })
  const script = () =>
    scriptedModel([{ toolCalls: [{ id: 'c', name: 'look', input: {} }] }, { text: 'Done.' }], {
      by: 'turn',
    })
  const done = { status: 'completed', output: 'Done.' }
  test.each<[string, Partial<AgentDefinition>, unknown, readonly Guard[], unknown]>([
    [
      'a question about the request',
      { guards: [guard({ name: 'g', at: 'request', check: () => verdict.ask('Send?') })] },
      { verdict: 'allow' },
      [never('input')],
      { status: 'waiting', on: [{ kind: 'approval' }] },
    ],
    [
      'a budget of turns',
      { budget: { turns: 0 } },
      { verdict: 'continue' },
      [never('input')],
      { status: 'waiting', on: [{ kind: 'approval' }] },
    ],
    ['a budget of calls', { budget: { calls: 0 } }, { verdict: 'continue' }, all.slice(2), done],
    [
      'a budget of calls, and the next answer is not past',
      { budget: { calls: 0 } },
      { verdict: 'continue' },
      all,
      {
        status: 'failed',
        error: {
          code: 'GUARD_DENIED',
          message: expect.stringContaining('denied the answer of agent "a" 3 times'),
        },
      },
    ],
  ])('%s', async (_, more, answer, guards, end) => {
    const definition = { name: 'a', tools: [look], ...more }
    const before = agent({ ...definition, model: script() })
    await using runtime = await testRuntime({ flows: [before] })
    const run = await runtime.start(before, { messages: ['One.', 'Two.'] })
    const policies = [policy({ name: 'p', guards, approval: [{ tools: '*' }] })]
    const after = agent({ ...definition, model: script(), compaction: { above: 1, keep: 1 } })
    await runtime.restart({ flows: [after], policies })
    await runtime.settle()
    const [open] = await runtime.ever.questions()
    await runtime.ever.answer(open?.id ?? '', answer)
    expect(await runtime.settled(run)).toMatchObject(end as object)
    await runtime.verify()
  })
})

test.each([
  ['allow', 1],
  ['deny', 2], // what is denied is taken back, and said again
] as const)(
  'an output that people were asked about is answered, and then fits the schema that a deploy has added: %s',
  async (said, requests) => {
    const script = [{ text: 'Done.' }, { text: '{"n":1}' }]
    const asking = guard({
      name: 'asking',
      at: 'output',
      check: ({ text }) => (text === 'Done.' ? verdict.ask('Tell?') : verdict.allow()),
    })
    const before = agent({
      name: 'a',
      model: scriptedModel(script, { by: 'turn' }),
      guards: [asking],
    })
    await using runtime = await testRuntime({ flows: [before] })
    const run = await runtime.start(before, { prompt: 'Go.' })
    await runtime.settle()
    const model = scriptedModel(script, { by: 'turn' })
    const output = z.object({ n: z.number() })
    await runtime.restart({ flows: [agent({ name: 'a', model, guards: [asking], output })] })
    await runtime.settle()
    const [open] = await runtime.ever.questions()
    await runtime.ever.answer(open?.id ?? '', { verdict: said })
    expect(await runtime.settled(run)).toEqual({ status: 'completed', output: { n: 1 } })
    expect(model.requests).toHaveLength(requests)
    await runtime.verify()
  },
)
