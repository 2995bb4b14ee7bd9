/** What stands on accounts: whatever a call of a model came to, and whatever name the model goes by. */
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  type Agent,
  agent,
  type AgentDefinition,
  agentTool,
  judgeGuard,
  open,
  tool,
} from 'everloop'
import { scriptedModel, testRuntime } from 'everloop/testing'
import { z } from 'zod'
import { served, type Asked, type Told } from './served.ts'

interface Said {
  readonly text?: string
  /** A tool that it calls, and with what. */
  readonly call?: readonly [tool: string, input: Readonly<Record<string, string>>]
  /** Null where the answer ends without one. */
  readonly finish?: string | null
  /** Tokens of input and output; null where the provider does not say. */
  readonly usage?: readonly [input: number, output: number] | null
}

/** An answer of chat completions. */
function chat(
  { index }: Asked,
  { text, call, finish = call ? 'tool_calls' : 'stop', usage = [100, 20] }: Said,
): Told {
  const message = {
    ...(text !== undefined && { content: text }),
    ...(call && {
      tool_calls: [
        {
          index: 0,
          id: `call_${index}`,
          type: 'function',
          function: { name: call[0], arguments: JSON.stringify(call[1]) },
        },
      ],
    }),
  }
  const used = usage && {
    usage: {
      prompt_tokens: usage[0],
      completion_tokens: usage[1],
      total_tokens: usage[0] + usage[1],
    },
  }
  const head = { id: 'c', created: 1, model: 'm' }
  return {
    events: [
      { ...head, choices: [{ index: 0, delta: message, finish_reason: null }] },
      { ...head, choices: [{ index: 0, delta: {}, finish_reason: finish }], ...used },
      'data: [DONE]\n\n',
    ],
  }
}

const refused: Said = { text: 'I must not.', finish: 'content_filter', usage: [500_000, 1000] }

/** A model of the provider package of this name. */
const modelAt = (url: string, { name = 'compatible', id = 'm' } = {}) =>
  createOpenAICompatible({ name, baseURL: url, includeUsage: true })(id)

const look = tool({
  name: 'look',
  description: 'Looks.',
  input: z.object({ at: z.string() }),
  effect: 'read',
  run: () => 'seen',
})

/** Runs an agent until it ends, or asks: what is asked, what the account holds, how it ended. */
async function ran(
  definition: Partial<AgentDefinition> & Pick<AgentDefinition, 'model'>,
  flows: readonly Agent[] = [],
) {
  const flow = agent({ name: 'looker', tools: [look], ...definition })
  await using ever = await open({ store: 'memory:', flows: [flow, ...flows] })
  const run = await ever.start(flow, { prompt: 'Look.' })
  await ever.work({ until: 'idle' })
  const settled = await run.settled()
  const questions = await ever.questions()
  const { amounts } = await ever.account(run.id)
  return { settled, amounts, asked: questions.map(({ prompt }) => prompt) }
}

describe('money of a model that a default provider answers for', () => {
  /** A gateway as the default provider of this process; each answer costs $2.25 as gpt-5. */
  async function gateway() {
    const server = await served((asked) =>
      chat(asked, {
        ...(asked.index < 3 && { call: ['look', { at: String(asked.index) }] }),
        usage: [1_000_000, 100_000],
      }),
    )
    const globals = globalThis as { AI_SDK_DEFAULT_PROVIDER?: unknown }
    globals.AI_SDK_DEFAULT_PROVIDER = {
      languageModel: (id: string) => modelAt(server.url, { name: 'gateway', id }),
    }
    onTestFinished(async () => {
      delete globals.AI_SDK_DEFAULT_PROVIDER
      await server[Symbol.asyncDispose]()
    })
    return server
  }
  const cheap = { input: 0.5, output: 0.5 }

  test.each([
    ['the price of the name that was written', 'openai/gpt-5', {}, 2_250_000],
    ['its price of the user’s own', 'openai/gpt-5', { 'openai/gpt-5': cheap }, 550_000],
    [
      'the user’s own by the name in records',
      'openai/gpt-5',
      { 'gateway/openai/gpt-5': cheap },
      550_000,
    ],
    ['a name that only the user prices', 'some/model', { 'some/model': cheap }, 550_000],
  ] as const)('%s', async (_, model, prices, microUsd) => {
    const server = await gateway()
    const { asked, amounts } = await ran({ model, prices, budget: { usd: 0.5 } })
    expect(asked).toEqual([expect.stringContaining(`of $0.5000 of money`)])
    expect(server.requests).toHaveLength(1)
    expect(amounts).toEqual({ turns: 1, tokens: 1_100_000, calls: 1, microUsd })
  })

  test('a model that is asked only when the first fails has a price as well', async () => {
    const server = await gateway()
    const { settled } = await ran({ model: ['openai/gpt-5', 'some/model'], budget: { usd: 1 } })
    expect(settled).toMatchObject({
      status: 'failed',
      error: { code: 'UNKNOWN_PRICE', message: expect.stringContaining('"some/model"') },
    })
    expect(server.requests).toEqual([])
  })
})

