/** Budgets: what is decided before a call, what a person says, and whose account it stands on. */
import { describe, expect, test } from 'vitest'
import { agent, agentTool, type Budget, done, guard, policy, tool, verdict } from 'everloop'
import { crashAtEveryCommit, scriptedModel, type TestRuntime, testRuntime } from 'everloop/testing'
import { z } from 'zod'

const usage = { input: 100, output: 20 }
const prices = { 'scripted/model': { input: 10, output: 100 } } // 3 000 micro-dollars an answer

/** An agent that looks once a turn, as long as it is let. */
function looking(budget: Budget, { fails = false, turns = 100 } = {}) {
  const looks: string[] = []
  const look = tool({
    name: 'look',
    description: 'Looks.',
    input: z.object({ at: z.string() }),
    effect: 'read',
    run: ({ at }) => {
      looks.push(at)
      if (fails) throw new Error('too dark')
      return 'seen'
    },
  })
  const model = scriptedModel(({ turn }) =>
    turn >= turns
      ? { text: 'Enough.', usage }
      : { toolCalls: [{ name: 'look', input: { at: String(turn) } }], usage },
  )
  const looker = agent({ name: 'looker', model, tools: [look], budget, prices })
  return { looks, model, looker }
}

async function asked({ ever }: TestRuntime): Promise<{ id: string; prompt: string }> {
  const [question, ...others] = await ever.questions()
  expect(others).toEqual([])
  if (!question) throw new Error('Nobody is asked.')
  return question
}

describe('a limit that is reached is asked about', () => {
  const cases: readonly [what: keyof Budget, budget: Budget, requests: number, says: string][] = [
    ['turns', { turns: 3 }, 3, '3 of 3 turns'],
    ['tokens', { tokens: 300 }, 3, '360 of 300 tokens'],
    ['usd', { usd: 0.007 }, 3, '$0.0090 of $0.0070 of money'],
    ['calls', { calls: 2 }, 3, '2 of 2 tool calls'],
  ]
  test.each(cases)('%s', async (_, budget, requests, says) => {
    const { model, looker } = looking(budget)
    await using runtime = await testRuntime({ flows: [looker] })
    const run = await runtime.start(looker, { prompt: 'Look.' })
    expect((await asked(runtime)).prompt).toContain(says)
    expect(model.requests).toHaveLength(requests)
    await runtime.ever.answer((await asked(runtime)).id, { verdict: 'stop' }, { by: 'eve' })
    expect(await runtime.settled(run)).toMatchObject({
      status: 'failed',
      error: { code: 'BUDGET_STOPPED', message: expect.stringContaining(says) },
    })
    expect(model.requests).toHaveLength(requests)
  })

  test('time', async () => {
    const { looker } = looking({ time: '1h', turns: 1 })
    await using runtime = await testRuntime({ flows: [looker] })
    await runtime.start(looker, { prompt: 'Look.' })
    await runtime.advance('2h')
    await runtime.ever.answer((await asked(runtime)).id, { verdict: 'raise', limits: { turns: 5 } })
    await runtime.settle()
    expect((await asked(runtime)).prompt).toContain('7200s of 3600s of time')
  })

  test('time, which does not pass before a delayed run may begin', async () => {
    const { looker } = looking({ time: '1h' })
    const below = agentTool(looker, { name: 'delegate', description: 'Lets another agent look.' })
    const model = scriptedModel([
      { toolCalls: [{ name: 'delegate', input: { prompt: 'Look.' } }] },
      { text: 'Done.' },
    ])
    const lead = agent({ name: 'lead', model, tools: [below], budget: { time: '1h' } })
    await using runtime = await testRuntime({ flows: [looker, lead] })
    const run = await runtime.start(lead, { prompt: 'Look.' }, { delay: '8h' })
    await runtime.advance('8h')
    expect(await runtime.settled(run)).toMatchObject({ status: 'completed', output: 'Done.' })
  })
})

test('a call that fails counts like one that does not', async () => {
  const { looks, looker } = looking({ calls: 2 }, { fails: true })
  await using runtime = await testRuntime({ flows: [looker] })
  await runtime.start(looker, { prompt: 'Look.' })
  expect((await asked(runtime)).prompt).toContain('2 of 2 tool calls')
  expect(looks).toHaveLength(2)
})

