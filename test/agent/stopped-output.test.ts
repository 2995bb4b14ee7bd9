/** What an agent ends with that was stopped is judged like any output: by guards and by its schema. */
import { expect, test } from 'vitest'
import { type Agent, agent, guard, type GuardVerdict, regexGuard, tool, verdict } from 'everloop'
import { scriptedModel, type TestRuntime, testRuntime } from 'everloop/testing'
import { z } from 'zod'
import { look } from './look.ts'

const model = (text: string): ReturnType<typeof scriptedModel> =>
  scriptedModel(() => ({ text, toolCalls: [{ name: 'look', input: {} }] }))
const rest = { tools: [look], stop: { turns: 2 } }

async function ends(flow: Agent<unknown>): Promise<unknown> {
  await using runtime: TestRuntime = await testRuntime({ flows: [flow] })
  const run = await runtime.start(flow, { prompt: 'Go.' })
  const settled = await runtime.settled(run)
  await runtime.verify()
  return settled
}

const secret = { name: 'no-codes', patterns: '[0-9]{4}' }

test('a guard at output denies, fixes or sends back what a stopped agent said last', async () => {
  const denying = regexGuard({ ...secret, at: 'output' })
  const fixing = regexGuard({ ...secret, at: 'output', reaction: 'fix', replacement: '****' })
  const retrying = guard({
    name: 'polite',
    at: 'output',
    check: () => verdict.retry('Say please.'),
  })
  const stopped = (guards: readonly unknown[]): Agent<unknown> =>
    agent({ name: 'a', model: model('The code is 1234.'), guards: guards as never, ...rest })

  expect(await ends(stopped([denying]))).toMatchObject({
    status: 'failed',
    error: { code: 'GUARD_DENIED', message: expect.stringContaining('was stopped') },
  })
  expect(await ends(stopped([fixing]))).toEqual({
    status: 'completed',
    output: 'The code is ****.',
  })
  expect(await ends(stopped([retrying]))).toMatchObject({
    status: 'failed',
    error: { code: 'GUARD_DENIED' },
  })
})

test('the last text of a stopped agent fits its output or fails the run', async () => {
  const output = z.object({ answer: z.number() })
  expect(
    await ends(agent({ name: 'fits', model: model('{"answer":4}'), output, ...rest })),
  ).toEqual({ status: 'completed', output: { answer: 4 } })
  expect(
    await ends(agent({ name: 'misfits', model: model('Four.'), output, ...rest })),
  ).toMatchObject({ status: 'failed', error: { code: 'OUTPUT_INVALID' } })
})

test('a conversation that ends because nobody spoke ends with what its guards let out', async () => {
  const fixing = regexGuard({ ...secret, at: 'output', reaction: 'fix', replacement: '****' })
  const chat = agent({
    name: 'chat',
    model: scriptedModel([{ text: 'The code is 1234.' }]),
    guards: [fixing],
    conversation: { idle: '1d' },
  })
  await using runtime = await testRuntime({ flows: [chat] })
  const run = await runtime.start(chat, { prompt: 'Go.' })
  await runtime.settled(run)
  await runtime.advance('2d')
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'The code is ****.' })
})

