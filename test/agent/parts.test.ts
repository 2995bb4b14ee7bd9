/** The parts of answers that only model objects can send, and how they go back to the model. */
import type { LanguageModelV4, LanguageModelV4StreamPart } from '@ai-sdk/provider'
import { scriptedModel, virtualTime } from 'everloop/testing'
import { expect, test } from 'vitest'
import type { ModelAnswer } from '../../src/agent/model/answer.ts'
import { callModel } from '../../src/agent/model/call.ts'
import { assistantMessage } from '../../src/agent/model/message.ts'
import { decode, encode } from '../../src/ledger/index.ts'
import { question, weather } from './wire.ts'

const finish = {
  type: 'finish',
  finishReason: { unified: 'stop', raw: 'stop' },
  usage: { inputTokens: { total: 1 }, outputTokens: { total: 1 } },
}

/** The answer of a model that streams these parts. */
async function answerOf(parts: readonly unknown[]): Promise<ModelAnswer> {
  const model: LanguageModelV4 = {
    ...scriptedModel([]),
    doStream: () =>
      Promise.resolve({ stream: ReadableStream.from(parts as LanguageModelV4StreamPart[]) }),
  }
  const answer = await callModel({
    model,
    prompt: question,
    tools: [weather],
    ports: virtualTime(),
    retry: { attempts: 1 },
  })
  expect(decode(encode(answer))).toEqual(answer)
  return answer
}

const signed = { providerMetadata: { anthropic: { signature: 'abc' } } }

test('metadata comes with its part and goes back with it', async () => {
  const { content } = await answerOf([
    { type: 'reasoning-start', id: 'r' },
    { type: 'reasoning-delta', id: 'r', delta: 'Hm.' },
    { type: 'reasoning-end', id: 'r', ...signed },
    { type: 'custom', kind: 'openai.compaction', ...signed },
    { type: 'custom', kind: 'anthropic.message_start', ...signed },
    {
      type: 'tool-call',
      toolCallId: 'a',
      toolName: 'weather',
      input: '{"city":"Ulm"}',
      ...signed,
    },
    { type: 'source', sourceType: 'url', id: 's', url: 'https://a.example', title: 'A' },
    finish,
  ])
  expect(content).toEqual([
    { type: 'reasoning', text: 'Hm.', ...signed },
    { type: 'custom', kind: 'openai.compaction', ...signed },
    {
      type: 'tool-call',
      id: 'a',
      name: 'weather',
      input: { city: 'Ulm' },
      rawInput: '{"city":"Ulm"}',
      ...signed,
    },
    { type: 'source', id: 's', url: 'https://a.example', title: 'A' },
  ])
  const providerOptions = signed.providerMetadata
  expect(assistantMessage({ content })).toEqual({
    role: 'assistant',
    content: [
      { type: 'reasoning', text: 'Hm.', providerOptions },
      { type: 'custom', kind: 'openai.compaction', providerOptions },
      {
        type: 'tool-call',
        toolCallId: 'a',
        toolName: 'weather',
        input: { city: 'Ulm' },
        providerOptions,
      },
    ],
  })
})

test('files come as bytes, base64 or a URL, and go back', async () => {
  const bytes = Uint8Array.of(1, 2)
  const { content } = await answerOf([
    { type: 'file', mediaType: 'image/png', data: { type: 'data', data: bytes } },
    { type: 'file', mediaType: 'image/png', data: 'aGk=' },
    {
      type: 'file',
      mediaType: 'image/png',
      data: { type: 'url', url: new URL('https://a.example/b') },
    },
    { type: 'file', mediaType: 'image/png', data: 7 },
    finish,
  ])
  expect(content).toEqual([
    { type: 'file', mediaType: 'image/png', data: bytes },
    { type: 'file', mediaType: 'image/png', data: 'aGk=' },
    { type: 'file', mediaType: 'image/png', data: 'https://a.example/b', isUrl: true },
  ])
  expect(assistantMessage({ content })?.content).toMatchObject([
    { data: { type: 'data', data: bytes } },
    { data: { type: 'data', data: 'aGk=' } },
    { data: { type: 'url', url: 'https://a.example/b' } },
  ])
})

test('a streamed call that never comes as a whole was cut, and goes back with an empty input', async () => {
  const answer = await answerOf([
    { type: 'tool-input-start', id: 'a', toolName: 'weather' },
    { type: 'tool-input-delta', id: 'a', delta: '{"city":"Ulm"}' },
    finish,
  ])
  expect(answer.content).toEqual([
    {
      type: 'tool-call',
      id: 'a',
      name: 'weather',
      rawInput: '{"city":"Ulm"}',
      invalid: 'The call was cut off before it was complete. Send it again.',
    },
  ])
  expect(answer.finishReason).toBe('tool-calls')
  expect(assistantMessage(answer)?.content).toMatchObject([{ toolName: 'weather', input: {} }])
})

test('events in no order at all are put together, whole calls in the place of their beginning', async () => {
  const { text, content, warnings } = await answerOf([
    finish,
    { type: 'text-end', id: 't' },
    { type: 'text-delta', id: 't', delta: 'It ' },
    { type: 'tool-input-delta', id: 'a', delta: '{}' },
    { type: 'text-delta', id: 't', delta: 'rains.' },
    { type: 'text-start', id: 't' },
    { type: 'tool-call', toolCallId: 'a', toolName: 'weather', input: '{"city":"Ulm"}' },
    null,
    'x',
    { type: 'surprise' },
    { type: 'finish' },
  ])
  expect(text).toBe('It rains.')
  expect(content.map(({ type }) => type)).toEqual(['text', 'tool-call'])
  expect(warnings).toEqual([
    'The stream held something that is no part.',
    'The stream held something that is no part.',
    'The stream finished more than once; the first counts.',
    'A part of unknown type "surprise" was left out.',
  ])
})

test('what comes of the input of a call behind the whole of it is no other call', async () => {
  const call = { type: 'tool-call', toolCallId: 'a', toolName: 'weather', input: '{"city":"Ulm"}' }
  const { content } = await answerOf([
    { type: 'tool-input-start', id: 'a', toolName: 'weather' },
    { type: 'tool-input-delta', id: 'a', delta: '{"city"' },
    call,
    { type: 'tool-input-delta', id: 'a', delta: ':"Ulm"}' },
    { type: 'tool-input-end', id: 'a' },
    finish,
  ])
  expect(content).toMatchObject([{ type: 'tool-call', id: 'a', input: { city: 'Ulm' } }])
})

test('what a provider hands over beside the answer is kept as far as it is data', async () => {
  const circle: Record<string, unknown> = { good: 1, bad: () => 1, worse: Symbol('x'), nan: NaN }
  circle['itself'] = circle
  const { content } = await answerOf([
    { type: 'text-start', id: 't', providerMetadata: circle },
    { type: 'text-delta', id: 't', delta: 'Hi.' },
    finish,
  ])
  expect(content).toMatchObject([{ text: 'Hi.', providerMetadata: { good: 1 } }])
  expect(JSON.stringify(content)).not.toContain('bad')
})

test.each([[undefined], [null], [{}], ['text'], [{ stream: 'text' }]])(
  'a model that returns %j has failed',
  async (result) => {
    const model = { ...scriptedModel([]), doStream: () => Promise.resolve(result as never) }
    const call = callModel({
      model,
      prompt: question,
      ports: virtualTime(),
      retry: { attempts: 1 },
    })
    await expect(call).rejects.toMatchObject({ code: 'MODEL_FAILED' })
  },
)
