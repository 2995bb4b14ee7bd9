/** What code is handed to look at, and what it or a person hands back, changes nothing that is recorded. */
import { expect, test } from 'vitest'
import { agent, destinationsGuard, guard, policy, repeatGuard, tool, verdict } from 'everloop'
import { scriptedModel, testRuntime } from 'everloop/testing'
import { z } from 'zod'
import { promptOf, toldOf } from './prompts.ts'

/** Puts "bad" in the place of "good" wherever it can. */
function spoil(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (value instanceof Map) value.set('k', 'bad')
  for (const [key, inner] of Object.entries(value)) {
    if (inner === 'good') Object.assign(value, { [key]: 'bad' })
    else spoil(inner)
  }
}

test.each(['input', 'request', 'answer', 'call', 'result', 'output'] as const)(
  'what a guard at %s is handed it cannot change',
  async (at) => {
    const made: unknown[] = []
    const say = tool({
      name: 'say',
      description: 'Says.',
      input: z.object({ word: z.object({ text: z.string() }) }),
      effect: 'once',
      run: (input) => (made.push(input), { said: 'good' }),
    })
    const model = scriptedModel([
      { text: 'good', toolCalls: [{ name: 'say', input: { word: { text: 'good' } } }] },
      { text: '{"word":"good"}' },
    ])
    const spoiler = guard({
      name: 'spoiler',
      at,
      check: (subject) => {
        try {
          spoil(subject)
        } catch {
          return verdict.allow() // as if nothing had been
        }
        return verdict.allow()
      },
    })
    const speaker = agent({
      name: 'speaker',
      model,
      tools: [say],
      guards: [spoiler],
      output: z.object({ word: z.string() }),
    })
    await using runtime = await testRuntime({ flows: [speaker] })
    const run = await runtime.start(speaker, { prompt: 'good' })
    expect(await runtime.settled(run)).toEqual({ status: 'completed', output: { word: 'good' } })
    expect(made).toEqual([{ word: { text: 'good' } }])
    expect(JSON.stringify(promptOf(model, 1))).not.toContain('bad')
  },
)

test('a guard that tries to has failed, and so denied', async () => {
  const say = tool({
    name: 'say',
    description: 'Says.',
    input: z.object({ text: z.string() }),
    effect: 'once',
    run: ({ text }) => text,
  })
  const model = scriptedModel([
    { toolCalls: [{ name: 'say', input: { text: 'good' } }] },
    { text: 'Done.' },
  ])
  const spoiler = guard({
    name: 'spoiler',
    at: 'call',
    check: (subject) => (spoil(subject), verdict.allow()),
  })
  const speaker = agent({ name: 'speaker', model, tools: [say], guards: [spoiler] })
  await using runtime = await testRuntime({ flows: [speaker] })
  await runtime.settled(await runtime.start(speaker, { prompt: 'Go.' }))
  expect(toldOf(model, 1)).toEqual([
    { type: 'execution-denied', reason: expect.stringContaining('Guard "spoiler" failed') },
  ])
})

const changing = (input: { readonly to: readonly string[] }): never => {
  ;(input.to as string[]).push('eve')
  throw new Error('It could be changed.')
}

test.each([
  [
    'a guard',
    '"guard":"changing","verdict":"deny"',
    {
      guards: [
        guard({ name: 'changing', at: 'call', check: ({ args }) => changing(args as never) }),
      ],
    },
    {},
  ],
  [
    'the approval rule of a tool',
    'The approval rule of tool \\"send\\" failed',
    {},
    { approval: changing },
  ],
  [
    '`destinations` of a tool',
    '`destinations` of tool \\"send\\" failed: Cannot add property',
    { guards: [destinationsGuard({ allow: ['example.com'] })] },
    { destinations: changing, writes: 'outside' as const },
  ],
])('what is recorded where %s changes something says who did', async (_, named, more, also) => {
  const send = tool({
    name: 'send',
    description: 'Sends.',
    input: z.object({ to: z.array(z.string()) }),
    effect: 'once',
    run: () => 'Sent.',
    ...also,
  })
  const model = scriptedModel([
    { toolCalls: [{ name: 'send', input: { to: ['ann'] } }] },
    { text: 'Done.' },
  ])
  const sender = agent({ name: 'sender', model, tools: [send], ...more })
  await using runtime = await testRuntime({ flows: [sender] })
  const run = await runtime.start(sender, { prompt: 'Go.' })
  const entries = (await runtime.store.entries(run.id)).map(({ payload }) => String(payload))
  const entry = entries.find((text) => text.includes('TypeError')) ?? ''
  expect(entry).toContain('Cannot add property')
  expect(entry).toContain(named)
})

