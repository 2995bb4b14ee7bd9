/** Summaries of long conversations: how they are asked for, and which are taken. */
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { expect, test } from 'vitest'
import { type AgentDefinition, agent, guard, open, tool, verdict } from 'everloop'
import { crashAtEveryCommit, scriptedModel, scriptedServer, testRuntime } from 'everloop/testing'
import type { Model } from '../../src/agent/model/port.ts'
import type { AgentSettings } from '../../src/agent/settings.ts'
import { chatEvents, refusal, served } from './served.ts'

const apiKey = 'sk-test-0123456789abcdef'

const looking = (run: () => string) =>
  tool({
    name: 'look',
    description: 'Looks.',
    inputSchema: { type: 'object' },
    effect: 'read',
    run,
  })
const look = looking(() => 'Nothing. '.repeat(100))

interface Made {
  readonly output: unknown
  /** What was recorded of summaries. */
  readonly summaries: readonly string[]
}

async function made(definition: {
  readonly model: Model
  readonly settings?: AgentSettings
  readonly by?: Model
  readonly timeout?: string
}): Promise<Made> {
  const { model, settings, by, timeout } = definition
  const flow = agent({
    name: 'a',
    model,
    tools: [look],
    compaction: { above: 500, keep: 2, ...(by === undefined ? {} : { model: by }) },
    retry: { attempts: 1 },
    stop: { turns: 5 },
    ...(settings && { settings }),
    ...(timeout !== undefined && { timeout: timeout as '1s' }),
  })
  await using ever = await open({ store: 'memory:', flows: [flow], work: {} })
  const run = await ever.start(flow, { prompt: 'Look.' })
  const output = await run.result()
  const summaries: string[] = []
  for await (const event of run.events({ from: 0 })) {
    if (event.kind === 'context.compacted') summaries.push(JSON.stringify(event))
  }
  return { output, summaries }
}

/** Looks three times with many tokens, and is done. */
const looker = (usage: { input: number; output: number } | null = { input: 900, output: 1 }) =>
  scriptedModel(({ index }) =>
    index < 3 ? { toolCalls: [{ name: 'look', input: {} }], usage } : { text: 'Done.' },
  )

test.each<[string, (url: string) => Model, AgentSettings['providerOptions'] & object]>([
  [
    'chat completions',
    (url) => createOpenAI({ baseURL: url, apiKey }).chat('gpt-4o'),
    { openai: { parallelToolCalls: false, user: 'ann' } },
  ],
  [
    'a compatible endpoint',
    (url) => createOpenAICompatible({ baseURL: url, name: 'c', includeUsage: true })('m'),
    { c: { parallel_tool_calls: false, user: 'ann' } },
  ],
])('options about tools do not go with a request without tools: %s', async (_, model, options) => {
  await using server = await served(({ index, body }) => {
    if (body['tools'] === undefined && body['parallel_tool_calls'] !== undefined) {
      return refusal("'parallel_tool_calls' is only allowed when 'tools' are specified.")
    }
    if (body['tools'] === undefined) return chatEvents({ text: 'A summary.' })
    return index < 3
      ? chatEvents({ call: { id: `c${index}`, name: 'look' } }, { prompt_tokens: 900 })
      : chatEvents({ text: 'Done.' })
  })
  const { output, summaries } = await made({
    model: model(server.url),
    settings: { providerOptions: options },
  })
  expect(output).toBe('Done.')
  expect(summaries).toEqual([expect.stringContaining('A summary.')])
  expect(server.requests.map(({ body }) => body['user'])).toEqual(Array(4).fill('ann'))
})

test('a summary is not written into a conversation that the provider keeps', async () => {
  await using server = await scriptedServer({
    script: ({ index, body }) => {
      if ((body as Record<string, unknown>)['tools'] === undefined) return { text: 'A summary.' }
      const usage = { input: 900, output: 1 }
      return index < 3 ? { toolCalls: [{ name: 'look', input: {} }], usage } : { text: 'Done.' }
    },
  })
  const { output, summaries } = await made({
    model: createOpenAI({ baseURL: server.url, apiKey })('gpt-5'),
    settings: {
      providerOptions: { openai: { conversation: 'conv_1', instructions: 'Rhyme.', user: 'ann' } },
    },
  })
  expect(output).toBe('Done.')
  expect(summaries).toEqual([expect.stringContaining('A summary.')])
  const sent = server.requests.map(({ body }) => body as Record<string, unknown>)
  expect(sent.map(({ user }) => user)).toEqual(Array(4).fill('ann'))
  expect(sent.filter(({ tools }) => tools === undefined)).toEqual([
    expect.not.objectContaining({ conversation: expect.anything() }),
  ])
  expect(sent.filter(({ instructions }) => instructions === 'Rhyme.')).toHaveLength(3)
})