test('an answer that turns out to have no price ends a run whose money is limited', async () => {
  const script = scriptedModel(({ turn }) => ({
    toolCalls: turn < 5 ? [{ name: 'look', input: { at: 'x' } }] : [],
    usage: { input: 100, output: 20 },
  }))
  // A router, which goes by the name of whom it asks next.
  const model = Object.defineProperty(script, 'modelId', {
    get: () => (script.requests.length < 2 ? 'small' : 'large'),
  })
  const prices = { 'scripted/small': { input: 1, output: 1 } }
  const flow = agent({ name: 'looker', model, tools: [look], prices, budget: { usd: 1 } })
  await using runtime = await testRuntime({ flows: [flow] })
  const run = await runtime.start(flow, { prompt: 'Look.' })
  expect(await runtime.settled(run)).toMatchObject({
    status: 'failed',
    error: { data: { cause: { code: 'UNKNOWN_PRICE' } } },
  })
  const { amounts } = await runtime.ever.account(run.id)
  expect(amounts).toEqual({ turns: 2, tokens: 360, calls: 2, microUsd: 240 })
})

describe('what came to nothing is not free', () => {
  test('a refusal, of an agent below too', async () => {
    await using below = await served((asked) => chat(asked, refused))
    await using above = await served((asked) =>
      chat(asked, { call: ['work', { prompt: 'Work.' }], usage: [10, 1] }),
    )
    const child = agent({ name: 'child', model: modelAt(below.url) })
    const work = agentTool(child, { name: 'work', description: 'Works.' })
    const { asked, amounts } = await ran(
      { model: modelAt(above.url), tools: [work], budget: { tokens: 1000 } },
      [child],
    )
    expect(asked).toEqual([expect.stringContaining('501011 of 1000 tokens')])
    expect(amounts).toEqual({ turns: 1, tokens: 501_011 })
  })

  test('a refusal that does not say what it used', async () => {
    await using server = await served((asked) =>
      chat(asked, { ...refused, text: 'x'.repeat(3000), usage: null }),
    )
    const { settled, amounts } = await ran({ model: modelAt(server.url) })
    expect(settled).toMatchObject({ error: { data: { cause: { code: 'MODEL_REFUSED' } } } })
    expect(amounts['tokens']).toBeGreaterThan(1001)
  })

  test('a summary that is refused', async () => {
    await using server = await served((asked) =>
      chat(asked, asked.index < 2 ? { call: ['look', { at: 'x' }] } : { text: 'Done.' }),
    )
    await using summing = await served((asked) => chat(asked, refused))
    const compaction = { above: 50, keep: 2, model: modelAt(summing.url) }
    const { settled, amounts } = await ran({ model: modelAt(server.url), compaction })
    expect(settled).toMatchObject({ output: 'Done.' })
    expect(summing.requests).toHaveLength(1)
    expect(amounts['tokens']).toBe(3 * 120 + 501_000)
  })

  test('a judge that is refused', async () => {
    await using server = await served((asked) => chat(asked, { text: 'Done.' }))
    await using judging = await served((asked) => chat(asked, refused))
    const judge = judgeGuard({ at: 'input', question: 'Bad?', model: modelAt(judging.url) })
    const { settled, amounts } = await ran({ model: modelAt(server.url), guards: [judge] })
    expect(settled).toMatchObject({ error: { code: 'GUARD_DENIED' } })
    expect(amounts).toEqual({ tokens: 501_000 })
  })

  test('attempts that fail, where it is known what they used', async () => {
    await using server = await served((asked) =>
      chat(asked, { text: 'Done.', ...(asked.index < 2 && { finish: null }) }),
    )
    const { settled, amounts } = await ran({
      model: createOpenAI({ baseURL: server.url, apiKey: 'sk-test' }).chat('m'),
      retry: { attempts: 3, delay: 1 },
    })
    expect(settled).toMatchObject({ output: 'Done.' })
    expect(amounts).toEqual({ turns: 1, tokens: 3 * 120 })
  })
})

