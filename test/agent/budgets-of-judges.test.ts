/** Budgets and the calls of models that are no turns: what judges ask, and summaries. */
import { expect, test } from 'vitest'
import { type AgentDefinition, agent, guard, judgeGuard, verdict } from 'everloop'
import { crashAtEveryCommit, scriptedModel, type TestRuntime, testRuntime } from 'everloop/testing'
import { look } from './look.ts'

const usage = { input: 100, output: 20 }
const positions = ['input', 'request', 'answer', 'call', 'result', 'output'] as const
type Position = (typeof positions)[number]

/** An agent that looks four times, and a judge of some of what it does. */
function judged(at: readonly Position[], definition: Partial<AgentDefinition<string>> = {}) {
  const script = { text: '{"answer":"no"}', usage }
  const judge = scriptedModel(() => script, { name: 'judge' })
  const model = scriptedModel(() => ({ text: 'Done.', toolCalls: [{ name: 'look' }], usage }))
  const guards = at.length === 0 ? [] : [judgeGuard({ at, question: 'Bad?', model: judge })]
  const looker = agent({
    name: 'looker',
    model,
    tools: [look],
    guards,
    stop: { turns: 4 },
    ...definition,
  })
  return { looker, judge, model }
}

async function spentBy({ ever }: TestRuntime, run: { readonly id: string }): Promise<number> {
  return (await ever.account(run.id)).amounts['tokens'] ?? 0
}

/** Says to each question before the n-th that a little more may be spent. Returns what was spent at each. */
async function raiseEach(
  runtime: TestRuntime,
  run: { readonly id: string },
  nth = Infinity,
): Promise<number[]> {
  const spent: number[] = []
  for (;;) {
    await runtime.settle()
    const [question] = await runtime.ever.questions()
    if (!question || spent.length === nth - 1) return spent
    spent.push(await spentBy(runtime, run))
    const tokens = (spent.at(-1) ?? 0) + 1
    await runtime.ever.answer(question.id, { verdict: 'raise', limits: { tokens } })
  }
}

test('of a budget of nothing no judge spends anything before somebody was asked', async () => {
  const { looker, judge, model } = judged(positions, { budget: { tokens: 0 } })
  await using runtime = await testRuntime({ flows: [looker] })
  const run = await runtime.start(looker, { prompt: 'Look.' })
  expect(await spentBy(runtime, run)).toBe(0)
  const [question] = await runtime.ever.questions()
  expect(question?.prompt).toContain('0 of 0 tokens')
  await runtime.ever.answer(question?.id ?? '', { verdict: 'stop' })
  expect(await runtime.settled(run)).toMatchObject({ error: { code: 'BUDGET_STOPPED' } })
  expect([...judge.requests, ...model.requests]).toEqual([])
})

test.each(positions)('a judge at %s is asked when there is room for it', async (at) => {
  const { looker, judge, model } = judged([at], { budget: { tokens: 1 } })
  await using runtime = await testRuntime({ flows: [looker] })
  const run = await runtime.start(looker, { prompt: 'Look.' })
  const spent = await raiseEach(runtime, run)
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
  // Each time there was room for one call, and for no other.
  const calls = judge.requests.length + model.requests.length
  expect(spent).toEqual(Array.from({ length: calls - 1 }, (_, i) => 120 * (i + 1)))
  await runtime.verify()
})

test.each([
  ['without judges', []],
  ['with a judge of what is summarised', ['request']],
] as const)('behind a summary it is looked again whether there is room, %s', async (_, at) => {
  const summing = scriptedModel(() => ({ text: 'All was well.', usage }), { name: 'summing' })
  const { looker, judge, model } = judged(at, {
    budget: { tokens: 1 },
    compaction: { above: 50, keep: 2, model: summing },
  })
  await using runtime = await testRuntime({ flows: [looker] })
  const run = await runtime.start(looker, { prompt: 'Look.' })
  const spent = await raiseEach(runtime, run)
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
  expect(summing.requests.length).toBeGreaterThan(0)
  const calls = judge.requests.length + model.requests.length + summing.requests.length
  expect(spent).toEqual(Array.from({ length: calls - 1 }, (_each, i) => 120 * (i + 1)))
})

