/** Which of the parallel calls that find a limit used up asks, and what an answer does for the others. */
import { expect, test } from 'vitest'
import { agent, askPerson, type Budget, tool } from 'everloop'
import {
  crashAtEveryCommit,
  scriptedModel,
  type TestRuntime,
  type TestRuntimeOptions,
  testRuntime,
} from 'everloop/testing'
import { z } from 'zod'

const usage = { input: 100, output: 20 }

/** An agent that looks at so many things at once, and then is done. */
function looking(count: number, budget: Budget, seen: number[] = []) {
  const look = tool({
    name: 'look',
    description: 'Looks.',
    input: z.object({ at: z.number() }),
    effect: 'read',
    run: ({ at }) => {
      seen.push(at)
      return `seen ${at}`
    },
  })
  const toolCalls = Array.from({ length: count }, (_, at) => ({
    id: `c${at}`,
    name: 'look',
    input: { at },
  }))
  const model = scriptedModel(
    [
      { toolCalls, usage },
      { text: 'Done.', usage },
    ],
    { by: 'turn' },
  )
  return { seen, looker: agent({ name: 'looker', model, tools: [look], budget }) }
}

const done = { status: 'completed', output: 'Done.' } as const

/** The one question that is open. */
async function asked({ ever }: TestRuntime): Promise<{ id: string; prompt: string }> {
  const [question, ...others] = await ever.questions()
  expect(others).toEqual([])
  if (!question) throw new Error('Nobody is asked.')
  return question
}

async function answer(runtime: TestRuntime, value: unknown): Promise<void> {
  const { id } = await asked(runtime)
  await runtime.ever.answer(id, value)
  await runtime.settle()
}

test('of hundreds of calls one asks, and what is said is said to all', async () => {
  const { seen, looker } = looking(500, { calls: 3 })
  await using runtime = await testRuntime({ flows: [looker] })
  const run = await runtime.start(looker, { prompt: 'Look.' })
  expect(seen).toHaveLength(3)
  await answer(runtime, { verdict: 'continue' })
  expect(await runtime.settled(run)).toEqual(done)
  expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, at) => at))
  await runtime.verify()
})

test('a raise that is enough for some of them leads to one question of the others', async () => {
  const { seen, looker } = looking(7, { calls: 1 })
  await using runtime = await testRuntime({ flows: [looker] })
  const run = await runtime.start(looker, { prompt: 'Look.' })
  for (const calls of [3, 4, 6]) {
    await answer(runtime, { verdict: 'raise', limits: { calls } })
    expect(seen).toHaveLength(calls)
    expect((await runtime.ever.account(run.id)).amounts).toMatchObject({ calls })
    expect((await asked(runtime)).prompt).toContain(`${calls} of ${calls} tool calls`)
  }
  await answer(runtime, { verdict: 'raise', limits: { calls: 7 } })
  expect(await runtime.settled(run)).toEqual(done)
})

test('stop ends the run, and those who wait with it', async () => {
  const { seen, looker } = looking(5, { calls: 2 })
  await using runtime = await testRuntime({ flows: [looker] })
  const run = await runtime.start(looker, { prompt: 'Look.' })
  await answer(runtime, { verdict: 'stop' })
  expect(await runtime.settled(run)).toMatchObject({
    status: 'failed',
    error: { code: 'BUDGET_STOPPED', message: expect.stringContaining('2 of 2 tool calls') },
  })
  expect(await runtime.ever.questions()).toEqual([])
  expect(seen).toHaveLength(2)
})

test('a cancel reaches those who wait', async () => {
  const { looker } = looking(5, { calls: 2 })
  await using runtime = await testRuntime({ flows: [looker] })
  const run = await runtime.start(looker, { prompt: 'Look.' })
  await asked(runtime)
  await runtime.ever.cancel(run.id, 'Enough.')
  expect(await runtime.settled(run)).toMatchObject({ status: 'cancelled', reason: 'Enough.' })
  await runtime.verify()
})

