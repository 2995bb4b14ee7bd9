/** Each provider package against the scripted server: nothing in between is ours. */
import { describe, expect, test } from 'vitest'
import { scriptedServer } from 'everloop/testing'
import { assistantMessage } from '../../src/agent/model/message.ts'
import { parseStructured } from '../../src/agent/model/structured.ts'
import { z } from 'zod'
import { call, providers, question, weather } from './wire.ts'

const usage = { input: 100, output: 30, cachedInput: 40, reasoning: 10 }

const cases = Object.entries(providers).map(([name, provider]) => ({ name, provider }))

describe.each(cases)('$name', ({ name, provider }) => {
  test('text and usage arrive', async () => {
    const text = 'In Ulm it rains, in Köln the sun shines ☀️.'
    await using server = await scriptedServer({ script: [{ text, usage }] })
    const called = await call({ model: provider(server.url) })
    expect(called.error).toBeUndefined()
    const { answer } = called
    expect(answer?.text).toBe(text)
    expect(answer?.finishReason).toBe('stop')
    expect(answer?.attempts).toEqual([])
    expect(called.text).toBe(text)
    const isAnthropic = name === 'anthropic'
    expect(answer?.usage).toMatchObject({
      input: 100,
      output: 30,
      cachedInput: 40,
      total: 130,
      ...(isAnthropic ? { cacheWrite: 0 } : { reasoning: 10 }),
    })
    expect(answer?.usage.raw).toBeDefined()
  })

  test('parallel calls go out and their results come back', async () => {
    const toolCalls = [
      { name: 'weather', input: { city: 'Ulm' } },
      { name: 'weather', input: { city: 'Köln' } },
    ]
    await using server = await scriptedServer({
      script: [{ text: 'One moment.', toolCalls }, { text: 'Rain and sun.' }],
    })
    const model = provider(server.url)
    const { answer, error } = await call({ model })
    expect(error).toBeUndefined()
    const calls = answer?.content.filter((part) => part.type === 'tool-call') ?? []
    expect(calls.map(({ id, name, input }) => ({ id, name, input }))).toEqual([
      { id: 'call_1_1', name: 'weather', input: { city: 'Ulm' } },
      { id: 'call_1_2', name: 'weather', input: { city: 'Köln' } },
    ])
    expect(answer?.finishReason).toBe('tool-calls')
    expect(answer?.text).toBe('One moment.')

    const said = answer && assistantMessage(answer)
    if (!said) throw new Error('There is nothing to send back.')
    const next = await call({
      model,
      prompt: [
        ...question,
        said,
        {
          role: 'tool',
          content: calls.map(({ id, name }, index) => ({
            type: 'tool-result',
            toolCallId: id,
            toolName: name,
            output: { type: 'text', value: index === 0 ? 'rain' : 'sun' },
          })),
        },
      ],
    })
    expect(next.error).toBeUndefined()
    expect(next.answer?.text).toBe('Rain and sun.')
    const [first, second] = server.requests
    expect(first?.tools).toEqual(['weather'])
    expect(first?.stream).toBe(true)
    expect(second?.turn).toBe(1)
    expect(second?.text).toContain('sun')
    expect(JSON.stringify(second?.body)).toContain('rain')
  })

  test('structured output', async () => {
    const schema = z.object({ city: z.string(), degrees: z.number() })
    await using server = await scriptedServer({ script: [{ object: { city: 'Ulm', degrees: 7 } }] })
    const { answer, error } = await call({
      model: provider(server.url),
      tools: [],
      responseFormat: { type: 'json', schema: z.toJSONSchema(schema) as object },
    })
    expect(error).toBeUndefined()
    expect(await parseStructured(answer?.text ?? '', schema)).toEqual({
      ok: true,
      value: { city: 'Ulm', degrees: 7 },
    })
  })

  test('a rate limit, then an answer; a refused request, then none', async () => {
    await using server = await scriptedServer({
      script: [
        { error: 'slow down', status: 429, headers: { 'retry-after-ms': '1' } },
        { text: 'Here.' },
        { error: 'Incorrect API key provided: sk-test-0123456789abcdef', status: 401 },
      ],
    })
    const model = provider(server.url)
    const first = await call({ model })
    expect(first.error).toBeUndefined()
    expect(first.answer?.text).toBe('Here.')
    expect(first.answer?.attempts).toMatchObject([{ status: 429 }])
    expect(first.answer?.attempts[0]?.error).toContain('slow down')
    expect(first.restarts).toBe(1)
    const second = await call({ model })
    expect(second.error).toMatchObject({ code: 'MODEL_FAILED', status: 401 })
    expect(second.error).toHaveProperty('attempts.length', 1)
    expect(JSON.stringify(second.error) + String(second.error)).not.toContain('0123456789')
  })

  test('reasoning is kept apart from text', async () => {
    if (name === 'openai chat') return // it has none to tell
    await using server = await scriptedServer({
      script: [{ text: 'Yes.', reasoning: 'I think so.' }],
    })
    const { answer, error } = await call({ model: provider(server.url), tools: [weather] })
    expect(error).toBeUndefined()
    expect(answer?.text).toBe('Yes.')
    expect(answer?.reasoning).toBe('I think so.')
  })
})