test('a guard of your own that judges is asked when there is room, one that does not at once', async () => {
  const plain: string[] = []
  const own = guard({
    name: 'own',
    at: 'output',
    judges: true,
    check: async ({ text }, { judge, signal }) => {
      const said = await judge?.(undefined, `Is this bad? ${text}`, signal)
      return said === 'Enough.' ? verdict.allow() : verdict.deny('It is.')
    },
  })
  const free = guard({
    name: 'free',
    at: 'output',
    check: ({ text }) => (plain.push(text), verdict.allow()),
  })
  const model = scriptedModel(() => ({ text: 'Enough.', usage }))
  const budget = { tokens: 1 }
  const careful = agent({ name: 'careful', model, guards: [own], budget })
  const quick = agent({ name: 'quick', model, guards: [free], budget })
  await using runtime = await testRuntime({ flows: [careful, quick] })
  const second = await runtime.start(quick, { prompt: 'Go.' })
  expect(await runtime.settled(second)).toMatchObject({ status: 'completed' })
  expect(plain).toEqual(['Enough.'])
  const first = await runtime.start(careful, { prompt: 'Go.' })
  expect(await raiseEach(runtime, first)).toEqual([120])
  expect(await runtime.settled(first)).toMatchObject({ output: 'Enough.' })
})

/** A guard that asks a model and has not said so, as often as that. */
const unsaid = (times: number) =>
  guard({
    name: 'unsaid',
    at: 'output',
    check: async ({ text }, { judge, signal }) => {
      for (let i = 0; i < times; i++) await judge?.(undefined, `Is this bad? ${text}`, signal)
      return verdict.allow()
    },
  })

test.each([
  ['a used-up budget', 1, { tokens: 120 }, 1],
  ['what it has used up itself', 5, { tokens: 300 }, 3],
  ['a used-up budget of money', 1, { usd: 0.00012 }, 1],
] as const)(
  'a guard that judges and has not said so spends nothing beyond %s',
  async (_, times, budget, requests) => {
    const model = scriptedModel(() => ({ text: 'Enough.', usage }))
    const prices = { 'scripted/model': { input: 1, output: 1 } }
    const quick = agent({
      name: 'quick',
      model,
      guards: [unsaid(times)],
      budget,
      prices,
      stop: { turns: 1 },
    })
    await using runtime = await testRuntime({ flows: [quick] })
    const run = await runtime.start(quick, { prompt: 'Go.' })
    expect(await runtime.settled(run)).toMatchObject({
      error: {
        code: 'GUARD_DENIED',
        message: expect.stringContaining(
          'Guard "unsaid" may not ask a model, as the budget is used up',
        ),
      },
    })
    expect(model.requests).toHaveLength(requests)
    const decided = (await runtime.ledger(run)).find(({ kind }) => kind === 'guard.decided')
    expect(JSON.stringify(decided)).toContain('judges: true')
    await runtime.verify()
  },
)

test('a guard that judges and has not said so does where there is room, or no limit', async () => {
  const model = scriptedModel(() => ({ text: 'Enough.', usage }))
  const rich = agent({
    name: 'rich',
    model,
    guards: [unsaid(3)],
    budget: { tokens: 361, time: '0s' },
  })
  const free = agent({ name: 'free', model, guards: [unsaid(3)] })
  await using runtime = await testRuntime({ flows: [rich, free] })
  const run = await runtime.start(rich, { prompt: 'Go.' })
  const [question] = await runtime.ever.questions()
  await runtime.ever.answer(question?.id ?? '', { verdict: 'continue' })
  expect(await runtime.settled(run)).toMatchObject({ output: 'Enough.' })
  const second = await runtime.start(free, { prompt: 'Go.' })
  expect(await runtime.settled(second)).toMatchObject({ output: 'Enough.' })
  expect(model.requests).toHaveLength(8)
  await runtime.verify()
})

