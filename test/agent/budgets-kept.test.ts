/** Budgets that others set, that crashes meet, and that calls of one answer share. */
import { expect, test } from 'vitest'
import { agent, agentTool, askPerson, type Budget, judgeGuard, policy, tool } from 'everloop'
import { crashAtEveryCommit, scriptedModel, testRuntime } from 'everloop/testing'
import { z } from 'zod'
import { toldOf } from './prompts.ts'

const usage = { input: 100, output: 20 }
const prices = { 'scripted/model': { input: 10, output: 100 } }

const look = (concurrency?: number) =>
  tool({
    name: 'look',
    description: 'Looks.',
    input: z.object({ at: z.number() }),
    effect: 'read',
    ...(concurrency === undefined ? {} : { concurrency }),
    run: ({ at }) => `seen ${at}`,
  })
const looks = (count: number) =>
  Array.from({ length: count }, (_, at) => ({ id: `c${at}`, name: 'look', input: { at } }))
const lookingTwice = (count: number) =>
  scriptedModel(
    [
      { toolCalls: looks(count), usage },
      { text: 'Done.', usage },
    ],
    { by: 'turn' },
  )

test('a call that ended before a crash is not counted twice when the others are decided about', async () => {
  const looker = agent({
    name: 'looker',
    model: lookingTwice(3),
    tools: [look(1)],
    budget: { calls: 3 },
  })
  const report = await crashAtEveryCommit(looker, { prompt: 'Look.' })
  expect(report.outcomes).toEqual([{ status: 'completed', output: 'Done.' }])
  expect(report.flaws).toEqual([])
})

test.each<[string, Budget, Budget, string]>([
  ["the agent's is smaller", { turns: 1 }, { turns: 5 }, '1 of 1 turns'],
  ["the policy's is smaller", { turns: 5 }, { turns: 1 }, '1 of 1 turns'],
  ['each limits something else', { turns: 5 }, { tokens: 100 }, '120 of 100 tokens'],
])('of two limits the smaller counts: %s', async (_, budget, imposed, says) => {
  const looker = agent({ name: 'looker', model: lookingTwice(1), tools: [look()], budget })
  const policies = [policy({ name: 'limits', budget: imposed })]
  await using runtime = await testRuntime({ flows: [looker], policies })
  await runtime.start(looker, { prompt: 'Look.' })
  expect(await runtime.ever.questions()).toMatchObject([{ prompt: expect.stringContaining(says) }])
})

test("with a policy's budget of money a model of unknown price does not start, unless its price is given", async () => {
  const cheap = agent({ name: 'cheap', model: lookingTwice(1), tools: [look()], prices })
  const unknown = agent({ name: 'unknown', model: lookingTwice(1), tools: [look()] })
  const summing = agent({
    name: 'summing',
    model: lookingTwice(1),
    tools: [look()],
    prices,
    compaction: { above: 1, model: scriptedModel([], { name: 'other' }) },
  })
  const policies = [policy({ name: 'limits', budget: { usd: 1 } })]
  await using runtime = await testRuntime({ flows: [cheap, unknown, summing], policies })
  const error = { code: 'UNKNOWN_PRICE' }
  for (const [flow, end] of [
    [cheap, { status: 'completed', output: 'Done.' }],
    [unknown, { status: 'failed', error }],
    [summing, { status: 'failed', error }],
  ] as const) {
    const run = await runtime.start(flow, { prompt: 'Look.' })
    expect(await runtime.settled(run)).toMatchObject(end)
  }
})

test('whose budget of money wants a price is said', async () => {
  const unknown = agent({ name: 'unknown', model: lookingTwice(1), tools: [look()] })
  const work = agentTool(unknown, { name: 'work', description: 'Works.' })
  const model = scriptedModel([
    { toolCalls: [{ name: 'work', input: { prompt: 'Work.' } }] },
    { text: 'Done.' },
  ])
  const boss = agent({ name: 'boss', model, tools: [work], prices, budget: { usd: 1 } })
  const own = agent({ name: 'own', model: lookingTwice(1), tools: [look()], budget: { usd: 1 } })
  await using runtime = await testRuntime({ flows: [boss, unknown, own] })
  await runtime.settled(await runtime.start(boss, { prompt: 'Go.' }, { id: 'boss-1' }))
  const [child] = await runtime.ever.list({ parent: 'boss-1' })
  const below = await (await runtime.ever.get(child?.id ?? '')).settled()
  expect(below).toMatchObject({
    error: {
      code: 'UNKNOWN_PRICE',
      message: expect.stringMatching(
        /^Agent "unknown" spends from the budget of money of run "boss-1" above it, but the price of .* out of that budget\.$/,
      ),
    },
  })
  const alone = await runtime.start(own, { prompt: 'Go.' })
  expect(await runtime.settled(alone)).toMatchObject({
    error: { message: expect.stringContaining('Agent "own" has a budget of money, but') },
  })
})

