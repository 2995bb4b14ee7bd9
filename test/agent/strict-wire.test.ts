/** What goes back to a provider is what it accepts, whatever a model has said before. */
import type {
  LanguageModelV4,
  LanguageModelV4Prompt,
  LanguageModelV4StreamPart,
} from '@ai-sdk/provider'
import { expect, test } from 'vitest'
import { z } from 'zod'
import {
  agent,
  cardGuard,
  flow,
  guard,
  open,
  regexGuard,
  secretsGuard,
  tool,
  verdict,
  type Agent,
  type Guard,
} from 'everloop'
import {
  crashAtEveryCommit,
  scriptedModel,
  scriptedServer,
  type Script,
  type ScriptedAnswer,
  type ScriptedCall,
} from 'everloop/testing'
import { promptMessage } from '../../src/agent/loop/prompt.ts'
import type { AgentSettings } from '../../src/agent/settings.ts'
import type { Message } from '../../src/agent/loop/state.ts'
import {
  blocks,
  compatible,
  messagesOf,
  spoken,
  strictAnthropic,
  strictChat,
  type Json,
  type StrictProvider,
} from './strict-provider.ts'
import { call, providers, question } from './wire.ts'

const weather = tool({
  name: 'weather',
  description: 'The weather of a city.',
  input: z.object({ city: z.string() }),
  effect: 'read',
  run: ({ city }) => `Rain in ${city}.`,
})

const forecaster = (...providers: readonly [StrictProvider, ...StrictProvider[]]): Agent =>
  agent({
    name: 'forecaster',
    model: providers.map(({ model }) => model) as [StrictProvider['model']],
    tools: [weather],
    retry: { attempts: 1 },
  })

/** The output of a run of the agent. */
async function outputOf(flow: Agent): Promise<unknown> {
  await using ever = await open({ store: 'memory:', flows: [flow], work: {} })
  const run = await ever.start(flow, { prompt: 'The weather?' })
  return await run.result()
}

/** Calls, and then an end. */
const calling = (...toolCalls: readonly ScriptedCall[]): Script => [
  { toolCalls },
  { text: 'Done.' },
]
const ulm = { name: 'weather', input: { city: 'Ulm' } }

const strictOnes = { anthropic: strictAnthropic, chat: strictChat }

test.each(Object.entries(strictOnes))(
  'names that no tool has go back as names, %s',
  async (_name, strict) => {
    const names = ['multi_tool_use.parallel', 'wetter für ulm', 'w'.repeat(201)]
    await using provider = await strict(calling(...names.map((name) => ({ name, input: {} })), ulm))
    expect(await outputOf(forecaster(provider))).toBe('Done.')
    expect(provider.refused).toEqual([])
    expect(JSON.stringify(provider.bodies[1])).toContain('"multi_tool_use_parallel"')
  },
)

test.each(Object.entries(strictOnes))(
  'ids that come twice go back as two, %s',
  async (_name, strict) => {
    const id = 'call_same'
    await using provider = await strict(
      calling({ ...ulm, id }, { name: 'weather', input: { city: 'Rom' }, id }, { ...ulm, id }),
    )
    expect(await outputOf(forecaster(provider))).toBe('Done.')
    expect(provider.refused).toEqual([])
  },
)

/** An endpoint that answers once, and is gone. */
const once = (...toolCalls: readonly ScriptedCall[]): Script => [
  { toolCalls },
  { error: 'Gone.', status: 401 },
]

test.each(Object.entries(strictOnes))(
  'ids of one provider go to another as ids that it accepts, %s',
  async (_name, strict) => {
    const long = 'functions.weather:0'.padEnd(500, '+/=')
    await using first = await compatible(
      once(
        { ...ulm, id: 'functions.weather:0' },
        { ...ulm, id: 'functions.weather:1' },
        { ...ulm, id: `${long}1` },
        { ...ulm, id: `${long}2` },
        { ...ulm, id: 'c'.repeat(64) },
      ),
    )
    await using second = await strict([{ text: 'Done.' }])
    expect(await outputOf(forecaster(first, second))).toBe('Done.')
    expect(second.refused).toEqual([])
    expect(second.bodies).toHaveLength(1)
  },
)