test('wherever the process dies, a guard that judges and has not said so finds what was spent', async () => {
  const model = scriptedModel(() => ({ text: 'Enough.', usage }))
  const budget = { tokens: 300 }
  const quick = agent({ name: 'quick', model, guards: [unsaid(2)], budget })
  const report = await crashAtEveryCommit(quick, { prompt: 'Go.' })
  expect(report.outcomes).toEqual([{ status: 'completed', output: 'Enough.' }])
  expect(report.flaws).toEqual([])
})

test('what is raised for a judge counts in the turns behind it, in another process too', async () => {
  const model = scriptedModel(() => ({ text: 'Hello.', usage }))
  const judge = scriptedModel(() => ({ text: '{"answer":"no"}', usage }), { name: 'judge' })
  const guards = [judgeGuard({ at: 'output', question: 'Bad?', model: judge })]
  const budget = { tokens: 1 }
  const talker = agent({ name: 'talker', model, guards, budget, conversation: true })
  await using runtime = await testRuntime({ flows: [talker] })
  const run = await runtime.start(talker, { prompt: 'Hello.' })
  const [question] = await runtime.ever.questions()
  expect(await spentBy(runtime, run)).toBe(120)
  await runtime.ever.answer(question?.id ?? '', { verdict: 'continue' })
  await runtime.settle()
  await runtime.stop()
  runtime.addWorker()
  await runtime.ever.send(run.id, 'Hello again.')
  await runtime.settle()
  expect(await runtime.ever.questions()).toEqual([])
  expect(await spentBy(runtime, run)).toBe(480)
})

test.each<[what: string, at: readonly Position[], Partial<AgentDefinition<string>>]>([
  ...positions.map((at): [string, readonly Position[], object] => [`a judge at ${at}`, [at], {}]),
  ['a judge of what is summarised', ['request'], { compaction: { above: 50, keep: 2 } }],
  ['a summary', [], { compaction: { above: 50, keep: 2 } }],
])(
  'a deploy that takes away %s leaves a run alone that is asked for its budget',
  async (...one) => {
    const [, at, rest] = one
    const budget = { tokens: 1 }
    const before = judged(at, { budget, ...rest })
    // At each of the questions that there are, one after the other.
    for (let nth = 1; ; nth++) {
      await using runtime = await testRuntime({ flows: [before.looker] })
      const run = await runtime.start(before.looker, { prompt: 'Look.' })
      const asked = await raiseEach(runtime, run, nth)
      const [open] = await runtime.ever.questions()
      if (!open) break
      expect(asked).toHaveLength(nth - 1)
      await runtime.stop()
      const after = judged([], { budget: {} })
      runtime.addWorker({ flows: [after.looker] })
      await runtime.settle()
      await runtime.ever.answer(open.id, { verdict: 'continue' })
      await runtime.settle()
      expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
    }
  },
)

test('wherever the process dies, judges and summaries find the room that they were given', async () => {
  const summing = scriptedModel(() => ({ text: 'All was well.', usage }), { name: 'summing' })
  const { looker } = judged(['request', 'call'], {
    budget: { tokens: 1 },
    compaction: { above: 50, keep: 2, model: summing },
  })
  const report = await crashAtEveryCommit(
    looker,
    { prompt: 'Look.' },
    { development: false, drive: async (runtime, run) => void (await raiseEach(runtime, run)) },
  )
  expect(report.boundaries).toBeGreaterThan(40)
  expect(report.outcomes).toEqual([{ status: 'completed', output: 'Done.' }])
  expect(report.flaws).toEqual([])
})