test('another process asks nothing more, and goes on with what was said', async () => {
  const { seen, looker } = looking(5, { calls: 2 })
  await using runtime = await testRuntime({ flows: [looker] })
  const run = await runtime.start(looker, { prompt: 'Look.' })
  const { id } = await asked(runtime)
  runtime.crash()
  await runtime.settle()
  expect((await asked(runtime)).id).toBe(id)
  await answer(runtime, { verdict: 'raise', limits: { calls: 3 } })
  const again = await asked(runtime)
  expect(seen).toHaveLength(3)
  runtime.crash()
  await runtime.settle()
  expect((await asked(runtime)).id).toBe(again.id)
  await answer(runtime, { verdict: 'continue' })
  expect(await runtime.settled(run)).toEqual(done)
  expect(seen).toHaveLength(5)
  await runtime.verify()
})

/** Answers whatever is asked: with a raise by one until it is the last, which may go on. */
async function raiseByOne(runtime: TestRuntime, last: number): Promise<void> {
  await runtime.settle()
  for (let question; ([question] = await runtime.ever.questions()) && question;) {
    const used = Number(/(\d+) of \d+ tool calls/.exec(question.prompt)?.[1])
    const raise = { verdict: 'raise', limits: { calls: used + 1 } }
    await runtime.ever.answer(question.id, used < last ? raise : { verdict: 'continue' })
    await runtime.settle()
  }
}

test.each<[string, Partial<TestRuntimeOptions>]>([
  ['', {}],
  [', whoever is first', { development: true }],
])('wherever the process dies, all are made in the end%s', async (_, options) => {
  const { looker } = looking(6, { calls: 2 })
  const report = await crashAtEveryCommit(
    looker,
    { prompt: 'Look.' },
    { ...options, drive: (runtime) => raiseByOne(runtime, 4) },
  )
  expect(report.outcomes).toEqual([done])
  expect(report.flaws).toEqual([])
})

/** An agent that looks and, when somebody has approved it, sends. */
function sending(
  count: number,
  budget: Budget,
  run: () => Promise<string> | string = () => 'seen',
) {
  const common = { description: 'Works.', inputSchema: { type: 'object' }, effect: 'read' } as const
  const look = tool({ ...common, name: 'look', run })
  const send = tool({ ...common, name: 'send', approval: true, run: () => 'sent' })
  const toolCalls = [...Array.from({ length: count }, () => 'look'), 'send'].map((name) => ({
    name,
    input: {},
  }))
  const model = scriptedModel(
    [
      { toolCalls, usage },
      { text: 'Done.', usage },
    ],
    { by: 'turn' },
  )
  return agent({ name: 'sender', model, tools: [look, send], budget })
}

async function approve(runtime: TestRuntime): Promise<void> {
  const [approval] = await runtime.ever.approvals.list()
  await runtime.ever.approvals.approve(approval?.id ?? '', { by: 'Ann' })
  await runtime.settle()
}

test.each(['this process', 'another one'])(
  'what was said to some holds for a call that comes later in the turn, in %s',
  async (where) => {
    const sender = sending(3, { calls: 2 })
    await using runtime = await testRuntime({ flows: [sender] })
    const run = await runtime.start(sender, { prompt: 'Send.' })
    const open = await runtime.ever.questions()
    const { id = '' } = open.find(({ kind }) => kind === 'question') ?? {}
    await runtime.ever.answer(id, { verdict: 'raise', limits: { calls: 4 } })
    await runtime.settle()
    if (where !== 'this process') runtime.crash()
    await approve(runtime)
    expect(await runtime.settled(run)).toEqual(done)
    await runtime.verify()
  },
)