test('ids that come again in later answers are told apart by another provider', async () => {
  const call = { toolCalls: [{ ...ulm, id: 'functions.weather:0' }] }
  await using first = await compatible([call, call, { error: 'Gone.', status: 401 }])
  await using second = await strictAnthropic([{ text: 'Done.' }])
  expect(await outputOf(forecaster(first, second))).toBe('Done.')
  expect(second.refused).toEqual([])
})

test('a process that goes on sends what the one before it would have sent', async () => {
  const sent = new Map<string, Set<string>>()
  /** Answers each other turn, with an id that is its own and comes again. */
  const answering = (name: string, rest: number): LanguageModelV4 =>
    scriptedModel(
      ({ turn, body }) => {
        if (turn % 2 !== rest) return { error: 'Not I.', status: 401 }
        const { prompt } = body as { readonly prompt: LanguageModelV4Prompt }
        const key = `${name} ${turn}`
        sent.set(key, (sent.get(key) ?? new Set()).add(JSON.stringify(prompt)))
        if (turn === 5) return { text: 'Done.' }
        return {
          toolCalls: [
            { ...ulm, id: 'functions.weather:0' },
            { ...ulm, id: 'call_1' },
          ],
        }
      },
      { name },
    )
  const both = agent({
    name: 'both',
    model: [answering('even', 0), answering('odd', 1)],
    tools: [weather],
    retry: { attempts: 1 },
  })
  await crashAtEveryCommit(both, { prompt: 'The weather?' })
  expect([...sent.keys()]).toEqual(['even 0', 'odd 1', 'even 2', 'odd 3', 'even 4', 'odd 5'])
  for (const prompts of sent.values()) expect(prompts.size).toBe(1)
})

test('a provider gets its own ids back as it gave them, with whatever they carry', async () => {
  const ids = [`call_9d1c__thought__${'CiQB0e2Kb+/='.repeat(100)}`, 'functions.weather:0']
  await using provider = await compatible(calling(...ids.map((id) => ({ ...ulm, id }))))
  expect(await outputOf(forecaster(provider))).toBe('Done.')
  const [, second] = provider.bodies
  const calls = spoken(second)[0]?.['tool_calls'] as readonly Json[]
  expect(calls.map(({ id }) => id)).toEqual(ids)
  const results = messagesOf(second).filter(({ role }) => role === 'tool')
  expect(results.map((result) => result['tool_call_id'])).toEqual(ids)
})

test('what builds before have recorded as an id goes to a provider as one that it accepts', async () => {
  await using provider = await strictAnthropic([{ text: 'Done.' }])
  const calls = ['toolu_1', 'toolu_1~2', 'x'.repeat(150)].map((id) => ({
    type: 'tool-call' as const,
    id,
    name: 'weather',
    input: { city: 'Ulm' },
  }))
  const said: Message = { role: 'assistant', parts: calls }
  const told: Message = {
    role: 'tool',
    results: calls.map(({ id, name }) => ({ id, tool: name, is: 'result', value: 'Rain.' })),
  }
  const { answer, error } = await call({
    model: provider.model,
    prompt: [...question, promptMessage(said), promptMessage(told)],
  })
  expect(error).toBeUndefined()
  expect(answer?.text).toBe('Done.')
  expect(blocks(provider.bodies[0]).map(({ id }) => id)).toEqual([
    'toolu_1',
    expect.stringMatching(/^toolu_1_2_/),
    expect.stringMatching(/^x{29}_/),
  ])
})