test('who speaks while the stopping call is made is heard, whatever guards would say to the text', async () => {
  const said: string[] = []
  const scripted = scriptedModel(({ text }) => {
    said.push(text ?? '')
    return said.length === 1
      ? { text: 'The code is 1234.', toolCalls: [{ name: 'submit', input: {} }] }
      : { text: 'Done.' }
  })
  let speak = (): Promise<void> => Promise.resolve()
  const submit = tool({
    name: 'submit',
    description: 'Submits.',
    inputSchema: { type: 'object' },
    effect: 'read',
    run: () => speak(),
  })
  const stopped = agent({
    name: 'a',
    model: scripted,
    tools: [submit],
    stop: { tools: ['submit'] },
    guards: [regexGuard({ ...secret, at: 'output' })],
  })
  await using runtime = await testRuntime({ flows: [stopped] })
  speak = async () => {
    await runtime.ever.send('r', 'One more thing.')
    await runtime.time.settle()
  }
  const run = await runtime.start(stopped, { prompt: 'Go.' }, { id: 'r' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
  expect(said[1]).toContain('One more thing.')
})

const submitted = z.object({ answer: z.string() })

/** An agent that ends when it has submitted, and submits "one" and then "two". */
function submitting(more: object, first: unknown = { answer: 'one' }) {
  const taken: string[] = []
  const submit = tool({
    name: 'submit',
    description: 'Submits.',
    input: submitted,
    effect: 'read',
    run: ({ answer }) => {
      if (answer === 'busy') throw new Error('The server is busy.')
      taken.push(answer)
      return 'Taken.'
    },
    ...more,
  })
  const scripted = scriptedModel([
    { toolCalls: [{ name: 'submit', input: first }] },
    { text: 'Over.', toolCalls: [{ name: 'submit', input: { answer: 'two' } }] },
    { text: 'Never asked.' },
  ])
  return { taken, submit, scripted }
}

test.each<[string, unknown, RegExp]>([
  ['that did not fit', {}, /answer: /],
  ['that a guard denied', { answer: 'one' }, /Not one\./],
  ['that failed', { answer: 'busy' }, /The server is busy\./],
])('a call %s stops nothing: the model is told', async (_, first, told) => {
  const { taken, submit, scripted } = submitting({}, first)
  const picky = guard({
    name: 'picky',
    at: 'call',
    check: ({ args }) =>
      (args as { answer?: string }).answer === 'one' ? verdict.deny('Not one.') : verdict.allow(),
  })
  const stopped = agent({
    name: 'a',
    model: scripted,
    tools: [submit],
    guards: [picky],
    stop: { tools: ['submit'] },
  })
  expect(await ends(stopped)).toEqual({ status: 'completed', output: 'Over.' })
  expect(taken).toEqual(['two'])
  expect(JSON.stringify(scripted.requests[1]?.body)).toMatch(told)
})

test('a call that returned stops the agent, whatever guards make of its result', async () => {
  const { taken, submit, scripted } = submitting({})
  const silent = guard({ name: 'silent', at: 'result', check: () => verdict.deny('Not shown.') })
  const stop = { tools: ['submit'] }
  const rules = { model: scripted, tools: [submit], guards: [silent], stop }
  expect(await ends(agent({ name: 'a', ...rules }))).toMatchObject({ status: 'completed' })
  expect(taken).toEqual(['one'])
})

test('the error of a misfit tells nothing of the text, which guards have not seen', async () => {
  const output = z.object({ answer: z.number() })
  const settled = await ends(agent({ name: 'misfits', model: model('PIN 4711'), output, ...rest }))
  expect(settled).toMatchObject({ status: 'failed', error: { code: 'OUTPUT_INVALID' } })
  expect(JSON.stringify(settled)).not.toContain('4711')
  expect(JSON.stringify(settled)).not.toContain('PIN')
})

test.each<[string, object]>([
  ['turns', { turns: 2 }],
  ['a condition', { when: ({ turn }: { turn: number }) => turn > 2 }],
])('after as many answers as %s allow, none is sent back', async (_, stop) => {
  const output = z.object({ answer: z.number() })
  const asked = async (more: object, texts: readonly string[]) => {
    const scripted = scriptedModel(texts.map((text) => ({ text })))
    const settled = await ends(agent({ name: 'a', model: scripted, stop, ...more }))
    return [settled, scripted.requests.length]
  }
  const failed = (code: string) => ({
    status: 'failed',
    error: { code, message: expect.stringContaining('was stopped') as string },
  })
  const four = '{"answer":4}'
  expect(await asked({ output }, ['Four.', four])).toEqual([
    { status: 'completed', output: { answer: 4 } },
    2,
  ])
  expect(await asked({ output }, ['Four.', 'Four!', four])).toMatchObject([
    failed('OUTPUT_INVALID'),
    2,
  ])
  for (const at of ['answer', 'output'] as const) {
    for (const of of [verdict.retry('Say please.'), verdict.deny('No.')]) {
      const guards = [guard({ name: 'g', at, check: () => of })]
      expect(await asked({ guards }, ['One.', 'Two.', 'Three.'])).toMatchObject([
        failed('GUARD_DENIED'),
        2,
      ])
    }
  }
})

/** Sent back once, and then in the middle of its second turn, when a deploy brings a limit of one. */
test.each(['the model', 'a guard'])(
  'a run in which %s is asked then goes by the limit',
  async (who) => {
    const asked = Promise.withResolvers<void>()
    const asking = guard({
      name: 'asking',
      at: 'answer',
      check: ({ text }) => (text === 'Four!' ? verdict.ask('Fine?') : verdict.allow()),
    })
    const output = z.object({ answer: z.number() })
    const version = (answers: Parameters<typeof scriptedModel>[0], more: object) =>
      agent({ name: 'a', model: scriptedModel(answers), output, guards: [asking], ...more })
    const old = version(({ index }) => {
      if (index === 0) return { text: 'Four.' }
      asked.resolve()
      return who === 'the model' ? { hang: true } : { text: 'Four!' }
    }, {})
    await using runtime = await testRuntime({ flows: [old] })
    const run = await runtime.ever.start(old, { prompt: 'Go.' })
    await runtime.runUntil(asked.promise)
    if (who === 'a guard') await runtime.settled(run)
    let requests = 0
    const limited = version(() => ({ text: ++requests > 1 ? 'Never asked.' : 'Four?' }), {
      stop: { turns: 1 },
    })
    runtime.crash({ flows: [limited] })
    if (who === 'a guard') await runtime.answer('Fine?', { verdict: 'allow' })
    expect(await runtime.settled(run)).toMatchObject({
      status: 'failed',
      error: { code: 'OUTPUT_INVALID', message: expect.stringContaining('was stopped') as string },
    })
    expect(requests).toBe(who === 'the model' ? 1 : 0)
    await runtime.verify()
  },
)

/** Rules so on the output "One.", when what happens meanwhile is over; lets it pass while nothing does. */
const slowGuard = (ruling: GuardVerdict, meanwhile: () => Promise<void> | undefined) =>
  guard({
    name: 'slow',
    at: 'output',
    check: async ({ text }) => {
      const happening = text === 'One.' ? meanwhile() : undefined
      if (!happening) return verdict.allow()
      await happening
      return ruling
    },
  })

test('who speaks while the last answer is judged is heard, and it is sent back', async () => {
  let speak = (): Promise<void> => Promise.resolve()
  const slow = slowGuard(verdict.retry('Say more.'), () => speak())
  const scripted = scriptedModel([{ text: 'One.' }, { text: 'Two.' }])
  const flow = agent({ name: 'a', model: scripted, guards: [slow], stop: { turns: 1 } })
  await using runtime = await testRuntime({ flows: [flow] })
  speak = async () => {
    await runtime.ever.send('r', 'One more thing.')
    await runtime.time.settle()
  }
  const run = await runtime.start(flow, { prompt: 'Go.' }, { id: 'r' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Two.' })
})

test('a condition that is asynchronous fails the run: it would stop each agent at once', async () => {
  const when = (() => Promise.resolve(false)) as never
  const model = scriptedModel([{ toolCalls: [{ name: 'look' }] }, { text: 'Done.' }])
  const flow = agent({ name: 'a', model, tools: [look], stop: { when } })
  await using runtime = await testRuntime({ flows: [flow] })
  const run = await runtime.start(flow, { prompt: 'Go.' })
  expect(await runtime.settled(run)).toMatchObject({
    status: 'failed',
    error: { code: 'BAD_OPTION', message: expect.stringContaining('agent.stop.when') },
  })
})

test.each([false, true])(
  'an answer that fitted forgives those before it, although somebody spoke meanwhile; conversation: %s',
  async (conversation) => {
    let speak: (() => Promise<unknown>) | undefined
    const scripted = scriptedModel(async ({ index }) => {
      if (index === 1) await speak?.()
      return { text: index % 2 === 0 ? 'No JSON.' : `{"n":${index}}` }
    })
    const output = z.object({ n: z.number() })
    const flow = agent({ name: 'a', model: scripted, output, repairs: 1, conversation })
    await using runtime = await testRuntime({ flows: [flow] })
    speak = () => runtime.ever.send('r', 'And now?')
    const run = await runtime.start(flow, { prompt: 'Go.' }, { id: 'r' })
    const end = await runtime.settled(run)
    expect(scripted.requests).toHaveLength(4)
    expect(end).toMatchObject(
      conversation ? { status: 'waiting' } : { status: 'completed', output: { n: 3 } },
    )
  },
)

/** A conversation in which nobody speaks for a day, and somebody does while its end is judged. */
async function spokenToWhileJudged(end: GuardVerdict): Promise<unknown> {
  let speak: (() => Promise<void>) | undefined
  const slow = slowGuard(end, () => speak?.())
  const scripted = scriptedModel(({ text }) => ({ text: text === 'Go.' ? 'One.' : 'Two.' }))
  const flow = agent({ name: 'a', model: scripted, guards: [slow], conversation: { idle: '1d' } })
  await using runtime = await testRuntime({ flows: [flow] })
  const run = await runtime.start(flow, { prompt: 'Go.' }, { id: 'r' })
  speak = async () => {
    await runtime.ever.send('r', 'One more thing.')
    await runtime.time.settle()
  }
  await runtime.advance('25h')
  expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
  runtime.crash({ flows: [flow] })
  await runtime.advance('25h')
  await runtime.verify()
  return await runtime.settled(run)
}

test('who speaks while the end of a silent conversation is judged is heard', async () => {
  const end = { status: 'completed', output: 'Two.' }
  expect(await spokenToWhileJudged(verdict.allow())).toEqual(end)
  expect(await spokenToWhileJudged(verdict.deny('No.'))).toEqual(end)
})

test('who speaks while the end of a stopped agent is judged is heard, whatever guards say to the text', async () => {
  let speak = (): Promise<void> => Promise.resolve()
  const slow = slowGuard(verdict.deny('No.'), () => speak())
  const scripted = scriptedModel(({ text }) =>
    text === 'Go.' ? { text: 'One.', toolCalls: [{ name: 'look', input: {} }] } : { text: 'Two.' },
  )
  const flow = agent({
    name: 'a',
    model: scripted,
    tools: [look],
    guards: [slow],
    stop: { tools: ['look'] },
  })
  await using runtime = await testRuntime({ flows: [flow] })
  speak = async () => {
    await runtime.ever.send('r', 'One more thing.')
    await runtime.time.settle()
  }
  const run = await runtime.start(flow, { prompt: 'Go.' }, { id: 'r' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Two.' })
})