test.each(['the call itself', 'reconcile', 'a person'])(
  'a call that was in doubt counts once %s has told that it happened',
  async (teller) => {
    const pay = tool({
      name: 'pay',
      description: 'Pays.',
      inputSchema: { type: 'object' },
      effect: 'once',
      timeout: '5s',
      settle: '20s',
      ...(teller === 'reconcile' ? { reconcile: () => done('paid') } : {}),
      run: () => {
        if (teller !== 'the call itself') throw new Error('The connection was reset.')
        return new Promise((end) => void runtime.time.setTimer(8000, () => end('paid')))
      },
    })
    const payer = agent({
      name: 'payer',
      model: scriptedModel(() => ({ toolCalls: [{ name: 'pay', input: {} }] })),
      tools: [pay],
      budget: { calls: 1 },
    })
    await using runtime: TestRuntime = await testRuntime({ flows: [payer] })
    const run = await runtime.start(payer, { prompt: 'Pay.' })
    await runtime.advance('2m')
    if (teller === 'a person') {
      const { id } = await asked(runtime)
      await runtime.ever.answer(id, { verdict: 'done', result: 'paid' })
      await runtime.settle()
    }
    expect((await asked(runtime)).prompt).toContain('1 of 1 tool calls')
    expect((await runtime.ever.account(run.id)).amounts).toMatchObject({ calls: 1 })
    await runtime.verify()
  },
)

test('a raise never lowers: not below what is used up, nor what holds besides', async () => {
  const { looker } = looking({ turns: 2, calls: 50, usd: 3 }, { turns: 8 })
  await using runtime = await testRuntime({ flows: [looker] })
  await runtime.start(looker, { prompt: 'Look.' })
  const { id, prompt } = await asked(runtime)
  expect(prompt).toContain('"limits": {"turns": N}}, where N is the new limit in all, in turns')
  const refusals = [
    [{ turns: 2 }, 'It must be more than 2, which is used up.'],
    [
      { turns: 1 },
      'The new limit in all, a whole number of turns, what is spent included; not how much more.',
    ],
    [
      { turns: 9, calls: 49 },
      'number of tool calls, .* It must be at least 50, which holds already.',
    ],
    [{ microUsd: 2 }, 'number of millionths of a dollar, .* It must be at least 3000000'],
    [{ turns: 2.5 }, 'limits/turns: .* Expected "integer". .* a whole number of turns'],
    [{ turns: Infinity }, 'limits/turns: Infinity is greater than'],
    [{ turns: Number.NaN }, 'limits/turns: .* Expected "integer"'],
    // Was never limited: a limit now would be less.
    [{ turns: 9, tokens: 1e9 }, 'limits'],
    [{}, 'limits'],
    [undefined, 'limits'],
  ] as const
  for (const [limits, why] of refusals) {
    const answer = { verdict: 'raise', ...(limits ? { limits } : {}) }
    await expect(runtime.ever.answer(id, answer)).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: expect.stringMatching(why),
    })
  }
  expect((await asked(runtime)).id).toBe(id)
})

test('what is raised too little is asked again, what is lifted is not', async () => {
  const { model, looker } = looking({ turns: 2 }, { turns: 8 })
  await using runtime = await testRuntime({ flows: [looker] })
  const run = await runtime.start(looker, { prompt: 'Look.' })
  const first = await asked(runtime)
  await runtime.ever.answer(first.id, { verdict: 'raise', limits: { turns: 3 } })
  await runtime.settle()
  expect(model.requests).toHaveLength(3)
  const second = await asked(runtime)
  expect(second.id).not.toBe(first.id)
  await runtime.ever.answer(second.id, { verdict: 'raise', limits: { turns: 4 } })
  await runtime.settle()
  expect(model.requests).toHaveLength(4)
  await runtime.ever.answer((await asked(runtime)).id, { verdict: 'continue' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Enough.' })
  expect(await runtime.ever.questions()).toEqual([])
})

test('a raise covers all that is used up', async () => {
  const { model, looker } = looking({ turns: 2, tokens: 200, calls: 50 }, { turns: 8 })
  await using runtime = await testRuntime({ flows: [looker] })
  await runtime.start(looker, { prompt: 'Look.' })
  const { id, prompt } = await asked(runtime)
  expect(prompt).toContain('2 of 2 turns, 240 of 200 tokens')
  for (const [limits, missing] of [
    [{ turns: 9 }, 'tokens'],
    [{ tokens: 9000, calls: 60 }, 'turns'],
  ] as const) {
    await expect(runtime.ever.answer(id, { verdict: 'raise', limits })).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: expect.stringContaining(
        `limits: The field "${missing}" is missing. A raise needs a new limit for all that is used up.`,
      ),
    })
  }
  const limits = { turns: 3, tokens: 9000 }
  await runtime.ever.answer(id, { verdict: 'raise', limits })
  await runtime.settle()
  expect(model.requests).toHaveLength(3)
  expect((await asked(runtime)).prompt).toContain('3 of 3 turns. Raise')
})

