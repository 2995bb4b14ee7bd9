/** How long a model may take, and how long it may say nothing, over the wire. */
import { setTimeout as after } from 'node:timers/promises'
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { expect, test } from 'vitest'
import { agent, guard, open, verdict } from 'everloop'
import { anthropicEvents, chatEvents, served } from './served.ts'

const apiKey = 'sk-test-0123456789abcdef'

type Flow = ReturnType<typeof agent>

async function outputOf(flow: Flow): Promise<unknown> {
  await using ever = await open({ store: 'memory:', flows: [flow], work: {} })
  return await (await ever.start(flow, { prompt: 'Think.' })).result()
}

const seeing = guard({ name: 'see', at: ['answer'], check: () => verdict.allow() })

test('a model that thinks for long, and says that it lives, is not left behind', async () => {
  const [began, ...rest] = anthropicEvents({ text: 'Thought.' }).events
  async function* thinking(): AsyncGenerator {
    yield began
    for (let i = 0; i < 30; i++) {
      yield 'event: ping\ndata: {"type": "ping"}\n\n'
      await after(50)
    }
    yield* rest
  }
  await using server = await served(() => ({ events: thinking() }))
  const flow = agent({
    name: 'a',
    model: createAnthropic({ baseURL: server.url, apiKey })('claude-sonnet-4-5'),
    silence: '1s',
    retry: { attempts: 1 },
  })
  expect(await outputOf(flow)).toBe('Thought.')
})

test.each([
  ['shown as it comes', []],
  ['held by a guard', [seeing]],
])('one that is silent is: %s', async (_, guards) => {
  async function* silent(): AsyncGenerator {
    yield ': here\n\n'
    await Promise.withResolvers<never>().promise
  }
  await using server = await served(() => ({ events: silent() }))
  const model = createOpenAI({ baseURL: server.url, apiKey }).chat('gpt-4o')
  const flow = agent({ name: 'a', model, guards, silence: '100ms', retry: { attempts: 1 } })
  await expect(outputOf(flow)).rejects.toThrow('The model sent nothing for 100ms.')
})

test('what a guard has to see whole is streamed all the same, and shown to nobody', async () => {
  await using server = await served(({ body }) =>
    body['stream'] === true ? chatEvents({ text: 'Whole.' }) : { json: {} },
  )
  const model = `${server.url}#m`
  const flow = agent({ name: 'a', model, guards: [seeing], budget: { tokens: 1000 } })
  await using ever = await open({ store: 'memory:', flows: [flow], work: {} })
  const run = await ever.start(flow, { prompt: 'Think.' })
  const shown: unknown[] = []
  for await (const item of run.stream()) if (item.type === 'text') shown.push(item)
  expect(await run.result()).toBe('Whole.')
  expect(shown).toEqual([])
  // What is streamed says what it used when it is asked to.
  expect(server.requests[0]?.body['stream_options']).toEqual({ include_usage: true })
  expect((await ever.account(run.id)).amounts).toMatchObject({ tokens: 15 })
})

test('a silence that is no duration is refused', () => {
  expect(() => agent({ name: 'a', model: 'openai/gpt-5', silence: 'soon' as never })).toThrow(
    '"soon" is not a duration',
  )
})