test('with a budget of money a judge of unknown price is not asked, and so denies', async () => {
  const judge = scriptedModel(() => ({ text: '{"answer":"no"}' }), { name: 'judge' })
  const model = lookingTwice(1)
  const looker = agent({
    name: 'looker',
    model,
    tools: [look()],
    prices,
    budget: { usd: 1 },
    guards: [judgeGuard({ at: 'call', question: 'Bad?', model: judge })],
  })
  await using runtime = await testRuntime({ flows: [looker] })
  const run = await runtime.start(looker, { prompt: 'Look.' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(judge.requests).toEqual([])
  expect(toldOf(model, 1)).toEqual([
    { type: 'execution-denied', reason: expect.stringContaining('so this was denied') },
  ])
})

test('what two children in parallel cost is on the account of the run above, to the last amount', async () => {
  const child = agent({ name: 'child', model: lookingTwice(2), tools: [look()], prices })
  const work = agentTool(child, { name: 'work', description: 'Works.' })
  const toolCalls = [1, 2].map((n) => ({ name: 'work', input: { prompt: `Work ${n}.` } }))
  const model = scriptedModel([
    { toolCalls, usage },
    { text: 'All done.', usage },
  ])
  const boss = agent({ name: 'boss', model, tools: [work], prices, budget: { usd: 1 } })
  await using runtime = await testRuntime({ flows: [boss, child] })
  const run = await runtime.start(boss, { prompt: 'Go.' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'All done.' })
  // Two answers of its own, and of each child two answers and two calls.
  expect(await runtime.ever.account(run.id)).toEqual({
    amounts: { turns: 6, tokens: 6 * 120, microUsd: 6 * 3000, calls: 4 },
  })
  await runtime.verify()
})

test('children keep the time of the run above', async () => {
  const ask = askPerson({
    name: 'ask',
    description: 'Asks.',
    input: z.object({}),
    prompt: () => 'Well?',
  })
  const model = scriptedModel([{ toolCalls: [{ name: 'ask', input: {} }] }, { text: 'Well.' }])
  const child = agent({ name: 'child', model, tools: [ask] })
  const work = agentTool(child, { name: 'work', description: 'Works.' })
  const boss = agent({
    name: 'boss',
    model: scriptedModel([{ toolCalls: [{ name: 'work', input: { prompt: 'Go.' } }] }]),
    tools: [work],
    budget: { time: '1h' },
  })
  await using runtime = await testRuntime({ flows: [boss, child] })
  const run = await runtime.start(boss, { prompt: 'Go.' })
  await runtime.advance('2h')
  await runtime.answer('Well?', 'yes')
  expect(await runtime.ever.questions()).toMatchObject([
    { prompt: expect.stringContaining(`7200s of 3600s of time (budget of run ${run.id})`) },
  ])
  expect(model.requests).toHaveLength(1)
})

test('a budget that a deploy adds or takes away leaves waiting runs alone, and holds from the next call on', async () => {
  const agentWith = (budget: Budget) =>
    agent({
      name: 'looker',
      model: scriptedModel(({ turn }) =>
        turn > 2 ? { text: 'Done.', usage } : { toolCalls: looks(1), usage },
      ),
      tools: [look()],
      budget,
    })
  const looker = agentWith({ turns: 1 })
  await using runtime = await testRuntime({ flows: [looker] })
  const run = await runtime.start(looker, { prompt: 'Look.' })
  const [asked] = await runtime.ever.questions()
  await runtime.restart({ flows: [agentWith({ tokens: 300 })] })
  await runtime.settle()
  // What was asked is asked, whatever the rules are now.
  expect(await runtime.ever.questions()).toMatchObject([{ id: asked?.id }])
  await runtime.ever.answer(asked?.id ?? '', { verdict: 'continue' })
  await runtime.settle()
  expect(await runtime.ever.questions()).toMatchObject([
    { prompt: expect.stringContaining('360 of 300 tokens') },
  ])
  await runtime.restart({ flows: [agentWith({})] })
  const [last] = await runtime.ever.questions()
  await runtime.ever.answer(last?.id ?? '', { verdict: 'continue' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
  await runtime.verify()
})