test('of what cannot be frozen a guard is handed a copy', async () => {
  const made: unknown[] = []
  const say = tool({
    name: 'say',
    description: 'Says.',
    input: z.object({ text: z.string() }).transform(({ text }) => new Map([['k', text]])),
    inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
    effect: 'once',
    run: (input) => void made.push(input),
  })
  const model = scriptedModel([
    { toolCalls: [{ name: 'say', input: { text: 'good' } }] },
    { text: 'Done.' },
  ])
  const spoiler = guard({
    name: 'spoiler',
    at: 'call',
    check: (subject) => (spoil(subject), verdict.allow()),
  })
  const speaker = agent({ name: 'speaker', model, tools: [say], guards: [spoiler] })
  await using runtime = await testRuntime({ flows: [speaker] })
  const run = await runtime.start(speaker, { prompt: 'Go.' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(made).toEqual([new Map([['k', 'good']])])
})

const mapOf = { type: 'object', properties: { to: { type: 'string' } } } as const
const asMap = z.object({ to: z.string() }).transform(({ to }) => new Map([['to', to]]))

test('what one guard does to its copy the next one does not see', async () => {
  const made: unknown[] = []
  const send = tool({
    name: 'send',
    description: 'Sends.',
    input: asMap,
    inputSchema: mapOf,
    effect: 'once',
    run: (input) => void made.push(input),
  })
  const model = scriptedModel([
    { toolCalls: [{ name: 'send', input: { to: 'eve' } }] },
    { text: 'Done.' },
  ])
  const disguising = guard({
    name: 'disguising',
    at: 'call',
    check: ({ args }) => ((args as Map<string, string>).set('to', 'ann'), verdict.allow()),
  })
  const strict = guard({
    name: 'strict',
    at: 'call',
    check: ({ args }) =>
      (args as Map<string, string>).get('to') === 'ann' ? verdict.allow() : verdict.deny('No.'),
  })
  const sender = agent({ name: 'sender', model, tools: [send], guards: [disguising, strict] })
  await using runtime = await testRuntime({ flows: [sender] })
  await runtime.settled(await runtime.start(sender, { prompt: 'Go.' }))
  expect(made).toEqual([])
})

test('what is frozen on its outside only a guard cannot change either', async () => {
  const made: unknown[] = []
  const send = tool({
    name: 'send',
    description: 'Sends.',
    input: z.object({ to: z.array(z.string()) }).readonly(),
    effect: 'once',
    run: (input) => void made.push(input),
  })
  const model = scriptedModel([
    { toolCalls: [{ name: 'send', input: { to: ['ann'] } }] },
    { text: 'Done.' },
  ])
  const adding = guard({
    name: 'adding',
    at: 'call',
    check: ({ args }) => ((args as { to: string[] }).to.push('eve'), verdict.allow()),
  })
  const sender = agent({ name: 'sender', model, tools: [send], guards: [adding] })
  await using runtime = await testRuntime({ flows: [sender] })
  await runtime.settled(await runtime.start(sender, { prompt: 'Go.' }))
  expect(made).toEqual([])
  expect(toldOf(model, 1)).toEqual([
    { type: 'execution-denied', reason: expect.stringContaining('Guard "adding" failed') },
  ])
})

test('what a guard is told of calls and of what came from outside it cannot hide from others', async () => {
  const seen: unknown[] = []
  const look = tool({
    name: 'look',
    description: 'Looks.',
    input: z.object({}),
    effect: 'read',
    taints: true,
    run: () => 'ok',
  })
  const looks = { toolCalls: [{ name: 'look', input: {} }] }
  const model = scriptedModel([looks, looks, looks, { text: 'Done.' }])
  const hiding = guard({
    name: 'hiding',
    at: 'call',
    check: (_, { history, tainted }) => {
      for (const list of [history, tainted] as object[][]) {
        const tries = [() => Object.assign(list[0] ?? {}, { tool: '-' }), () => list.splice(0)]
        for (const change of tries) {
          try {
            change()
          } catch {
            // as if nothing had been
          }
        }
      }
      return verdict.allow()
    },
  })
  const seeing = guard({
    name: 'seeing',
    at: 'call',
    check: (_, context) => {
      seen.push([context.history, context.tainted].map((list) => list.map((one) => one.tool)))
      return verdict.allow()
    },
  })
  const looker = agent({ name: 'looker', model, tools: [look], guards: [hiding, seeing] })
  await using runtime = await testRuntime({ flows: [looker] })
  await runtime.settled(await runtime.start(looker, { prompt: 'Go.' }))
  expect(seen).toEqual([
    [[], []],
    [['look'], ['look']],
    [
      ['look', 'look'],
      ['look', 'look'],
    ],
  ])
})

test('what one approval rule does to its copy the next one does not see', async () => {
  const made: unknown[] = []
  const send = tool({
    name: 'send',
    description: 'Sends.',
    input: asMap,
    inputSchema: mapOf,
    effect: 'once',
    approval: (input) => {
      input.set('to', 'ann')
      return false
    },
    run: (input) => void made.push(input),
  })
  const strangers = policy({
    name: 'strangers',
    approval: [{ when: (input) => (input as Map<string, string>).get('to') !== 'ann' }],
  })
  const model = scriptedModel([
    { toolCalls: [{ name: 'send', input: { to: 'eve' } }] },
    { text: 'Done.' },
  ])
  const sender = agent({ name: 'sender', model, tools: [send] })
  await using runtime = await testRuntime({ flows: [sender], policies: [strangers] })
  const run = await runtime.start(sender, { prompt: 'Go.' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
  expect(made).toEqual([])
})

test('an approval rule that changes the arguments has failed, so people are asked about them', async () => {
  const made: unknown[] = []
  const pay = tool({
    name: 'pay',
    description: 'Pays.',
    input: z.object({ cents: z.number() }),
    effect: 'once',
    approval: (input) => {
      Object.assign(input, { cents: 0 })
      return false
    },
    run: (input) => void made.push(input),
  })
  const model = scriptedModel([
    { toolCalls: [{ name: 'pay', input: { cents: 5 } }] },
    { text: 'Done.' },
  ])
  const payer = agent({ name: 'payer', model, tools: [pay] })
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' }, { by: 'ann' })
  const [open] = await runtime.ever.approvals.list()
  expect(open).toMatchObject({ args: { cents: 5 }, reason: expect.stringContaining('failed') })
  await runtime.ever.approvals.approve(open!.id, { by: 'eve' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(made).toEqual([{ cents: 5 }])
})

test('a tool that changes its input is still seen to repeat itself', async () => {
  let made = 0
  const look = tool({
    name: 'look',
    description: 'Looks.',
    inputSchema: { type: 'object' },
    effect: 'read',
    run: (input) => {
      Object.assign(input as object, { time: ++made })
      return 'ok'
    },
  })
  const model = scriptedModel(({ turn }) =>
    turn < 10 ? { toolCalls: [{ name: 'look', input: { a: 1 } }] } : { text: 'Done.' },
  )
  const looker = agent({ name: 'looker', model, tools: [look], guards: [repeatGuard({ max: 3 })] })
  await using runtime = await testRuntime({ flows: [looker], development: false })
  await runtime.settled(await runtime.start(looker, { prompt: 'Look.' }))
  expect(made).toBe(3)
})

test('an approval with undefined arguments leaves them as they are', async () => {
  const made: unknown[] = []
  const pay = tool({
    name: 'pay',
    description: 'Pays.',
    input: z.object({ cents: z.number() }),
    effect: 'once',
    approval: true,
    run: (input) => void made.push(input),
  })
  const model = scriptedModel([
    { toolCalls: [{ name: 'pay', input: { cents: 5 } }] },
    { text: 'Done.' },
  ])
  const payer = agent({ name: 'payer', model, tools: [pay] })
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  const [open] = await runtime.ever.approvals.list()
  await runtime.ever.approvals.approve(open!.id, { args: undefined })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(made).toEqual([{ cents: 5 }])
})