describe('limits that make no sense are refused where they are given', () => {
  const cases: readonly [budget: object, says: RegExp][] = [
    [{ turns: 1.5 }, /^budget\.turns must be a whole number of at least 0, and is 1\.5\. Leave it/],
    [{ tokens: 0.5 }, /^budget\.tokens must be a whole number/],
    [{ calls: -1 }, /^budget\.calls must be a whole number of at least 0, and is -1/],
    [{ calls: Number.NaN }, /^budget\.calls .* and is NaN/],
    [{ tokens: Infinity }, /^budget\.tokens .* Leave it out where nothing is to be limited/],
    [{ turns: '3' }, /^budget\.turns .* is of type string/],
    [{ usd: -1 }, /^budget\.usd must be a number of dollars of at least 0, and is -1/],
    [{ usd: Number.NaN }, /^budget\.usd .* NaN/],
    [{ usd: Infinity }, /^budget\.usd .* Infinity/],
    [{ usd: '1' }, /^budget\.usd .* type string/],
  ]
  test.each(cases)('%j', (budget, message) => {
    const error = { code: 'BAD_OPTION', message: expect.stringMatching(message) }
    expect(() => looking(budget)).toThrow(expect.objectContaining(error))
    expect(() => policy({ name: 'limits', budget })).toThrow(expect.objectContaining(error))
  })

  test.each([-1, Number.NaN, Infinity, '1 month'])('time: %s', (time) => {
    const error = { code: 'BAD_DURATION', message: expect.stringMatching(/^budget\.time: /) }
    expect(() => looking({ time: time as never })).toThrow(expect.objectContaining(error))
  })
})

test.each<[Budget, string]>([
  [{ turns: 0 }, '0 of 0 turns'],
  [{ tokens: 0 }, '0 of 0 tokens'],
  [{ usd: 0 }, '$0.0000 of $0.0000 of money'],
  [{ time: 0 }, '0s of 0s of time'],
])(
  'of what is limited to 0 nothing is spent before somebody was asked: %j',
  async (budget, says) => {
    const { model, looker } = looking(budget, { turns: 2 })
    await using runtime = await testRuntime({ flows: [looker] })
    const run = await runtime.start(looker, { prompt: 'Look.' })
    const { id, prompt } = await asked(runtime)
    expect(prompt).toContain(says)
    expect(model.requests).toEqual([])
    await runtime.ever.answer(id, { verdict: 'continue' })
    expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Enough.' })
  },
)

test('an answer that is none leaves the question open', async () => {
  const { looker } = looking({ turns: 1 })
  await using runtime = await testRuntime({ flows: [looker] })
  await runtime.start(looker, { prompt: 'Look.' })
  const { id } = await asked(runtime)
  const wrong = [
    true,
    { verdict: 'more' },
    { verdict: 'raise', limits: { hats: 3 } },
    { verdict: 'continue', limits: { turns: 3 } }, // whoever says so wants no more than three
  ]
  for (const value of wrong) {
    await expect(runtime.ever.answer(id, value)).rejects.toMatchObject({ code: 'BAD_INPUT' })
  }
  expect((await asked(runtime)).id).toBe(id)
})

test('calls of one answer stay within the limit, all of them together', async () => {
  const looks: string[] = []
  const gate = Promise.withResolvers<void>()
  const look = tool({
    name: 'look',
    description: 'Looks.',
    input: z.object({ at: z.string() }),
    effect: 'read',
    run: async ({ at }) => {
      looks.push(at)
      await gate.promise
      return 'seen'
    },
  })
  const toolCalls = ['a', 'b', 'c', 'd', 'e'].map((at) => ({ name: 'look', input: { at } }))
  const model = scriptedModel([{ toolCalls }, { text: 'Done.' }])
  const looker = agent({ name: 'looker', model, tools: [look], budget: { calls: 3 } })
  await using runtime = await testRuntime({ flows: [looker] })
  const run = await runtime.ever.start(looker, { prompt: 'Look.' })
  await runtime.runUntil(() => looks.length === 3)
  gate.resolve()
  await runtime.settle()
  expect(looks).toHaveLength(3)
  for (const { id } of await runtime.ever.questions()) {
    await runtime.ever.answer(id, { verdict: 'continue' })
  }
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
  expect(looks).toHaveLength(5)
})

test('money without a price does not start, and a model that hides its usage is not free', async () => {
  const silent = scriptedModel(({ turn }) =>
    turn > 20
      ? { text: 'Enough.', usage: null }
      : { toolCalls: [{ name: 'nothing', input: {} }], usage: null },
  )
  const unknown = agent({ name: 'unknown', model: silent, budget: { usd: 1 } })
  const hiding = agent({ name: 'hiding', model: silent, budget: { usd: 0.001 }, prices })
  await using runtime = await testRuntime({ flows: [unknown, hiding] })
  const first = await runtime.start(unknown, { prompt: 'Go.' })
  expect(await runtime.settled(first)).toMatchObject({
    status: 'failed',
    error: { code: 'UNKNOWN_PRICE' },
  })
  expect(silent.requests).toHaveLength(0)
  await runtime.start(hiding, { prompt: 'Go.' })
  expect((await asked(runtime)).prompt).toContain('of money')
  expect(silent.requests.length).toBeLessThan(5)
})