const wipe = (called: unknown[]) =>
  tool({
    name: 'wipe',
    description: 'Deletes the files that fit, and all of them without a pattern.',
    input: z.object({ pattern: z.string().optional() }),
    effect: 'once',
    run: (input) => {
      called.push(input)
      return 'Deleted.'
    },
  })

const cutCases = Object.entries(providers).flatMap(([name, provider]) =>
  [true, false].map((isStreamed) => ({ name, provider, isStreamed })),
)

test.each(cutCases)(
  'a call that was cut off before its arguments is not made: $name, streamed: $isStreamed',
  async ({ name, provider, isStreamed }) => {
    const cut = { finishReason: name === 'anthropic' ? 'max_tokens' : 'length' }
    const rawInput = isStreamed ? '' : name === 'anthropic' ? '{}' : ' { } '
    await using server = await scriptedServer({
      script: [
        {
          text: 'I delete *.tmp.',
          toolCalls: [
            { name: 'wipe', input: { pattern: '*.log' } },
            { name: 'wipe', rawInput },
          ],
          ...cut,
        },
        { text: 'Done.' },
      ],
    })
    const called: unknown[] = []
    const flow = agent({
      name: 'cleaner',
      model: provider(server.url),
      tools: [wipe(called)],
      // What guards have to see first is not streamed.
      guards: isStreamed
        ? []
        : [guard({ name: 'all', at: 'answer', check: () => verdict.allow() })],
      retry: { attempts: 1 },
    })
    expect(await outputOf(flow)).toBe('Done.')
    expect(called).toEqual([{ pattern: '*.log' }])
    expect(server.requests[1]?.text).toContain('was cut off')
  },
)

test('a call without arguments is made where the answer came to its end', async () => {
  await using provider = await strictAnthropic(calling({ name: 'wipe', rawInput: '' }))
  const called: unknown[] = []
  const flow = agent({ name: 'cleaner', model: provider.model, tools: [wipe(called)] })
  expect(await outputOf(flow)).toBe('Done.')
  expect(called).toEqual([{}])
})

test('blank input is refused, at the start and later', async () => {
  const flow = agent({
    name: 'talker',
    model: scriptedModel([{ text: 'Hello.' }]),
    conversation: true,
  })
  await using ever = await open({ store: 'memory:', flows: [flow], work: {} })
  for (const input of [{ prompt: ' \n' }, { messages: ['Hello?', '\t'] }]) {
    await expect(ever.start(flow, input)).rejects.toMatchObject({ code: 'BAD_INPUT' })
  }
  const run = await ever.start(flow, { prompt: 'Hello?' })
  await run.settled()
  for (const text of ['', ' \n']) {
    await expect(ever.send(run.id, text)).rejects.toMatchObject({ code: 'BAD_INPUT' })
  }
})

test('blank instructions are none', async () => {
  await using provider = await strictAnthropic([{ text: 'Done.' }])
  const { model } = provider
  expect(await outputOf(agent({ name: 'a', model, instructions: () => ' \n' }))).toBe('Done.')
  expect(provider.bodies.map(({ system }) => system)).toEqual([undefined])
})

test('blank texts that are in a conversation already are sent as something that providers take', async () => {
  await using provider = await strictAnthropic([
    { text: '\n\n' },
    { text: ' ', toolCalls: [ulm] },
    { text: 'Done.' },
    { text: 'And done.' },
  ])
  const talker = agent({
    name: 'talker',
    model: provider.model,
    tools: [weather],
    conversation: true,
    retry: { attempts: 1 },
  })
  // Builds before took a blank prompt: a flow of this name that takes anything stands for them.
  const before = flow<unknown, unknown>({ name: 'talker', run: () => undefined })
  await using store = await open({ store: 'memory:', flows: [before] })
  await store.start(before, { prompt: ' ' }, { id: 'old' })
  await using ever = await open({ store: store.store, flows: [talker], work: {} })
  const run = await ever.get('old')
  await run.settled()
  await ever.signal('old', 'message', ' ')
  await run.settled()
  await ever.send('old', 'And?')
  await run.settled()
  expect(provider.refused).toEqual([])
  expect(provider.bodies).toHaveLength(4)
  expect(spoken(provider.bodies[1]).at(-1)?.['content']).toMatchObject([{ text: '(no answer)' }])
  expect(blocks(provider.bodies[2]).map(({ type }) => type)).toEqual(['tool_use'])
})