test('a summary that was cut off is none: the conversation goes on as it is', async () => {
  const model = looker()
  const by = scriptedModel(() => ({ text: 'So far he has loo', finishReason: 'length' }))
  const { output, summaries } = await made({ model, by })
  expect(output).toBe('Done.')
  expect(summaries).not.toEqual([])
  expect(summaries.filter((summary) => summary.includes('he has loo'))).toEqual([])
  expect(JSON.stringify(model.requests.at(-1))).not.toContain('Summary of the conversation')
})

test('without reported usage a conversation is shortened by its length', async () => {
  const by = scriptedModel(() => ({ text: 'A summary.' }))
  const { output, summaries } = await made({ model: looker(null), by })
  expect(output).toBe('Done.')
  expect(summaries).not.toEqual([])
})

test('a summary takes no longer than an answer may', async () => {
  const by = scriptedModel([{ hang: true }, { hang: true }])
  const { output, summaries } = await made({ model: looker(), by, timeout: '100ms' })
  expect(output).toBe('Done.')
  expect(summaries[0]).toContain('The model took longer than 100ms.')
})

/** Looks for so many turns, with many tokens in each. In which of them a summary was asked for. */
async function askedIn(
  turns: number,
  by: ReturnType<typeof scriptedModel>,
  definition: Partial<AgentDefinition<string>> = {},
): Promise<number[]> {
  const asked: number[] = []
  let turn = 0
  const model = scriptedModel(() => {
    turn++
    const usage = { input: 9000, output: 1 }
    return turn < turns ? { toolCalls: [{ name: 'look', input: {} }], usage } : { text: 'Done.' }
  })
  const flow = agent({
    name: 'a',
    model,
    tools: [looking(() => '')],
    compaction: { above: 5000, keep: 1, model: by },
    retry: { attempts: 1 },
    guards: [
      guard({
        name: 'watching',
        at: 'request',
        check: ({ model: name }) => {
          if (name === 'scripted/summing') asked.push(turn + 1)
          return verdict.allow()
        },
      }),
    ],
    ...definition,
  })
  await using runtime = await testRuntime({ flows: [flow] })
  const run = await runtime.start(flow, { prompt: 'Look.' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
  await runtime.verify()
  return asked
}

const summing = (script: Parameters<typeof scriptedModel>[0]) =>
  scriptedModel(script, { name: 'summing' })

test('a summary that cannot be had is asked for less and less often', async () => {
  const by = summing(() => ({ error: 'Overloaded.' }))
  expect(await askedIn(18, by)).toEqual([3, 5, 9, 17])
  expect(by.requests).toHaveLength(4)
})

test('one that can be had again is had, and the next one is asked for when it is due', async () => {
  const by = summing(({ index }) => (index === 0 ? { text: ' ' } : { text: 'A summary.' }))
  expect(await askedIn(8, by)).toEqual([3, 5, 6, 7, 8])
  expect(by.requests).toHaveLength(5)
})

test('what may not be sent for a summary is not put before guards in each turn', async () => {
  const by = summing(() => ({ text: 'A summary.' }))
  const asked: number[] = []
  const strict = guard({
    name: 'strict',
    at: 'request',
    check: ({ model }, { turn }) => {
      if (model !== 'scripted/summing') return verdict.allow()
      asked.push(turn)
      return verdict.deny('Not there.')
    },
  })
  await askedIn(10, by, { guards: [strict] })
  expect(asked).toEqual([3, 5, 9])
  expect(by.requests).toEqual([])
})

test('where much is added, a summary is asked for again at once', async () => {
  const by = summing(() => ({ error: 'Overloaded.' }))
  expect(await askedIn(6, by, { tools: [looking(() => 'Nothing. '.repeat(500))] })).toEqual([
    3, 4, 5, 6,
  ])
})

test('wherever the process dies, an agent whose summaries cannot be had goes on', async () => {
  const looks = scriptedModel(({ turn }) =>
    turn < 5
      ? { toolCalls: [{ name: 'look', input: {} }], usage: { input: 9000, output: 1 } }
      : { text: 'Done.' },
  )
  const flow = agent({
    name: 'a',
    model: looks,
    tools: [look],
    compaction: { above: 5000, keep: 1, model: summing(() => ({ error: 'Overloaded.' })) },
    retry: { attempts: 1 },
  })
  const report = await crashAtEveryCommit(flow, { prompt: 'Look.' })
  expect(report.outcomes).toEqual([{ status: 'completed', output: 'Done.' }])
  expect(report.flaws).toEqual([])
})
