/** Guards in whole agents, beyond single verdicts: limits, schemas, rows of guards, judges, streams. */
import type { LanguageModelV4StreamPart } from '@ai-sdk/provider'
import { describe, expect, test } from 'vitest'
import {
  agent,
  type Guard,
  guard,
  judgeGuard,
  type Policy,
  policy,
  repeatGuard,
  tool,
  verdict,
} from 'everloop'
import { type ScriptedModel, scriptedModel, testRuntime } from 'everloop/testing'
import { z } from 'zod'
import { lastTextOf, toldOf } from './prompts.ts'
import { look } from './look.ts'

const echo = tool({
  name: 'echo',
  description: 'Echoes.',
  input: z.object({ text: z.string().max(10) }),
  effect: 'read',
  run: ({ text }) => text,
})
const calling = () =>
  scriptedModel([
    { toolCalls: [{ id: 'c1', name: 'echo', input: { text: 'hello' } }] },
    { text: 'Done.' },
  ])

test.each([0, 1, 4])(
  'a guard that allows %i retries is asked so often and no more',
  async (max) => {
    const model = scriptedModel(() => ({ text: 'No.' }))
    const never = guard({
      name: 'never',
      at: 'output',
      check: () => verdict.retry('Yes!', { max }),
    })
    const a = agent({ name: 'a', model, guards: [never] })
    await using runtime = await testRuntime({ flows: [a] })
    const run = await runtime.start(a, { prompt: 'Go.' })
    expect(await runtime.settled(run)).toMatchObject({
      status: 'failed',
      error: {
        code: 'GUARD_DENIED',
        message: `Guard "never" denied the output of agent "a" ${max + 1} times, the last time because: Yes!`,
      },
    })
    expect(model.requests).toHaveLength(max + 1)
  },
)

test.each(['constructor', 'toString', '__proto__'])(
  'retries of a guard that is called %s are counted',
  async (name) => {
    const never = guard({ name, at: 'answer', check: () => verdict.retry('No.', { max: 2 }) })
    let asked = 0
    const model = scriptedModel(() => ({ text: `Answer ${++asked}` }))
    const a = agent({ name: 'a', model, guards: [never], budget: { turns: 10 } })
    await using runtime = await testRuntime({ flows: [a] })
    const run = await runtime.start(a, { prompt: 'Go.' })
    expect(await runtime.settled(run)).toMatchObject({
      status: 'failed',
      error: { code: 'GUARD_DENIED' },
    })
    expect(asked).toBe(3)
  },
)