/** A model whose first answer is made up here, part by part, and that is the provider's afterwards. */
function beginning(first: readonly object[], { model }: StrictProvider): LanguageModelV4 {
  const next = model as LanguageModelV4
  let isFirst = true
  return {
    specificationVersion: 'v4',
    provider: next.provider,
    modelId: next.modelId,
    supportedUrls: {},
    doGenerate: (options) => next.doGenerate(options),
    doStream: (options) => {
      if (!isFirst) return next.doStream(options)
      isFirst = false
      const stream = ReadableStream.from(first) as ReadableStream<LanguageModelV4StreamPart>
      return Promise.resolve({ stream })
    },
  }
}

const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } }
const finish = (unified: string) => ({
  type: 'finish',
  finishReason: { unified, raw: unified },
  usage,
})

test('a call that was cut off is not made, whatever its arguments look like so far', async () => {
  await using provider = await strictAnthropic([{ text: 'Done.' }])
  const called: unknown[] = []
  const first = [
    { type: 'tool-input-start', id: 'toolu_1', toolName: 'wipe' },
    { type: 'tool-input-delta', id: 'toolu_1', delta: '{"pattern":"*"}' },
    finish('length'),
  ]
  const flow = agent({ name: 'cleaner', model: beginning(first, provider), tools: [wipe(called)] })
  expect(await outputOf(flow)).toBe('Done.')
  expect(called).toEqual([])
  expect(JSON.stringify(provider.bodies[0])).toContain('was cut off')
})

test('a file at a URL that is not whole is left out with a warning, and of a recorded one nothing is sent', async () => {
  await using provider = await strictAnthropic([{ text: 'Done.' }])
  const file = { type: 'file' as const, mediaType: 'image/png', data: '/relative.png' }
  const first = [
    { ...file, data: { type: 'url', url: file.data } },
    { type: 'tool-call', toolCallId: 'toolu_1', toolName: 'weather', input: '{"city":"Ulm"}' },
    finish('tool-calls'),
  ]
  const model = beginning(first, provider)
  const { answer } = await call({ model })
  expect(answer?.content.map(({ type }) => type)).toEqual(['tool-call'])
  expect(answer?.warnings).toEqual([expect.stringContaining('URL that is not whole')])
  const flow = agent({ name: 'forecaster', model: beginning(first, provider), tools: [weather] })
  expect(await outputOf(flow)).toBe('Done.')

  const parts = [{ ...file, isUrl: true as const }]
  expect(promptMessage({ role: 'assistant', parts }).content).toMatchObject([
    { type: 'text', text: '(no answer)' },
  ])
})

const card = '4242 4242 4242 4242'

/** An answer that begins with reasoning, and what comes after it. */
const thinking = (reasoning: string, text: string, next: Script = [{ text: 'Done.' }]): Script => [
  { reasoning, text, toolCalls: [ulm] },
  ...(next as readonly ScriptedAnswer[]),
]

/** Claude is to think, for so many tokens. */
const budgeted = {
  maxOutputTokens: 4000,
  providerOptions: { anthropic: { thinking: { type: 'enabled', budgetTokens: 1024 } } },
}

const guarded = ({ model }: StrictProvider, guards: readonly Guard[]): Agent =>
  agent({
    name: 'forecaster',
    model,
    tools: [weather],
    guards,
    retry: { attempts: 1 },
    settings: budgeted,
  })

const typesOf = (body: Json | undefined): unknown[] => blocks(body).map(({ type }) => type)

