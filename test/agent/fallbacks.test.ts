/** Several models: who is asked next, and what of the settings they are sent. */
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { afterEach, expect, test } from 'vitest'
import { agent, open, secret } from 'everloop'
import { scriptedModel } from 'everloop/testing'
import type { Model } from '../../src/agent/model/port.ts'
import { anthropicEvents, chatEvents, refusal, served, type Told } from './served.ts'

const apiKey = 'sk-test-0123456789abcdef'
const key = 'Bearer gw-C4nary-0123456789'

/** What the agent with these models says. The gateway's key is in its headers. */
async function asked(model: Model): Promise<unknown> {
  const flow = agent({
    name: 'asker',
    model,
    settings: { headers: { authorization: secret('GATEWAY_KEY') } },
  })
  await using ever = await open({
    store: 'memory:',
    flows: [flow],
    secrets: { GATEWAY_KEY: key },
    work: {},
  })
  return await (await ever.start(flow, { prompt: 'Hello.' })).result()
}

const broken = () => served(() => refusal('No such model.', 404))
const working = () => served(() => chatEvents({ text: 'Hello.' }))

test('the headers of the first model do not leave for another company', async () => {
  await using gateway = await broken()
  await using other = await served(() => anthropicEvents({ text: 'Hello.' }))
  const anthropic = createAnthropic({ baseURL: other.url, apiKey })('claude-sonnet-4-5')
  expect(await asked([`${gateway.url}#m`, anthropic])).toBe('Hello.')
  expect(gateway.requests[0]?.headers.authorization).toBe(key)
  expect(other.requests[0]?.headers).toMatchObject({ 'x-api-key': apiKey })
  expect(other.requests[0]?.headers.authorization).toBeUndefined()
})

test.each<[string, (url: string) => Model & object]>([
  ['an OpenAI-compatible endpoint', (url) => `${url}#m` as never],
  [
    'a model object of the same name',
    (url) => createOpenAICompatible({ baseURL: url, name: 'g' })('m'),
  ],
  ['OpenAI itself', (url) => createOpenAI({ baseURL: url, apiKey }).chat('gpt-4o')],
])('nor for another place: %s', async (_, model) => {
  await using first = await broken()
  await using second = await working()
  expect(await asked([model(first.url), model(second.url)] as never)).toBe('Hello.')
  expect(first.requests[0]?.headers.authorization).toBe(key)
  expect(second.requests[0]?.headers.authorization).not.toBe(key)
})

test.each<[string, (url: string, id: string) => Model & object]>([
  ['URLs', (url, id) => `${url}#${id}` as never],
  ['model objects', (url, id) => createOpenAI({ baseURL: url, apiKey }).chat(id)],
])('another model of the same provider at the same place gets them: %s', async (_, model) => {
  await using gateway = await served(({ body }) =>
    body['model'] === 'first' ? refusal('No such model.', 404) : chatEvents({ text: 'Hello.' }),
  )
  const { url } = gateway
  expect(await asked([model(url, 'first'), model(url, 'second')] as never)).toBe('Hello.')
  expect(gateway.requests.map(({ headers }) => headers.authorization)).toEqual([key, key])
})

const globals = globalThis as { AI_SDK_DEFAULT_PROVIDER?: unknown }
afterEach(() => {
  delete globals.AI_SDK_DEFAULT_PROVIDER
})

test('a default provider that does not have the first model is asked for the second', async () => {
  const second = scriptedModel([{ text: 'Hello.' }])
  globals.AI_SDK_DEFAULT_PROVIDER = {
    languageModel(id: string) {
      if (id === 'there/it-is') return second
      const message = `No such languageModel: ${id}`
      throw Object.assign(new Error(message), { name: 'AI_NoSuchModelError' })
    },
  }
  expect(await asked(['not/there', 'there/it-is'])).toBe('Hello.')
  await expect(asked(['not/there', 'nor/there'])).rejects.toThrow(
    'No answer from not/there, nor/there after 2 attempts: No such languageModel: nor/there',
  )
})

const flagged = 'The response was filtered due to the content management policy.'

/** Azure's own words, OpenAI's, and those of one that had begun to answer. */
test.each<[string, (url: string) => Model & object, Told]>([
  [
    'content_filter',
    (url) => createOpenAI({ baseURL: url, apiKey }).chat('gpt-4o'),
    refusal(flagged, 400, 'content_filter'),
  ],
  [
    'ResponsibleAIPolicyViolation',
    (url) => createOpenAI({ baseURL: url, apiKey }).responses('gpt-5'),
    {
      status: 400,
      json: {
        error: {
          message: flagged,
          code: null,
          innererror: { code: 'ResponsibleAIPolicyViolation' },
        },
      },
    },
  ],
  [
    'content_policy_violation',
    (url) => `${url}#m` as never,
    refusal(flagged, 400, 'content_policy_violation'),
  ],
  [
    'invalid_prompt',
    (url) => createOpenAI({ baseURL: url, apiKey }).responses('gpt-5'),
    {
      events: [
        { type: 'response.created', response: { id: 'r', created_at: 1, model: 'gpt-5' } },
        {
          type: 'response.failed',
          response: { id: 'r', error: { code: 'invalid_prompt', message: flagged } },
        },
      ],
    },
  ],
  [
    'invalid_prompt, in full',
    (url) => createOpenAI({ baseURL: url, apiKey }).responses('gpt-5'),
    {
      events: [
        { type: 'response.created', response: { id: 'r', created_at: 1, model: 'gpt-5' } },
        {
          type: 'response.failed',
          sequence_number: 1,
          response: { id: 'r', error: { code: 'invalid_prompt', message: flagged }, usage: null },
        },
      ],
    },
  ],
])('a filter that answers with %s refuses: nobody else is asked', async (_, model, told) => {
  await using first = await served(() => told)
  await using second = await working()
  const models = [model(first.url), `${second.url}#m`] as never
  await expect(asked(models)).rejects.toMatchObject({
    cause: {
      data: { cause: { code: 'MODEL_REFUSED', message: expect.stringContaining(flagged) } },
    },
  })
  expect([first.requests.length, second.requests.length]).toEqual([1, 0])
})

/** A gateway that shows what it was asked, in words that a filter would use. */
test.each([502, 400])('a failure that tells the prompt is no refusal: %i', async (status) => {
  await using first = await served(({ index, body }) =>
    index === 0
      ? {
          status,
          json: {
            error: { message: `Failed: ${JSON.stringify(body['messages'])}`, code: null },
            input: body['messages'],
          },
        }
      : chatEvents({ text: 'It was filtered.' }),
  )
  await using second = await served(() => chatEvents({ text: 'It was filtered.' }))
  const flow = agent({
    name: 'asker',
    model: [createOpenAI({ baseURL: first.url, apiKey }).chat('gpt-4o'), `${second.url}#m`],
    retry: { delay: 1 },
  })
  await using ever = await open({ store: 'memory:', flows: [flow], work: {} })
  const run = await ever.start(flow, { prompt: 'Explain the finish_reason content_filter.' })
  expect(await run.result()).toBe('It was filtered.')
  // What passes is asked again, what lasts is asked of the next.
  const asked = [first, second].map(({ requests }) => requests.length)
  expect(asked).toEqual(status === 502 ? [2, 0] : [1, 1])
})