test('children spend from the account of the run above, and keep its limits', async () => {
  const worker = looking({}, { turns: 50 })
  const child = agentTool(worker.looker, { name: 'work', description: 'Works.' })
  const toolCalls = [1, 2].map((n) => ({ name: 'work', input: { prompt: `Work ${n}.` } }))
  const model = scriptedModel([
    { toolCalls, usage },
    { text: 'Done.', usage },
  ])
  const boss = agent({ name: 'boss', model, tools: [child], budget: { tokens: 1000 }, prices })
  await using runtime = await testRuntime({ flows: [boss, worker.looker] })
  const run = await runtime.start(boss, { prompt: 'Go.' })
  const questions = await runtime.ever.questions()
  expect(questions).toHaveLength(2)
  for (const { prompt, run: of } of questions) {
    expect(of).not.toBe(run.id)
    expect(prompt).toContain(`(budget of run ${run.id})`)
  }
  const { amounts } = await runtime.ever.account(run.id)
  // One call in flight for each of the two branches, at most.
  expect(amounts['tokens']).toBeGreaterThanOrEqual(1000)
  expect(amounts['tokens']).toBeLessThan(1000 + 2 * 120)
  for (const { id } of questions) await runtime.ever.answer(id, { verdict: 'stop' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
})

test('a raise counts for the account that is used up, below what one around it allows', async () => {
  const worker = looking({ turns: 2 }, { turns: 4 })
  const child = agentTool(worker.looker, { name: 'work', description: 'Works.' })
  const model = scriptedModel([
    { toolCalls: [{ name: 'work', input: { prompt: 'Work.' } }] },
    { text: 'Done.' },
  ])
  const boss = agent({ name: 'boss', model, tools: [child], budget: { turns: 50 } })
  await using runtime = await testRuntime({ flows: [boss, worker.looker] })
  const run = await runtime.start(boss, { prompt: 'Go.' })
  const { id } = await asked(runtime)
  await runtime.ever.answer(id, { verdict: 'raise', limits: { turns: 9 } })
  await runtime.settle()
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
  expect(worker.model.requests.length).toBeGreaterThan(2)
})

test.each(['continue', 'raise'] as const)(
  '%s lifts what was asked about, not the limits of the run above',
  async (verdict) => {
    const worker = looking({ turns: 2 })
    const child = agentTool(worker.looker, { name: 'work', description: 'Works.' })
    const model = scriptedModel([{ toolCalls: [{ name: 'work', input: { prompt: 'Work.' } }] }])
    const boss = agent({ name: 'boss', model, tools: [child], budget: { turns: 6 } })
    await using runtime = await testRuntime({ flows: [boss, worker.looker] })
    const run = await runtime.start(boss, { prompt: 'Go.' })
    const limits = verdict === 'raise' ? { limits: { turns: 40 } } : {}
    await runtime.ever.answer((await asked(runtime)).id, { verdict, ...limits })
    await runtime.settle()
    expect((await asked(runtime)).prompt).toContain(`6 of 6 turns (budget of run ${run.id})`)
    expect((await runtime.ever.account(run.id)).amounts['turns']).toBe(6)
  },
)

test('wherever the process dies, the same is spent and asked', async () => {
  const { looker } = looking({ turns: 2 }, { turns: 4 })
  const report = await crashAtEveryCommit(
    looker,
    { prompt: 'Look.' },
    {
      development: false,
      drive: async (runtime) => {
        await runtime.settle()
        const [question] = await runtime.ever.questions()
        if (question)
          await runtime.ever.answer(question.id, { verdict: 'raise', limits: { turns: 9 } })
        await runtime.settle()
      },
    },
  )
  expect(report.outcomes).toEqual([{ status: 'completed', output: 'Enough.' }])
  expect(report.flaws).toEqual([])
})

test('time that is over while a person looks at a request does not take back that there was room', async () => {
  const model = scriptedModel([{ text: 'Enough.', usage }])
  const asking = guard({ name: 'asking', at: 'request', check: () => verdict.ask('Send it?') })
  const patient = agent({ name: 'patient', model, guards: [asking], budget: { time: '10m' } })
  await using runtime = await testRuntime({ flows: [patient] })
  const run = await runtime.start(patient, { prompt: 'Go.' })
  await runtime.advance('20m')
  await runtime.answer('Send it?', { verdict: 'allow' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Enough.' })
  await runtime.verify()
})