test('a call that is lost in a crash does not ask before it is known that another one has asked', async () => {
  const started: number[] = []
  const sender = sending(1, { time: '1m' }, () => {
    started.push(1)
    return started.length === 1 ? new Promise(() => {}) : 'seen'
  })
  await using runtime = await testRuntime({ flows: [sender] })
  const run = await runtime.ever.start(sender, { prompt: 'Send.' })
  await runtime.runUntil(() => started.length === 1)
  const after = runtime.time.clock.now() + 120_000
  await runtime.runUntil(() => runtime.time.clock.now() >= after)
  const [approval] = await runtime.ever.approvals.list()
  await runtime.ever.approvals.approve(approval?.id ?? '', { by: 'Ann' })
  const isAsking = async (): Promise<boolean> => (await runtime.ever.questions()).length > 0
  await runtime.runUntil(isAsking)
  const { id, prompt } = await asked(runtime)
  expect(prompt).toContain('of 60s of time')
  runtime.crash()
  await runtime.settle()
  expect((await asked(runtime)).id).toBe(id)
  await answer(runtime, { verdict: 'continue' })
  expect(await runtime.settled(run)).toEqual(done)
  await runtime.verify()
})

test('what is said of one limit stays said when an older question about another one is answered', async () => {
  const common = { description: 'Works.', inputSchema: { type: 'object' } } as const
  const poll = askPerson({ name: 'poll', description: 'Asks.', prompt: () => 'How is it?' })
  const look = tool({ ...common, name: 'look', effect: 'read', run: () => 'seen' })
  const send = tool({ ...common, name: 'send', effect: 'read', approval: true, run: () => 'sent' })
  const toolCalls = ['poll', 'look', 'send', 'send'].map((name) => ({ name, input: {} }))
  const model = scriptedModel(
    [
      { toolCalls, usage },
      { text: 'Done.', usage },
    ],
    { by: 'turn' },
  )
  const tools = [poll, look, send]
  const sender = agent({ name: 'sender', model, tools, budget: { calls: 1, time: '1m' } })
  await using runtime = await testRuntime({ flows: [sender] })
  const run = await runtime.start(sender, { prompt: 'Send.' })
  const say = async (about: string, value: unknown): Promise<void> => {
    const fitting = (await runtime.ever.questions()).filter(({ prompt }) => prompt.includes(about))
    expect(fitting).toHaveLength(1)
    await runtime.ever.answer(fitting[0]?.id ?? '', value)
    await runtime.settle()
  }
  await say('How is it?', 'Well.') // and gives back its place among the calls
  await runtime.advance('2m')
  await approve(runtime)
  await approve(runtime)
  await say('of 60s of time', { verdict: 'continue' })
  await say('tool calls', { verdict: 'continue' })
  expect(await runtime.settled(run)).toEqual(done)
  await runtime.verify()
})

test.each([
  ['had room at once', 0],
  ['was let through by what another one was told', 1],
  ['was let through with others', 2],
  ['asked itself', 3],
])('regression: a call that a crash has cut off keeps its room: it %s', async (_, slow) => {
  const begun: number[] = []
  const look = tool({
    name: 'look',
    description: 'Looks.',
    input: z.object({ at: z.number() }),
    effect: 'read',
    run: async ({ at }) => {
      const isFirst = !begun.includes(at)
      begun.push(at)
      if (at === slow && isFirst) await new Promise(() => {}) // under way when the process dies
      return `seen ${at}`
    },
  })
  const toolCalls = Array.from({ length: 6 }, (_, at) => ({
    id: `c${at}`,
    name: 'look',
    input: { at },
  }))
  const model = scriptedModel([{ toolCalls }, { text: 'Done.' }], { by: 'turn' })
  const looker = agent({ name: 'looker', model, tools: [look], budget: { calls: 1 } })
  await using runtime = await testRuntime({ flows: [looker] })
  const run = await runtime.ever.start(looker, { prompt: 'Look.' })
  await runtime.time.settle()
  for (const calls of [3, 4]) {
    const { id } = await asked(runtime)
    await runtime.ever.answer(id, { verdict: 'raise', limits: { calls } })
    await runtime.time.settle()
  }
  expect(begun).toEqual([0, 1, 2, 3])
  runtime.crash()
  await runtime.settle()
  expect(begun).toEqual([0, 1, 2, 3, slow])
  await answer(runtime, { verdict: 'raise', limits: { calls: 5 } })
  expect(begun).toEqual([0, 1, 2, 3, slow, 4])
  await answer(runtime, { verdict: 'raise', limits: { calls: 6 } })
  expect(await runtime.settled(run)).toEqual(done)
  await runtime.verify()
})
