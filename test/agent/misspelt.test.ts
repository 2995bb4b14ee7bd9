/** What is misspelt in an agent is said when it is defined, and not after a crash at night. */
import { expect, onTestFinished, test } from 'vitest'
import { agent, secret } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/index.ts'
import { look } from './look.ts'

const model = scriptedModel([{ text: 'Done.' }])

/** As somebody without types would write it. */
const define = (options: object): unknown =>
  agent({ name: 'clerk', model, tools: [look], ...options } as Parameters<typeof agent>[0])

test.each([
  [
    { conversation: { idel: '30d' } },
    'BAD_OPTION',
    'agent.conversation has no option "idel". Did you mean "idle"?',
  ],
  [{ conversation: 'yes' }, 'BAD_OPTION', 'agent.conversation takes an object of options: idle'],
  [
    { settings: { temprature: 0 } },
    'BAD_OPTION',
    'agent.settings has no option "temprature". Did you mean "temperature"?',
  ],
  [{ settings: null }, 'BAD_OPTION', 'agent.settings takes an object'],
  ...Object.entries({
    temperature: ['hot', 'a number'],
    maxOutputTokens: ['1000', 'a whole number of at least 1'],
    topP: [Number.NaN, 'a number'],
    seed: [1.5, 'a whole number'],
    stopSequences: ['END', 'a list of texts'],
    reasoning: [
      'hihg',
      'one of none, minimal, low, medium, high, xhigh, max, provider-default. Did you mean "high"?',
    ],
    providerOptions: [{ reasoningEffort: 'low' }, 'an object of options by provider'],
    headers: [{ 'x-key': 5 }, 'an object of texts or secrets by name'],
  } as const).map(([name, [value, wanted]]): [object, string, string] => [
    { settings: { [name]: value } },
    'BAD_OPTION',
    `agent.settings.${name} must be ${wanted}`,
  ]),
  [
    { compaction: { above: 1, settings: { temperature: null } } },
    'BAD_OPTION',
    'agent.compaction.settings.temperature must be a number',
  ],
  [
    { stop: { tols: ['look'] } },
    'BAD_OPTION',
    'agent.stop has no option "tols". Did you mean "tools"?',
  ],
  [
    { stop: { tools: ['lok'] } },
    'BAD_OPTION',
    'agent.stop.tools names "lok", which is no tool of the agent. Did you mean "look"?',
  ],
  [{ stop: { tools: 'look' } }, 'BAD_OPTION', 'agent.stop.tools must be a list'],
  [{ stop: { turns: 0 } }, 'BAD_OPTION', 'agent.stop.turns must be a whole number'],
  [{ stop: { when: true } }, 'BAD_OPTION', 'agent.stop.when must be a function'],
  [
    { compaction: { abov: 1 } },
    'BAD_OPTION',
    'agent.compaction has no option "abov". Did you mean "above"?',
  ],
  [{ compaction: {} }, 'BAD_OPTION', 'agent.compaction.above must be a number'],
  [{ compaction: { above: 1, keep: -1 } }, 'BAD_OPTION', 'agent.compaction.keep'],
  [{ compaction: { above: 1, model: 'opneai/gpt' } }, 'UNKNOWN_MODEL', 'Did you mean "openai"?'],
  [
    { retry: { attemps: 2 } },
    'BAD_OPTION',
    'retry has no option "attemps". Did you mean "attempts"?',
  ],
  [{ retry: { attempts: 0 } }, 'BAD_OPTION', 'retry.attempts'],
  [
    { prices: { 'a/b': { input: 1, output: 2, cachedinput: 0.1 } } },
    'BAD_OPTION',
    'prices["a/b"] has no option "cachedinput". Did you mean "cachedInput"?',
  ],
  [{ prices: { 'a/b': { input: 1 } } }, 'BAD_OPTION', 'prices["a/b"].output must be a number'],
  [
    { prices: { 'a/b': { input: 1, output: -2 } } },
    'BAD_OPTION',
    'prices["a/b"].output must be a number',
  ],
  [
    { prices: { 'a/b': { input: 1, output: 2, long: { input: 1, output: 2 } } } },
    'BAD_OPTION',
    'prices["a/b"].long.above must be a number',
  ],
  [{ prices: { 'a/b': 3 } }, 'BAD_OPTION', 'prices["a/b"] takes an object'],
  [{ prices: [] }, 'BAD_OPTION', 'agent.prices takes an object'],
  [{ instructions: 5 }, 'BAD_OPTION', 'agent.instructions must be a text, or a function'],
  [
    { model: 'opneai/gpt-5' },
    'UNKNOWN_MODEL',
    '"opneai/gpt-5" names no model. Did you mean "openai"?',
  ],
  [
    { model: 'gpt-5' },
    'UNKNOWN_MODEL',
    '"gpt-5" names no model. Write "openai/MODEL", "anthropic/MODEL"',
  ],
  [{ model: 'openai/' }, 'UNKNOWN_MODEL', '"openai/" names no model.'],
  [{ model: [model, 'antropic/claude'] }, 'UNKNOWN_MODEL', 'Did you mean "anthropic"?'],
])('%j', (options, code, message) => {
  expect(() => define(options)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) }),
  )
})

test('what is spelt right is taken, and a provider of the program answers to any name', () => {
  const right = {
    model: ['openai/gpt-5', 'anthropic/claude', 'http://localhost/v1#any/thing'],
    conversation: { idle: '30d' },
    settings: {
      temperature: 0,
      maxOutputTokens: 100,
      topK: undefined,
      seed: -1,
      stopSequences: ['END'],
      reasoning: 'high',
      providerOptions: { openai: { reasoningEffort: 'low', key: secret('A') } },
      headers: { 'x-key': secret('A'), 'x-other': 'text', 'x-none': undefined },
    },
    stop: { tools: ['look', 'read_more'], turns: 3 },
    compaction: { above: 1000, keep: 0 },
  }
  expect(() => define(right)).not.toThrow()
  const globals = globalThis as { AI_SDK_DEFAULT_PROVIDER?: unknown }
  globals.AI_SDK_DEFAULT_PROVIDER = { languageModel: () => model }
  onTestFinished(() => void delete globals.AI_SDK_DEFAULT_PROVIDER)
  expect(() => define({ model: 'gateway:anything' })).not.toThrow()
})