test('a fix of what was answered leaves the thinking where it is', async () => {
  const reasoned = 'I think.'
  await using provider = await strictAnthropic(thinking(reasoned, `I try ${card}.`), { reasoned })
  expect(await outputOf(guarded(provider, [cardGuard()]))).toBe('Done.')
  expect(provider.refused).toEqual([])
  expect(typesOf(provider.bodies[1])).toEqual(['thinking', 'text', 'tool_use'])
  expect(JSON.stringify(provider.bodies)).not.toContain('4242')
})

/** What DeepSeek and Kimi want back with calls. */
const reasoningWanted = (body: Json): string | undefined =>
  spoken(body).some((one) => one['tool_calls'] && !one['reasoning_content'])
    ? 'Missing `reasoning_content` field in the assistant message.'
    : undefined

test('reasoning without a signature goes back with calls, and what guards find in it is replaced', async () => {
  for (const at of ['answer', 'request'] as const) {
    await using provider = await compatible(
      thinking(`Is it ${card}?`, `I try ${card}.`),
      reasoningWanted,
    )
    expect(await outputOf(guarded(provider, [cardGuard({ at })]))).toBe('Done.')
    expect(provider.refused).toEqual([])
    const [said] = spoken(provider.bodies[1])
    expect(said?.['content']).not.toContain('4242')
    expect(String(said?.['reasoning_content']).includes('4242')).toBe(at === 'answer')
  }
})

test('thinking in which a guard on requests finds something is not sent, and none is sent changed', async () => {
  const reasoned = `Is it ${card}?`
  await using provider = await strictAnthropic(
    thinking(reasoned, 'I look.', [{ toolCalls: [ulm] }, { text: 'Done.' }, { text: 'And done.' }]),
    { reasoned },
  )
  const flow = agent({
    name: 'forecaster',
    model: provider.model,
    tools: [weather],
    guards: [cardGuard({ at: 'request' })],
    retry: { attempts: 1 },
    conversation: true,
    settings: budgeted,
  })
  await using ever = await open({ store: 'memory:', flows: [flow], work: {} })
  const run = await ever.start(flow, { prompt: 'The weather?' })
  await run.settled()
  await ever.send(run.id, 'And now?')
  await run.settled()
  expect(typesOf(provider.bodies[1])).toEqual(['text', 'tool_use'])
  expect(JSON.stringify(provider.bodies)).not.toContain('4242')
  // It thinks again as soon as it may.
  const tried = ['enabled', 'disabled']
  expect(modesOf(provider)).toEqual(['enabled', ...tried, ...tried, 'enabled'])
})

const modesOf = ({ bodies }: StrictProvider): unknown[] =>
  bodies.map(({ thinking: mode }) => (mode as Json)['type'])

test.each<[string, AgentSettings]>([
  ['with a budget', budgeted],
  ['as hard as is said', { maxOutputTokens: 4000, reasoning: 'medium' }],
])(
  'Claude that is to think goes on from the calls of another model, %s',
  async (_name, settings) => {
    await using first = await compatible(once(ulm))
    await using second = await strictAnthropic([{ text: 'Done.' }])
    const flow = agent({
      name: 'forecaster',
      model: [first.model, second.model],
      tools: [weather],
      retry: { attempts: 1 },
      settings,
    })
    expect(await outputOf(flow)).toBe('Done.')
    expect(modesOf(second)).toEqual(['enabled', 'disabled'])
  },
)

