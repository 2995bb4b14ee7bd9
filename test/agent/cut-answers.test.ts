/** Answers that are not whole: the model had paused, or a limit of tokens has cut it off. */
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { expect, test } from 'vitest'
import { agent, conversation, guard, verdict } from 'everloop'
import { type ScriptedAnswer, scriptedModel, scriptedServer, testRuntime } from 'everloop/testing'
import { z } from 'zod'
import { look } from './look.ts'

const apiKey = 'sk-test-0123456789abcdef'
const claude = (baseURL: string) => createAnthropic({ baseURL, apiKey })('claude-sonnet-4-5')

const paused = { text: 'I will look that up.', finishReason: 'pause_turn' }

/** The newest models refuse a conversation that ends with what they said. */
const refusing =
  (...script: readonly ScriptedAnswer[]) =>
  ({ index, body }: { readonly index: number; readonly body: unknown }): ScriptedAnswer => {
    const { messages } = body as { readonly messages: readonly { readonly role: string }[] }
    if (messages.at(-1)?.role !== 'assistant') return script[index] ?? { hang: true }
    const error =
      'This model does not support assistant message prefill. The conversation must end with a user message.'
    return { error, status: 400 }
  }

test('a model that has paused goes on where it was', async () => {
  const script = refusing(paused, paused, { text: 'It is 42.' })
  await using server = await scriptedServer({ script })
  const flow = agent({ name: 'a', model: claude(server.url), tools: [look] })
  await using runtime = await testRuntime({ flows: [flow] })
  const run = await runtime.start(flow, { prompt: 'What is it?' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'It is 42.' })
  const said = { role: 'assistant', content: [{ type: 'text', text: paused.text }] }
  expect(server.requests[1]?.body).toMatchObject({
    messages: [{ role: 'user' }, said, { role: 'user' }],
  })
  expect(server.requests).toHaveLength(3)
  const { items } = await conversation(runtime.ever, run.id)
  expect(items.map((item) => 'text' in item && item.text)).toEqual([
    'What is it?',
    paused.text,
    paused.text,
    'It is 42.',
  ])
  await runtime.verify()
})

test('in a conversation too, and until a limit ends it', async () => {
  await using server = await scriptedServer({
    script: refusing(paused, { text: 'It is 42.' }, paused, { text: 'Never asked.' }),
  })
  const model = claude(server.url)
  const chat = agent({ name: 'chat', model, conversation: { idle: '1d' }, stop: { turns: 3 } })
  await using runtime = await testRuntime({ flows: [chat] })
  const run = await runtime.start(chat, { prompt: 'What is it?' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
  await runtime.ever.send(run.id, 'And why?')
  expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
  await runtime.advance('2d')
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: paused.text })
  expect(server.requests).toHaveLength(3)
})

test('a pause that was the end stays the end, whatever a deploy makes of the limit', async () => {
  await using server = await scriptedServer({ script: [paused, { text: 'Never asked.' }] })
  const careful = guard({ name: 'careful', at: 'output', check: () => verdict.ask('Fine?') })
  const rules = { name: 'a', model: claude(server.url), guards: [careful] }
  await using runtime = await testRuntime({ flows: [agent({ ...rules, stop: { turns: 1 } })] })
  const run = await runtime.start('a', { prompt: 'What is it?' })
  await runtime.restart({ flows: [agent(rules)] })
  await runtime.answer('Fine?', { verdict: 'allow' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: paused.text })
  await runtime.verify()
})

test('a model that does nothing but pause is not told to go on for ever', async () => {
  await using server = await scriptedServer({
    script: ({ index }) =>
      index < 40 ? { ...paused, text: `Pause ${index + 1}.` } : { text: 'Never asked.' },
  })
  const flow = agent({ name: 'a', model: claude(server.url) })
  await using runtime = await testRuntime({ flows: [flow] })
  const run = await runtime.start(flow, { prompt: 'What is it?' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Pause 9.' })
  expect(server.requests).toHaveLength(9)
})

test('pauses between calls are not counted together', async () => {
  await using server = await scriptedServer({
    script: ({ index }) => {
      if (index === 5) return { toolCalls: [{ name: 'look', input: {} }] }
      return index < 12 ? paused : { text: 'It is 42.' }
    },
  })
  const flow = agent({ name: 'a', model: claude(server.url), tools: [look] })
  await using runtime = await testRuntime({ flows: [flow] })
  const run = await runtime.start(flow, { prompt: 'What is it?' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'It is 42.' })
})

test('a pause with calls is a turn like any other', async () => {
  await using server = await scriptedServer({
    script: [{ ...paused, toolCalls: [{ name: 'look', input: {} }] }, { text: 'It is 42.' }],
  })
  const flow = agent({ name: 'a', model: claude(server.url), tools: [look] })
  await using runtime = await testRuntime({ flows: [flow] })
  const run = await runtime.start(flow, { prompt: 'What is it?' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'It is 42.' })
  expect(JSON.stringify(server.requests[1]?.body)).toContain('tool_result')
})

const half = 'The first half of the rep'

test.each<[string, (url: string) => ReturnType<typeof claude>, string]>([
  ['OpenAI', (baseURL) => createOpenAI({ baseURL, apiKey }).chat('gpt-4o'), 'length'],
  ['OpenAI, responses', (baseURL) => createOpenAI({ baseURL, apiKey })('gpt-4o'), 'length'],
  ['Anthropic', claude, 'max_tokens'],
  ['Anthropic, the window', claude, 'model_context_window_exceeded'],
])('people are told that an answer was cut off: %s', async (_, modelAt, finishReason) => {
  await using server = await scriptedServer({ script: [{ text: half, finishReason }] })
  const flow = agent({ name: 'a', model: modelAt(server.url) })
  await using runtime = await testRuntime({ flows: [flow] })
  const run = await runtime.start(flow, { prompt: 'Report.' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: half })
  const { items } = await conversation(runtime.ever, run.id)
  expect(items.at(-1)).toMatchObject({ is: 'assistant', text: half, isCut: true })
})

test('an answer that was cut off and sent back is told apart from the next one', async () => {
  const flow = agent({
    name: 'a',
    model: scriptedModel([
      { text: '{"city":"U', finishReason: 'length' },
      { object: { city: 'Ulm' } },
    ]),
    output: z.object({ city: z.string() }),
  })
  await using runtime = await testRuntime({ flows: [flow] })
  const run = await runtime.start(flow, { prompt: 'Where?' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: { city: 'Ulm' } })
  const { items } = await conversation(runtime.ever, run.id)
  const answers = items.filter((item) => item.is === 'assistant')
  expect(answers.map((item) => 'isCut' in item)).toEqual([true, false])
})
