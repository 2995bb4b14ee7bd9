/** Providers that do not know any more what they said: what goes back to them is in the ledger. */
import { createOpenAI } from '@ai-sdk/openai'
import { expect, test } from 'vitest'
import { agent, open } from 'everloop'
import { scriptedModel } from 'everloop/testing'
import { join } from 'node:path'
import { refusal, served, type Asked, type Told } from './served.ts'
import { testFolder } from '../test-folder.ts'

const apiKey = 'sk-test-0123456789abcdef'

/** OpenAI's Responses: reasoning is sealed for those for whom nothing is kept, and kept is nothing here. */
function responses({ index, body }: Asked): Told {
  const {
    input,
    store,
    include = [],
  } = body as {
    input: { type?: string; id?: string; encrypted_content?: string }[]
    store?: boolean
    include?: string[]
  }
  const reference = input.find(({ type }) => type === 'item_reference')
  if (reference) return refusal(`Item with id '${reference.id}' not found.`, 404)
  const unsealed = input.find((item) => item.type === 'reasoning' && !item.encrypted_content)
  if (unsealed) return refusal(`Item with id '${unsealed.id}' not found.`, 404)
  const isSealed = store === false && include.includes('reasoning.encrypted_content')
  const response = { id: `resp_${index}`, created_at: 1, model: 'gpt-5' }
  const reasoning = {
    type: 'reasoning',
    id: `rs_${index}`,
    summary: [],
    ...(isSealed && { encrypted_content: `sealed_${index}` }),
  }
  const message = { type: 'message', id: `msg_${index}`, role: 'assistant' }
  const text = `Answer ${index}.`
  return {
    events: [
      { type: 'response.created', response },
      { type: 'response.output_item.added', output_index: 0, item: reasoning },
      { type: 'response.output_item.done', output_index: 0, item: reasoning },
      {
        type: 'response.output_item.added',
        output_index: 1,
        item: { ...message, status: 'in_progress', content: [] },
      },
      {
        type: 'response.output_text.delta',
        item_id: message.id,
        output_index: 1,
        content_index: 0,
        delta: text,
      },
      {
        type: 'response.output_item.done',
        output_index: 1,
        item: { ...message, content: [{ type: 'output_text', text, annotations: [] }] },
      },
      {
        type: 'response.completed',
        response: { ...response, usage: { input_tokens: 5, output_tokens: 5 } },
      },
    ],
  }
}

test('what an OpenAI model said goes back whole, with its sealed reasoning', async () => {
  await using server = await served(responses)
  const flow = agent({
    name: 'talker',
    model: createOpenAI({ baseURL: server.url, apiKey }).responses('gpt-5'),
    conversation: true,
  })
  await using ever = await open({ store: 'memory:', flows: [flow], work: {} })
  const run = await ever.start(flow, { prompt: 'Hello.' })
  await run.settled()
  await ever.send(run.id, 'And then?')
  expect(await run.settled()).toMatchObject({ status: 'waiting' })
  expect(server.requests.map(({ body }) => body['store'])).toEqual([false, false])
  expect(server.requests[1]?.body['input']).toEqual([
    { role: 'user', content: [{ type: 'input_text', text: 'Hello.' }] },
    { type: 'reasoning', id: 'rs_0', encrypted_content: 'sealed_0', summary: [] },
    { role: 'assistant', content: 'Answer 0.' },
    { role: 'user', content: [{ type: 'input_text', text: 'And then?' }] },
  ])
})

test('so does what was kept at the provider before, but for its reasoning', async () => {
  await using server = await served(responses)
  const store = `sqlite:${join(testFolder(), 'ledger.db')}`
  const model = createOpenAI({ baseURL: server.url, apiKey }).responses('gpt-5')
  const talker = (settings: object) =>
    agent({ name: 'talker', model, conversation: true, settings })
  {
    const flow = talker({ providerOptions: { openai: { store: true } } })
    await using ever = await open({ store, flows: [flow], work: {} })
    await (await ever.start(flow, { prompt: 'Hello.' }, { id: 'chat' })).settled()
  }
  await using ever = await open({ store, flows: [talker({})], work: {} })
  await ever.send('chat', 'And then?')
  expect(await (await ever.get('chat')).settled()).toMatchObject({ status: 'waiting' })
  expect(server.requests.map(({ body }) => body['store'])).toEqual([true, false])
  expect(server.requests[1]?.body['input']).toEqual([
    { role: 'user', content: [{ type: 'input_text', text: 'Hello.' }] },
    { role: 'assistant', content: 'Answer 0.' },
    { role: 'user', content: [{ type: 'input_text', text: 'And then?' }] },
  ])
})

test.each([
  [{}, { store: false }],
  [{ openai: { user: 'ann' } }, { store: false, user: 'ann' }],
  [{ azure: { user: 'ann' } }, { store: false, user: 'ann' }],
  [{ azure: { store: true } }, { store: true }],
  [{ openai: { previousResponseId: 'resp_7' } }, { previous_response_id: 'resp_7' }],
])("of Azure's models too: %j is asked as %j", async (providerOptions, sent) => {
  await using server = await served(responses)
  const azure = createOpenAI({ baseURL: server.url, apiKey, name: 'azure' })
  const flow = agent({ name: 'a', model: azure.responses('gpt-5'), settings: { providerOptions } })
  await using ever = await open({ store: 'memory:', flows: [flow], work: {} })
  expect(await (await ever.start(flow, { prompt: 'Hello.' })).result()).toBe('Answer 0.')
  const { store, user, previous_response_id } = server.requests[0]?.body ?? {}
  const said = Object.entries({ store, user, previous_response_id })
  expect(Object.fromEntries(said.filter(([, value]) => value !== undefined))).toEqual(sent)
})

test.each([
  ['openai/gpt-5', { openai: { store: false } }],
  ['anthropic/claude-sonnet-4-5', undefined],
])('and of those behind the gateway: %s', async (modelId, sent) => {
  const scripted = scriptedModel([{ text: 'Hello.' }])
  const seen: unknown[] = []
  const model: typeof scripted = {
    ...scripted,
    provider: 'gateway',
    modelId,
    doStream(options) {
      seen.push(options.providerOptions)
      return scripted.doStream(options)
    },
  }
  const flow = agent({ name: 'a', model })
  await using ever = await open({ store: 'memory:', flows: [flow], work: {} })
  await (await ever.start(flow, { prompt: 'Hello.' })).result()
  expect(seen).toEqual([sent])
})