test('a message of the user behind calls of another model is answered by Claude that is to think', async () => {
  await using first = await compatible(once({ name: 'slow', input: {} }))
  await using second = await strictAnthropic([{ text: 'Done.' }])
  const begun = Promise.withResolvers<void>()
  const heard = Promise.withResolvers<void>()
  const slow = tool({
    name: 'slow',
    description: 'Waits for a message.',
    effect: 'read',
    run: async () => {
      begun.resolve()
      await heard.promise
      return 'Rain.'
    },
  })
  const flow = agent({
    name: 'forecaster',
    model: [first.model, second.model],
    tools: [slow],
    retry: { attempts: 1 },
    settings: budgeted,
  })
  await using ever = await open({ store: 'memory:', flows: [flow], work: {} })
  const run = await ever.start(flow, { prompt: 'The weather?' })
  await begun.promise
  await ever.send(run.id, 'In Ulm, please.')
  heard.resolve()
  expect(await run.result()).toBe('Done.')
  expect(modesOf(second)).toEqual(['enabled', 'disabled'])
  expect(JSON.stringify(second.bodies[1])).toContain('In Ulm, please.')
})

test('a summary is asked of Claude without thinking, as thoughts are no part of what is summarised', async () => {
  const looks = { reasoning: 'I think.', toolCalls: [ulm], usage: { input: 900, output: 1 } }
  await using provider = await strictAnthropic(
    [looks, looks, { text: 'It rains.' }, { text: 'Done.' }],
    { reasoned: 'I think.' },
  )
  const flow = agent({
    name: 'forecaster',
    model: provider.model,
    tools: [weather],
    compaction: { above: 500, keep: 2 },
    retry: { attempts: 1 },
    settings: budgeted,
  })
  expect(await outputOf(flow)).toBe('Done.')
  expect(provider.refused).toEqual([])
  expect(JSON.stringify(provider.bodies.at(-1))).toContain('It rains.')
})

test('thinking stays where a guard on requests finds something beside it', async () => {
  const reasoned = 'I think.'
  await using provider = await strictAnthropic(thinking(reasoned, `I try ${card}.`), { reasoned })
  expect(await outputOf(guarded(provider, [cardGuard({ at: 'request' })]))).toBe('Done.')
  expect(provider.refused).toEqual([])
  expect(typesOf(provider.bodies[1])).toEqual(['thinking', 'text', 'tool_use'])
  expect(JSON.stringify(provider.bodies)).not.toContain('4242')
})

test.each(['answer', 'request'] as const)(
  'what a guard at %s has replaced is not referred to by the item that the provider keeps',
  async (at) => {
    await using server = await scriptedServer({
      script: thinking('I think.', `I try ${card}.`),
    })
    const model = providers['openai responses']?.(server.url)
    if (!model) throw new Error('There is no such provider.')
    const flow = agent({
      name: 'forecaster',
      model,
      tools: [weather],
      guards: [cardGuard({ at })],
      settings: { providerOptions: { openai: { store: true } } },
    })
    expect(await outputOf(flow)).toBe('Done.')
    const sent = JSON.stringify(server.requests[1]?.body)
    expect(sent).not.toContain('item_reference')
    expect(sent).not.toContain('4242')
    expect(sent).toContain('I try [card number removed].')
  },
)

test('patterns of guards on requests leave ids, names, roles and signatures usable', async () => {
  const reasoned = 'I think.'
  const script = thinking(reasoned, 'I look at the weather.', [
    { toolCalls: [{ name: 'weather.report', input: {}, id: 'toolu_ulm' }] },
    { text: 'Done.' },
  ])
  await using provider = await strictAnthropic(script, { reasoned })
  const patterns = [
    'call_',
    'weather',
    'text',
    'assistant',
    'tool',
    'ulm',
    'anthropic',
    'signature',
  ]
  const guards = [
    regexGuard({ patterns, ignoreCase: true, at: 'request', reaction: 'fix', replacement: '' }),
  ]
  expect(await outputOf(guarded(provider, guards))).toBe('Done.')
  expect(provider.refused).toEqual([])
  expect(typesOf(provider.bodies[1])).toEqual(['thinking', 'text', 'tool_use'])
  const [call] = blocks(provider.bodies[1]).slice(-1)
  expect(call).toMatchObject({ name: 'weather', input: { city: '' } })
  expect(JSON.stringify(provider.bodies[2]?.['messages'])).not.toMatch(
    /call_1|ulm|weather\.report/i,
  )
})

