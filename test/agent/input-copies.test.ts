/** What code is handed to look at, and what it or a person hands back, changes nothing that is recorded. */
import { expect, test } from 'vitest'
import { agent, guard, repeatGuard, tool, verdict } from 'everloop'
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