describe('an attempt that is cut off when the model has begun to speak is estimated', () => {
  const spoken = { choices: [{ index: 0, delta: { content: 'x'.repeat(3000) } }] }

  test('by the provider, and asked again', async () => {
    await using server = await served((asked) =>
      asked.index === 0 ? { events: [spoken] } : chat(asked, { text: 'Done.' }),
    )
    const { settled, amounts } = await ran({ model: modelAt(server.url), retry: { delay: 1 } })
    expect(settled).toMatchObject({ output: 'Done.' })
    expect(amounts['tokens']).toBeGreaterThan(1001 + 120)
    expect(amounts['tokens']).toBeLessThan(1500 + 120)
  })

  test('also when the call fails with it: in money', async () => {
    await using server = await served(() => ({ events: [spoken] }))
    const { settled, amounts } = await ran({
      model: modelAt(server.url, { name: 'openai', id: 'gpt-5' }),
      retry: { attempts: 2, delay: 1 },
      budget: { usd: 1 },
    })
    expect(settled).toMatchObject({ status: 'failed' })
    expect(amounts['microUsd']).toBeGreaterThan(2 * 10_000)
    expect(amounts['microUsd']).toBeLessThan(2 * 11_000)
  })

  test('by a silence', async () => {
    const silent = (async function* () {
      yield spoken
      await Promise.withResolvers<never>().promise
    })()
    await using server = await served(() => ({ events: silent }))
    const { settled, amounts } = await ran({
      model: modelAt(server.url),
      retry: { attempts: 1 },
      silence: 50,
    })
    expect(settled).toMatchObject({ status: 'failed' })
    expect(amounts['tokens']).toBeGreaterThan(1001)
  })

  test('but nothing that failed before', async () => {
    await using server = await served((asked) =>
      asked.index === 0 ? { events: [] } : chat(asked, { text: 'Done.' }),
    )
    const { amounts } = await ran({ model: modelAt(server.url), retry: { delay: 1 } })
    expect(amounts['tokens']).toBe(120)
  })
})

test('the arguments of calls are estimated where an answer does not say what it used', async () => {
  const at = 'x'.repeat(30_000)
  await using server = await served((asked) =>
    chat(asked, asked.index === 0 ? { call: ['look', { at }], usage: null } : { usage: [0, 0] }),
  )
  const { amounts } = await ran({ model: modelAt(server.url) })
  expect(amounts['tokens']).toBeGreaterThan(10_000)
  expect(amounts['tokens']).toBeLessThan(10_500)
})

test('an answer longer than any is refused, and what came of it is counted', async () => {
  const text = 'x'.repeat(8 * 1024 * 1024 + 1)
  await using server = await served((asked) =>
    chat(asked, asked.index < 2 ? { call: ['look', { at: 'x' }] } : { text: 'Done.' }),
  )
  await using summing = await served((asked) => chat(asked, { text }))
  const compaction = { above: 50, keep: 2, model: modelAt(summing.url) }
  const { settled, amounts } = await ran({ model: modelAt(server.url), compaction })
  expect(settled).toMatchObject({ output: 'Done.' })
  expect(amounts['tokens']).toBeGreaterThan(text.length / 3)
  expect(JSON.stringify(server.requests.at(-1)?.body).length).toBeLessThan(text.length)
})

test('which prices money was computed with stands beside the answer', async () => {
  const answers = [{ text: 'Seen.', usage: { input: 1_000_000, output: 1 } }]
  const model = scriptedModel(() => answers[0] ?? { text: '' })
  for (const [prices, told] of [
    [{ 'scripted/model': { input: 1, output: 1 } }, 'own'],
    [{}, undefined],
  ] as const) {
    const priced = agent({ name: 'priced', model, prices })
    await using runtime = await testRuntime({ flows: [priced] })
    const run = await runtime.start(priced, { prompt: 'Look.' })
    const answer = (await runtime.ledger(run)).find(({ path }) => path === 'turns/1/=model')
    expect(answer?.data).toHaveProperty('value.amounts')
    if (told === undefined) expect(answer?.data).not.toHaveProperty('value.prices')
    else expect(answer?.data).toHaveProperty('value.prices', told)
  }
})