test('retries are counted for each guard, and forgiven by an answer that all were content with', async () => {
  let answers = 0
  const picky = (name: string, word: string) =>
    guard({
      name,
      at: 'answer',
      check: ({ text }) => (text.includes(word) ? verdict.retry(`Not ${word}.`) : verdict.allow()),
    })
  const said = ['one', 'two', 'one', 'two', 'call', 'one', 'two', 'one', 'Fine.']
  const model = scriptedModel(() => {
    const text = said[answers++] ?? ''
    return text === 'call' ? { toolCalls: [{ name: 'echo', input: { text: 'hello' } }] } : { text }
  })
  const guards = [picky('first', 'one'), picky('second', 'two')]
  const a = agent({ name: 'a', model, tools: [echo], guards })
  await using runtime = await testRuntime({ flows: [a] })
  const run = await runtime.start(a, { prompt: 'Go.' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Fine.' })
})

test('a fix that does not fit the schema of the tool is not executed', async () => {
  const model = calling()
  const long = guard({
    name: 'long',
    at: 'call',
    check: () => verdict.fix({ text: 'x'.repeat(11) }),
  })
  const a = agent({ name: 'a', model, tools: [echo], guards: [long] })
  await using runtime = await testRuntime({ flows: [a] })
  const run = await runtime.start(a, { prompt: 'Go.' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(toldOf(model, 1)).toEqual([
    {
      type: 'execution-denied',
      reason: expect.stringMatching(
        /^A guard has changed the call\. Error: the arguments of echo do not fit its schema: text: /,
      ),
    },
  ])
})

test('a fix of the output that does not fit its schema is sent back to the model', async () => {
  const model = scriptedModel(() => ({ object: { sum: 4 } }))
  const wrong = guard({ name: 'wrong', at: 'output', check: () => verdict.fix({ sum: 'four' }) })
  const a = agent({
    name: 'a',
    model,
    guards: [wrong],
    repairs: 1,
    output: z.object({ sum: z.number() }),
  })
  await using runtime = await testRuntime({ flows: [a] })
  const run = await runtime.start(a, { prompt: 'Go.' })
  expect(await runtime.settled(run)).toMatchObject({
    status: 'failed',
    error: {
      code: 'OUTPUT_INVALID',
      message: expect.stringContaining('A guard has changed the output. It is JSON, but not'),
    },
  })
})

test('guards in a row see what those before made of it, at each position', async () => {
  const seen: string[] = []
  const adding = (name: string) =>
    guard({
      name,
      at: ['input', 'answer', 'output'],
      check: ({ text }, { position }) => {
        seen.push(`${name} ${position}: ${text}`)
        return verdict.fix(`${text}${name}`)
      },
    })
  const model = scriptedModel([{ text: 'B' }])
  const a = agent({ name: 'a', model, guards: [adding('1'), adding('2')] })
  await using runtime = await testRuntime({ flows: [a] })
  const run = await runtime.start(a, { prompt: 'A' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'B1212' })
  expect(seen).toEqual([
    '1 input: A',
    '2 input: A1',
    '1 answer: B',
    '2 answer: B1',
    '1 output: B12',
    '2 output: B121',
  ])
  expect(lastTextOf(model)).toBe('A12')
})

test.each(['input', 'request', 'answer', 'result', 'output'] as const)(
  'what several guards ask at %s, a person is asked',
  async (at) => {
    const asking = (name: string, question: string) =>
      guard({ name, at, check: () => verdict.ask(question) })
    const looker = agent({
      name: 'looker',
      guards: [asking('one', 'Sure?'), asking('two', 'Very?')],
      tools: at === 'result' ? [look] : [],
      model: scriptedModel([
        ...(at === 'result' ? [{ toolCalls: [{ name: 'look', input: {} }] }] : []),
        { text: 'Done.' },
      ]),
    })
    await using runtime = await testRuntime({ flows: [looker] })
    const run = await runtime.start(looker, { prompt: 'Look.' })
    const questions = await runtime.ever.questions()
    expect(questions.map(({ prompt }) => prompt)).toEqual(['Sure?\nVery?'])
    await runtime.answer('Sure?\nVery?', { verdict: 'allow' })
    expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
  },
)

test.each<[string, Parameters<typeof scriptedModel>[0]]>([
  ['fails', () => ({ error: 'no key', status: 401 })],
  ['says nothing', () => ({ text: '' })],
  ['is talked round', () => ({ text: 'Sure! {"answer":"no","reason":"fine"}' })],
  ['calls a tool', () => ({ toolCalls: [{ name: 'echo', input: {} }] })],
  ['never answers', () => ({ hang: true })],
])('a judge whose model %s denies', async (_, script) => {
  const judge = judgeGuard({ at: 'call', question: 'Bad?', model: scriptedModel(script) })
  const model = calling()
  const a = agent({ name: 'a', model, tools: [echo], guards: [judge], retry: { attempts: 1 } })
  await using runtime = await testRuntime({ flows: [a] })
  const run = await runtime.start(a, { prompt: 'Go.' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(toldOf(model, 1)).toEqual([
    {
      type: 'execution-denied',
      reason: expect.stringMatching(
        /^Guard "judge" denied the call: (?:Guard "judge" (?:failed|did not answer within 1m), so this was denied|The judge gave no verdict)\.$/,
      ),
    },
  ])
})

test('what judges cost stands on the account of the run', async () => {
  const usage = { input: 90, output: 10 }
  const judge = judgeGuard({
    at: ['input', 'output'],
    question: 'Bad?',
    model: scriptedModel(() => ({ text: '{"answer":"no","reason":"ok"}', usage })),
  })
  const model = scriptedModel([{ text: 'Done.', usage: { input: 5, output: 2 } }])
  const a = agent({
    name: 'a',
    model,
    guards: [judge],
    prices: { 'scripted/model': { input: 1, output: 2 } },
  })
  await using runtime = await testRuntime({ flows: [a] })
  const run = await runtime.start(a, { prompt: 'Go.' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(await runtime.ever.account(run.id)).toEqual({
    amounts: { turns: 1, tokens: 207, microUsd: 2 * 110 + 9 },
  })
})

/** The model, which ends its stream only when the gate opens. */
const heldBack = (model: ScriptedModel, gate: Promise<void>): ScriptedModel => ({
  ...model,
  doStream: async (options) => {
    const { stream } = await model.doStream(options)
    const hold = new TransformStream<LanguageModelV4StreamPart, LanguageModelV4StreamPart>({
      transform: async (part, controller) => {
        if (part.type === 'finish') await gate
        controller.enqueue(part)
      },
    })
    return { stream: stream.pipeThrough(hold) }
  },
})

/** What is shown of an answer of four words while its end is awaited. */
async function shownOf(guards: readonly Guard[], policies: readonly Policy[] = []) {
  const gate = Promise.withResolvers<void>()
  const model = heldBack(scriptedModel([{ text: 'one two three four' }]), gate.promise)
  const a = agent({ name: 'a', model, guards })
  await using runtime = await testRuntime({ flows: [a], policies })
  const run = await runtime.ever.start(a, { prompt: 'Go.' })
  let shown = ''
  void (async () => {
    for await (const item of run.stream()) if (item.type === 'text') shown += item.text
  })()
  const later = runtime.time.clock.now() + 10_000
  await runtime.runUntil(() => runtime.time.clock.now() > later)
  gate.resolve()
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'one two three four' })
  return shown
}

const allow = (at: 'answer' | 'output' | 'call', window?: number) =>
  guard({
    name: `w${at}${window ?? ''}`,
    at,
    ...(window === undefined ? {} : { window }),
    check: () => verdict.allow(),
  })

test.each([
  ['no guard', [], 'one two three four'],
  ['a guard that looks at calls only', [allow('call')], 'one two three four'],
  ['a guard on the answer', [allow('answer')], ''],
  ['a guard on the output', [allow('output')], ''],
  ['a guard that lets seven characters pass', [allow('answer', 7)], 'one two'],
  ['the smallest of windows', [allow('answer', 7), allow('output', 3)], 'one'],
  ['a window and a guard without one', [allow('answer', 7), allow('output')], ''],
])('what is shown before the verdict with %s', async (_, guards, shown) => {
  expect(await shownOf(guards)).toBe(shown)
})

test('a guard of a policy holds text too', async () => {
  expect(await shownOf([], [policy({ name: 'p', guards: [allow('output')] })])).toBe('')
})

test.each([
  ['given whole', { n: 1 }],
  ['completed by the schema', {}],
])(
  'the same call many times in one answer is a repetition, with arguments %s',
  async (_, input) => {
    const made: number[] = []
    const ring = tool({
      name: 'ring',
      description: 'Rings.',
      input: z.object({ n: z.number().default(1) }),
      effect: 'idempotent',
      run: ({ n }) => void made.push(n),
    })
    const calls = Array.from({ length: 6 }, () => ({ name: 'ring', input }))
    const other = { name: 'ring', input: { n: 2 } }
    const model = scriptedModel([{ toolCalls: [...calls, other] }, { text: 'Rung.' }], {
      by: 'turn',
    })
    const ringer = agent({
      name: 'ringer',
      model,
      tools: [ring],
      guards: [repeatGuard({ max: 2 })],
    })
    await using runtime = await testRuntime({ flows: [ringer] })
    const run = await runtime.start(ringer, { prompt: 'Ring.' })
    expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Rung.' })
    expect(made).toEqual([1, 1, 2])
  },
)

test.each<[what: string, fails: boolean, fixed: unknown, told: object]>([
  ['a bigint', false, { cents: 10n }, { type: 'text', value: '{"cents":"10"}' }],
  ['a map', false, new Map([['a', 1]]), { type: 'text', value: '[["a",1]]' }],
  ['nothing', false, undefined, { type: 'text', value: '(no result)' }],
  ['data', false, { a: 'é' }, { type: 'json', value: { a: 'é' } }],
  ['data, for an error', true, { a: 1 }, { type: 'error-text', value: '{"a":1}' }],
])('a result that a guard has replaced with %s is told as a result is', async (...one) => {
  const [, fails, fixed, told] = one
  const seen: string[] = []
  const attempt = tool({
    name: 'try',
    description: 'Tries.',
    inputSchema: { type: 'object' },
    effect: 'read',
    run: () => {
      if (fails) throw new Error('It does not work.')
      return 'It works.'
    },
  })
  const fixing = guard({ name: 'fixing', at: 'result', check: () => verdict.fix(fixed) })
  const model = scriptedModel([{ toolCalls: [{ name: 'try' }] }, { text: 'Done.' }])
  const behind = guard({
    name: 'behind',
    at: 'result',
    check: ({ text }) => (seen.push(text), verdict.allow()),
  })
  const trier = agent({ name: 'trier', model, tools: [attempt], guards: [fixing, behind] })
  await using runtime = await testRuntime({ flows: [trier] })
  const run = await runtime.start(trier, { prompt: 'Try.' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
  expect(toldOf(model, 1)).toEqual([told])
  // The guard behind has seen what the model got.
  const { value } = told as { readonly value: unknown }
  expect(seen).toEqual([typeof value === 'string' ? value : JSON.stringify(value)])
})

describe('a call that is proposed again and again is a repetition', () => {
  /** An agent that proposes one call nine times, and how often its tool was called. */
  function ringing(guards: readonly Guard[], approval = false) {
    const made: unknown[] = []
    const ring = tool({
      name: 'ring',
      description: 'Rings.',
      input: z.object({ text: z.string(), times: z.number().default(1) }),
      effect: 'idempotent',
      approval,
      run: (input) => void made.push(input),
    })
    const model = scriptedModel(({ turn }) =>
      turn > 9 ? { text: 'Rung.' } : { toolCalls: [{ name: 'ring', input: { text: 'x' } }] },
    )
    return { made, ringer: agent({ name: 'ringer', model, tools: [ring], guards }) }
  }

  test('although another guard denies it each time, and the schema completes it', async () => {
    let asked = 0
    const deny = guard({
      name: 'deny',
      at: 'call',
      check: () => (asked++, verdict.deny('No.')),
    })
    const { ringer } = ringing([repeatGuard({ max: 3 }), deny])
    await using runtime = await testRuntime({ flows: [ringer] })
    const run = await runtime.start(ringer, { prompt: 'Ring.' })
    expect(await runtime.settled(run)).toMatchObject({ output: 'Rung.' })
    expect(asked).toBe(3)
  })

  test.each(['before', 'behind'])('although a guard %s changes it each time', async (where) => {
    const fix = guard({
      name: 'fix',
      at: 'call',
      check: () => verdict.fix({ text: 'y', times: 1 }),
    })
    const repeat = repeatGuard({ max: 3 })
    const { made, ringer } = ringing(where === 'before' ? [fix, repeat] : [repeat, fix])
    await using runtime = await testRuntime({ flows: [ringer] })
    const run = await runtime.start(ringer, { prompt: 'Ring.' })
    expect(await runtime.settled(run)).toMatchObject({ output: 'Rung.' })
    expect(made).toHaveLength(3)
  })

  test('although a person changes it each time, in other ways', async () => {
    const { made, ringer } = ringing([repeatGuard({ max: 3 })], true)
    await using runtime = await testRuntime({ flows: [ringer] })
    const run = await runtime.start(ringer, { prompt: 'Ring.' })
    for (let times = 2; ; times++) {
      const [open] = await runtime.ever.approvals.list()
      if (!open) break
      await runtime.ever.approvals.approve(open.id, { by: 'eve', args: { text: 'x', times } })
      await runtime.settle()
    }
    expect(await runtime.settled(run)).toMatchObject({ output: 'Rung.' })
    expect(made).toHaveLength(3)
  })
})