test('an id of a call that a guard on requests replaces is another one of its result too', async () => {
  const id = `call_${'a'.repeat(200)}_123456789_`
  await using provider = await compatible(calling({ ...ulm, id }), pairsWanted)
  const guards = [regexGuard({ at: 'request', patterns: '[0-9]{9}', reaction: 'fix' })]
  expect(await outputOf(guarded(provider, guards))).toBe('Done.')
  expect(provider.refused).toEqual([])
  expect(JSON.stringify(provider.bodies)).not.toContain('123456789')
})

/** What every provider wants: results of calls that were made. */
const pairsWanted = (body: Json): string | undefined => {
  const ids = spoken(body).flatMap((one) =>
    ((one['tool_calls'] ?? []) as readonly Json[]).map((made) => made['id']),
  )
  const isOrphaned = messagesOf(body).some(
    (one) => one['role'] === 'tool' && !ids.includes(one['tool_call_id']),
  )
  return isOrphaned ? "messages with role 'tool' must be a response to 'tool_calls'" : undefined
}

const secret = `sk-ant-${'a'.repeat(32)}`

test.each([
  ['in its URL', `https://x.example/f?key=${secret}`, 'I look.', [false, true]],
  ['beside it', 'https://x.example/f', `I look with ${secret}.`, [true, true]],
])(
  'a guard on requests finds what is in a message with a file, %s',
  async (_name, url, text, kept) => {
    await using provider = await strictAnthropic([{ text: 'Done.' }])
    const image = { type: 'file', mediaType: 'image/png' }
    const first = [
      { type: 'text-start', id: '0' },
      { type: 'text-delta', id: '0', delta: text },
      { type: 'text-end', id: '0' },
      { ...image, data: { type: 'url', url: new URL(url) } },
      { ...image, data: { type: 'url', url: new URL('https://x.example/other') } },
      { type: 'tool-call', toolCallId: 'toolu_1', toolName: 'weather', input: '{"city":"Ulm"}' },
      finish('tool-calls'),
    ]
    const prompts: LanguageModelV4Prompt[] = []
    const model = seen(beginning(first, provider), prompts)
    const flow = agent({
      name: 'forecaster',
      model,
      tools: [weather],
      guards: [secretsGuard({ at: 'request' })],
      retry: { attempts: 1 },
    })
    // Claude takes no files of its own; another model might.
    expect(await outputOf(flow)).toBe('Done.')
    const parts = prompts[1]?.[1]?.content as readonly { type: string; data?: { url: unknown } }[]
    const files = parts.flatMap(({ type, data }) => (type === 'file' ? [data?.url] : []))
    const urls = [url, 'https://x.example/other'].filter((_one, at) => kept[at])
    expect(files.map((one) => one instanceof URL && one.href)).toEqual(urls)
    expect(JSON.stringify(prompts)).not.toContain(secret)
  },
)

/** The model, and what it is asked. */
const seen = (model: LanguageModelV4, prompts: LanguageModelV4Prompt[]): LanguageModelV4 => ({
  ...model,
  doStream: (options) => {
    prompts.push(options.prompt)
    return model.doStream(options)
  },
})

test('instructions of which a guard on requests leaves nothing are not sent blank', async () => {
  await using provider = await strictAnthropic([{ text: 'Done.' }])
  const flow = agent({
    name: 'forecaster',
    model: provider.model,
    instructions: 'falcon',
    guards: [regexGuard({ at: 'request', patterns: 'falcon', reaction: 'fix', replacement: '' })],
    retry: { attempts: 1 },
  })
  expect(await outputOf(flow)).toBe('Done.')
  expect(JSON.stringify(provider.bodies)).not.toContain('falcon')
})
