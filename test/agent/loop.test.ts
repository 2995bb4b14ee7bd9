/** The agent loop: what a model proposes, what the runtime makes of it, and what is recorded. */
import { expect, test } from 'vitest'
import {
  agent,
  agentTool,
  askPerson,
  conversation,
  done,
  flow,
  guard,
  type GuardVerdict,
  tool,
  verdict,
} from 'everloop'
import { scriptedModel, testRuntime } from 'everloop/testing'
import { z } from 'zod'
import { current } from '../../src/run/current.ts'
import { promptOf, toldOf } from './prompts.ts'

const add = tool({
  name: 'add',
  description: 'Adds two numbers.',
  input: z.object({ a: z.number(), b: z.number() }),
  effect: 'read',
  run: ({ a, b }) => a + b,
})

test('an agent answers', async () => {
  const model = scriptedModel([{ text: 'Four.' }])
  const solver = agent({ name: 'solver', model, instructions: 'Be brief.' })
  await using runtime = await testRuntime({ flows: [solver] })
  const run = await runtime.start(solver, { prompt: 'Two and two?' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Four.' })
  expect(model.requests).toHaveLength(1)
  expect(model.requests[0]?.body).toMatchObject({
    prompt: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: [{ type: 'text', text: 'Two and two?' }] },
    ],
  })
})

test('calls of one answer are executed in parallel, and told in the order in which they were made', async () => {
  const gates = new Map(['slow', 'quick'].map((name) => [name, Promise.withResolvers<string>()]))
  const wait = tool({
    name: 'wait',
    description: 'Waits.',
    input: z.object({ name: z.string() }),
    effect: 'read',
    run: ({ name }) => gates.get(name)?.promise ?? '',
  })
  const model = scriptedModel([
    {
      toolCalls: [
        { id: 'first', name: 'wait', input: { name: 'slow' } },
        { id: 'second', name: 'wait', input: { name: 'quick' } },
      ],
    },
    { text: 'Done.' },
  ])
  const waiter = agent({ name: 'waiter', model, tools: [wait] })
  await using runtime = await testRuntime({ flows: [waiter] })
  const run = await runtime.ever.start(waiter, { prompt: 'Go.' })
  gates.get('quick')?.resolve('quick one')
  const { items } = await runtime.runUntil(
    (async () => {
      for (;;) {
        const read = await conversation(runtime.ever, run.id)
        if (read.items.some(({ is }) => is === 'result')) return read
        await runtime.time.settle()
      }
    })(),
  )
  expect(items.filter(({ is }) => is === 'result')).toMatchObject([{ call: 'second' }])
  gates.get('slow')?.resolve('slow one')
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
  expect(model.requests[1]?.body).toMatchObject({
    prompt: [
      { role: 'user' },
      { role: 'assistant' },
      {
        role: 'tool',
        content: [
          { toolCallId: 'first', output: { type: 'text', value: 'slow one' } },
          { toolCallId: 'second', output: { type: 'text', value: 'quick one' } },
        ],
      },
    ],
  })
})

test('whatever is wrong with a call is told to the model, and the others go on', async () => {
  const failing = tool({
    name: 'fail',
    description: 'Fails.',
    input: z.object({}),
    effect: 'read',
    run: () => {
      throw new RangeError('out of paper')
    },
  })
  const model = scriptedModel([
    {
      toolCalls: [
        { id: '1', name: 'add', input: { a: 1, b: 2 } },
        { id: '2', name: 'ad', input: {} },
        { id: '3', name: 'add', input: { a: 'one' } },
        { id: '4', name: 'fail', input: {} },
        { id: '5', name: 'add', rawInput: '{"a": 1,' },
      ],
    },
    { text: 'Three.' },
  ])
  const solver = agent({ name: 'solver', model, tools: [add, failing] })
  await using runtime = await testRuntime({ flows: [solver] })
  const run = await runtime.start(solver, { prompt: 'Go.' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Three.' })
  const told = toldOf(model, 1) as { type: string; value: string }[]
  expect(told.map(({ type }) => type)).toEqual([
    'json',
    'error-text',
    'error-text',
    'error-text',
    'error-text',
  ])
  expect(told[1]?.value).toContain('Did you mean add?')
  expect(told[2]?.value).toContain('a: ')
  expect(told[3]?.value).toBe('Error: RangeError: out of paper')
  expect(told[4]?.value).toContain('not JSON')
})

test.each<[string, (input: { question: string }) => string, string]>([
  ['that is empty', ({ question }) => question, 'make no question'],
  [
    'that cannot be made',
    () => {
      throw new RangeError('out of words')
    },
    'Error: RangeError: out of words',
  ],
])('a question %s is told to the model, and the other calls are made', async (_, prompt, error) => {
  const ask = askPerson({
    name: 'ask_person',
    description: 'Asks.',
    input: z.object({ question: z.string() }),
    prompt,
  })
  const model = scriptedModel([
    {
      toolCalls: [
        { id: '1', name: 'ask_person', input: { question: '' } },
        { id: '2', name: 'add', input: { a: 1, b: 2 } },
      ],
    },
    { text: 'Done.' },
  ])
  const asker = agent({ name: 'asker', model, tools: [ask, add] })
  await using runtime = await testRuntime({ flows: [asker] })
  const run = await runtime.start(asker, { prompt: 'Go.' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
  expect(toldOf(model, 1)).toMatchObject([
    { type: 'error-text', value: expect.stringContaining(error) as string },
    { type: 'json', value: 3 },
  ])
})

test('an answer that does not fit the output is sent back, and repaired', async () => {
  const model = scriptedModel([{ text: 'It is 4.' }, { text: '```json\n{"sum": 4}\n```' }])
  const solver = agent({ name: 'solver', model, output: z.object({ sum: z.number() }) })
  await using runtime = await testRuntime({ flows: [solver] })
  const run = await runtime.start(solver, { prompt: 'Two and two?' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: { sum: 4 } })
  expect(model.requests[1]?.text).toContain('not JSON')
})

test('an output that is never repaired fails the run', async () => {
  const model = scriptedModel(() => ({ text: 'no' }))
  const solver = agent({ name: 'solver', model, output: z.object({ sum: z.number() }), repairs: 1 })
  await using runtime = await testRuntime({ flows: [solver] })
  const run = await runtime.start(solver, { prompt: 'Two and two?' })
  expect(await runtime.settled(run)).toMatchObject({
    status: 'failed',
    error: { code: 'OUTPUT_INVALID' },
  })
  expect(model.requests).toHaveLength(2)
})

test('a conversation goes on with later messages, and costs nothing while it waits', async () => {
  const model = scriptedModel(({ text }) => ({ text: `You said: ${text}` }))
  const echo = agent({ name: 'echo', model, conversation: { idle: '30d' } })
  await using runtime = await testRuntime({ flows: [echo] })
  const run = await runtime.start(echo, { prompt: 'one' })
  expect(await runtime.settled(run)).toMatchObject({
    status: 'waiting',
    on: [{ kind: 'signal', what: 'message' }],
  })
  await runtime.advance('20d')
  await runtime.ever.send(run.id, 'two', { by: 'ada' })
  await runtime.advance('1s')
  const { items } = await conversation(runtime.ever, run.id)
  expect(items.map((item) => ('text' in item ? item.text : ''))).toEqual([
    'one',
    'You said: one',
    'two',
    'You said: two',
  ])
  expect(items[2]).toMatchObject({ by: 'ada' })
  // The state of the agent knows who said it, as for messages that come while it is at work.
  const turns = await runtime.store.entries(run.id)
  const states = turns.filter(({ kind }) => kind === 'turn.committed')
  expect(states.map(({ payload }) => payload).join()).toContain('"by":"ada"')
  await runtime.advance('31d')
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'You said: two' })
})

test('a message that comes while the agent is at work is in its next turn', async () => {
  const gate = Promise.withResolvers<string>()
  const slow = tool({
    name: 'slow',
    description: 'Takes its time.',
    input: z.object({}),
    effect: 'read',
    run: () => gate.promise,
  })
  const model = scriptedModel([{ toolCalls: [{ name: 'slow', input: {} }] }, { text: 'Both.' }])
  const worker = agent({ name: 'worker', model, tools: [slow] })
  await using runtime = await testRuntime({ flows: [worker] })
  const run = await runtime.ever.start(worker, { prompt: 'Go.' })
  await runtime.runUntil(() => model.requests.length === 1)
  await runtime.ever.send(run.id, 'And hurry.')
  await runtime.runUntil(async () => {
    const { items } = await conversation(runtime.ever, run.id)
    return items.some((item) => item.is === 'user' && item.text === 'And hurry.')
  })
  gate.resolve('done')
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Both.' })
  expect(promptOf(model, 1).map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'user'])
})

/** An agent of whose answers the first is given while somebody says "bad", which is refused. */
function interrupted(more: object) {
  const speak = { now: (): Promise<unknown> => Promise.resolve() }
  const model = scriptedModel(async ({ index }) => {
    if (index === 0) await speak.now()
    return { text: `Answer ${index + 1}.` }
  })
  const deaf = guard({
    name: 'deaf',
    at: 'input',
    check: ({ text }) => (text === 'bad' ? verdict.deny('No.') : verdict.allow()),
  })
  return { speak, model, deaf, flow: agent({ name: 'talker', model, guards: [deaf], ...more }) }
}

test('a message that is refused leaves the last answer the last one', async () => {
  const { speak, model, flow: talker } = interrupted({})
  await using runtime = await testRuntime({ flows: [talker] })
  speak.now = () => runtime.ever.send('r', 'bad')
  const run = await runtime.start(talker, { prompt: 'Go.' }, { id: 'r' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Answer 1.' })
  expect(model.requests).toHaveLength(1)
  await runtime.verify()
})

test('a message that is refused leaves an answer that was sent back to be given again', async () => {
  const strict = guard({
    name: 'strict',
    at: 'answer',
    check: ({ text }) => (text === 'Answer 1.' ? verdict.retry('Longer.') : verdict.allow()),
  })
  const { speak, model, deaf, flow: talker } = interrupted({ conversation: true })
  const chat = agent({ name: 'chat', model, guards: [deaf, strict], conversation: true })
  await using runtime = await testRuntime({ flows: [talker, chat] })
  speak.now = () => runtime.ever.send('r', 'bad')
  const run = await runtime.start(chat, { prompt: 'Go.' }, { id: 'r' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
  const { items } = await conversation(runtime.ever, run.id)
  expect(items.findLast(({ is }) => is === 'assistant')).toMatchObject({ text: 'Answer 2.' })
})

test('a tool may ask a person, and start another agent', async () => {
  const child = agent({
    name: 'child',
    model: scriptedModel([{ text: 'Blue.' }]),
  })
  const ask = askPerson({
    name: 'ask_person',
    description: 'Asks.',
    input: z.object({ question: z.string() }),
    prompt: ({ question }) => question,
  })
  const model = scriptedModel([
    {
      toolCalls: [
        { id: 'a', name: 'ask_person', input: { question: 'Which size?' } },
        { id: 'b', name: 'colour', input: { prompt: 'Which colour?' } },
      ],
    },
    { text: 'Large and blue.' },
  ])
  const colour = agentTool(child, { name: 'colour', description: 'Knows colours.' })
  const parent = agent({ name: 'parent', model, tools: [ask, colour] })
  await using runtime = await testRuntime({ flows: [parent, child] })
  const run = await runtime.start(parent, { prompt: 'Go.' })
  await runtime.answer('Which size?', 'large')
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Large and blue.' })
  expect(model.requests[1]?.body).toMatchObject({
    prompt: [{}, {}, { content: [{ output: { value: 'large' } }, { output: { value: 'Blue.' } }] }],
  })
})

test('500 calls in one answer', async () => {
  const calls = Array.from({ length: 500 }, (_, i) => ({
    id: `c${i}`,
    name: 'add',
    input: { a: i, b: 1 },
  }))
  const model = scriptedModel([{ toolCalls: calls }, { text: 'Done.' }])
  const solver = agent({ name: 'solver', model, tools: [add] })
  await using runtime = await testRuntime({ flows: [solver] })
  const run = await runtime.start(solver, { prompt: 'Go.' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
  expect(toldOf(model, 1)).toEqual(calls.map(({ input }) => ({ type: 'json', value: input.a + 1 })))
})

test('a long result becomes an artifact, of which the model reads more', async () => {
  const text = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`).join('')
  const read = tool({
    name: 'read',
    description: 'Reads.',
    input: z.object({}),
    effect: 'read',
    maxResult: 2048,
    run: () => text,
  })
  let artifact = ''
  const model = scriptedModel(({ index, text: said }) => {
    if (index === 0) return { toolCalls: [{ name: 'read', input: {} }] }
    if (index === 1) {
      artifact = /"artifact":"([\w-]{43})"/.exec(said)?.[1] ?? ''
      return { toolCalls: [{ name: 'read_more', input: { artifact, find: 'line 15000' } }] }
    }
    return { text: said.includes('line 15001') ? 'Found.' : 'Not found.' }
  })
  const reader = agent({ name: 'reader', model, tools: [read] })
  await using runtime = await testRuntime({ flows: [reader] })
  const run = await runtime.start(reader, { prompt: 'Go.' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Found.' })
  expect(Buffer.byteLength(model.requests[1]?.text ?? '')).toBeLessThanOrEqual(2048)
  expect(await runtime.store.artifact(artifact)).toBeDefined()
})

test.each([
  [undefined, 4096],
  [1024, 1024],
])(
  'of a long error the model is told what fits, and how much does not (%s)',
  async (most, bytes) => {
    const message = `${'é'.repeat(3000)} and in the end: no such host`
    const read = tool({
      name: 'read',
      description: 'Reads.',
      effect: 'read',
      ...(most === undefined ? {} : { maxResult: most }),
      run: () => Promise.reject(new RangeError(message)),
    })
    const model = scriptedModel([{ toolCalls: [{ name: 'read' }] }, { text: 'Done.' }])
    const reader = agent({ name: 'reader', model, tools: [read] })
    await using runtime = await testRuntime({ flows: [reader] })
    const run = await runtime.start(reader, { prompt: 'Go.' })
    expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
    const told = model.requests[1]?.text ?? ''
    expect(Buffer.byteLength(told)).toBeLessThanOrEqual(bytes)
    expect(told).toMatch(
      /^Error: RangeError: é+\n\n\[… \d+ of 6048 bytes are left out here\.\]\n\né+ and in the end: no such host$/,
    )
    // The ledger has all of it.
    expect(JSON.stringify(await runtime.ledger(run))).toContain(message)
  },
)

test.each(['ask_person', 'research'])(
  'a long result of %s becomes an artifact as well',
  async (name) => {
    const text = Array.from({ length: 6000 }, (_, i) => `line ${i}\n`).join('')
    const research = flow('research', () => Promise.resolve(text))
    const inputSchema = { type: 'object' } as const
    const ask = { name: 'ask_person', description: 'Asks.', inputSchema, prompt: () => 'What?' }
    const told = { name: 'research', description: 'Researches.', inputSchema }
    const model = scriptedModel(({ index, text: said }) => {
      if (index === 0) return { toolCalls: [{ name, input: {} }] }
      if (index > 1) return { text: said.includes('line 3001') ? 'Found.' : said }
      const artifact = /"artifact":"([\w-]{43})"/.exec(said)?.[1] ?? ''
      return { toolCalls: [{ name: 'read_more', input: { artifact, find: 'line 3000' } }] }
    })
    const tools = [askPerson(ask), agentTool(research, told)]
    const reader = agent({ name: 'reader', model, tools })
    await using runtime = await testRuntime({ flows: [reader, research] })
    const run = await runtime.start(reader, { prompt: 'Go.' })
    if (name === 'ask_person') await runtime.answer('What?', text)
    expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Found.' })
    const kind = name === 'research' ? 'child.completed' : 'question.answered'
    const entries = await runtime.store.entries(run.id)
    expect(entries.find((entry) => entry.kind === kind)?.payload?.length).toBeLessThan(200)
    await runtime.verify()
  },
)

test('a long conversation is shortened, once', async () => {
  const summaries: string[] = []
  const model = scriptedModel(({ index, text }) => {
    if (text === 'Write the summary now.') {
      summaries.push(text)
      return { text: 'They added numbers.' }
    }
    const usage = { input: index >= 6 ? 10 : 1000 * index, output: 5 }
    if (index > 10) return { text: 'Enough.', usage }
    return { toolCalls: [{ name: 'add', input: { a: index, b: 1 } }], usage }
  })
  const adder = agent({ name: 'adder', model, tools: [add], compaction: { above: 4500, keep: 2 } })
  await using runtime = await testRuntime({ flows: [adder] })
  const run = await runtime.start(adder, { prompt: 'Add.' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Enough.' })
  expect(summaries).toHaveLength(1)
  const prompt = promptOf(model, 7)
  expect(prompt.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool'])
  expect(prompt[0]).toMatchObject({
    content: [{ text: 'Summary of the conversation so far:\nThey added numbers.' }],
  })
})

/** An agent whose conversation is due to be shortened after two turns, with a guard on requests. */
function shortening(reaction: (text: string) => GuardVerdict) {
  const summarised: string[] = []
  const model = scriptedModel(({ index, body, text }) => {
    if (text === 'Write the summary now.') {
      summarised.push(JSON.stringify(body))
      return { text: 'They added.' }
    }
    const usage = { input: 1000, output: 5 }
    if (index > 3) return { text: 'Enough.', usage }
    return { toolCalls: [{ name: 'add', input: { a: index, b: 1 } }], usage }
  })
  const watching = guard({
    name: 'watching',
    at: 'request',
    check: ({ messages, tools }) =>
      tools.length > 0 ? verdict.allow() : reaction(JSON.stringify(messages)),
  })
  const compaction = { above: 500, keep: 1 }
  const adder = agent({ name: 'adder', model, tools: [add], guards: [watching], compaction })
  return { adder, summarised, model }
}

test('guards on requests see the request for a summary, and what they refuse is not sent', async () => {
  const seen: string[] = []
  const { adder, summarised } = shortening((text) => {
    seen.push(text)
    return verdict.deny('Nothing secret leaves.')
  })
  await using runtime = await testRuntime({ flows: [adder] })
  const run = await runtime.start(adder, { prompt: 'Add secretly.' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Enough.' })
  expect(seen[0]).toContain('Add secretly.')
  expect(summarised).toEqual([])
})

test('what a guard on requests changes is what is summarised', async () => {
  const { adder, summarised } = shortening((text) =>
    verdict.fix(JSON.parse(text.replace('secretly', 'softly'))),
  )
  await using runtime = await testRuntime({ flows: [adder] })
  const run = await runtime.start(adder, { prompt: 'Add secretly.' })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Enough.' })
  expect(summarised[0]).toContain('Add softly.')
  expect(summarised.join('')).not.toContain('secretly')
})

test('a deploy that shortens otherwise, or no more, leaves a request for a summary that waits as it was', async () => {
  for (const compaction of [{ above: 500, keep: 3 }, undefined]) {
    const { adder, summarised, model } = shortening(() => verdict.ask('May it be summarised?'))
    await using runtime = await testRuntime({ flows: [adder] })
    const run = await runtime.start(adder, { prompt: 'Add.' })
    const [question] = await runtime.ever.questions()
    const more = compaction ? { compaction } : {}
    await runtime.restart({ flows: [agent({ name: 'adder', model, tools: [add], ...more })] })
    await runtime.ever.answer(question?.id ?? '', { verdict: 'allow' })
    expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
    expect(summarised).toHaveLength(compaction ? 1 : 0)
    if (compaction) expect(summarised[0]).toContain('"toolName":"add"')
    await runtime.verify()
  }
})

test('an agent is part of a flow, and its output the output of a child', async () => {
  const child = agent({ name: 'child', model: scriptedModel([{ text: 'Blue.' }]) })
  const outer = flow('outer', async (run) => run.child(child, { prompt: 'Colour?' }))
  await using runtime = await testRuntime({ flows: [outer, child] })
  const run = await runtime.start(outer, undefined)
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Blue.' })
})

test('an agent stops after so many turns, and after a tool', async () => {
  const model = scriptedModel(() => ({
    text: 'Once more.',
    toolCalls: [{ name: 'add', input: { a: 1, b: 1 } }],
  }))
  const byTurns = agent({ name: 'turns', model, tools: [add], stop: { turns: 3 } })
  const byTool = agent({ name: 'tool', model, tools: [add], stop: { tools: ['add'] } })
  await using runtime = await testRuntime({ flows: [byTurns, byTool] })
  expect(await runtime.settled(await runtime.start(byTurns, { prompt: 'Go.' }))).toEqual({
    status: 'completed',
    output: 'Once more.',
  })
  expect(model.requests).toHaveLength(3)
  expect(await runtime.settled(await runtime.start(byTool, { prompt: 'Go.' }))).toMatchObject({
    status: 'completed',
  })
  expect(model.requests).toHaveLength(4)
})

test('a guard on the answer has the model try again, and ends the run when that does not help', async () => {
  const polite = guard({
    name: 'polite',
    at: 'answer',
    check: ({ text }) => (text.includes('please') ? verdict.allow() : verdict.retry('Say please.')),
  })
  const model = scriptedModel([{ text: 'Wait.' }, { text: 'Wait, please.' }])
  const waiter = agent({ name: 'waiter', model, guards: [polite] })
  const rude = agent({
    name: 'rude',
    model: scriptedModel(() => ({ text: 'Wait.' })),
    guards: [polite],
  })
  await using runtime = await testRuntime({ flows: [waiter, rude] })
  expect(await runtime.settled(await runtime.start(waiter, { prompt: 'Go.' }))).toEqual({
    status: 'completed',
    output: 'Wait, please.',
  })
  expect(model.requests[1]?.text).toContain('Say please.')
  expect(await runtime.settled(await runtime.start(rude, { prompt: 'Go.' }))).toMatchObject({
    status: 'failed',
    error: { code: 'GUARD_DENIED' },
  })
})

test('calls that were begun keep their places when a deploy leaves fewer', async () => {
  const model = scriptedModel([
    {
      toolCalls: [
        { id: '1', name: 'ask', input: { what: 'first?' } },
        { id: '2', name: 'ask', input: { what: 'second?' } },
      ],
    },
    { text: 'Done.' },
  ])
  const asker = (concurrency: number) => {
    const ask = askPerson({
      name: 'ask',
      description: 'Asks.',
      input: z.object({ what: z.string() }),
      prompt: ({ what }) => what,
      concurrency,
    })
    return agent({ name: 'asker', model, tools: [ask] })
  }
  const wide = asker(2)
  await using runtime = await testRuntime({ flows: [wide] })
  const run = await runtime.start(wide, { prompt: 'Go.' })
  await runtime.settle()
  await runtime.restart({ flows: [asker(1)] })
  await runtime.answer('second?', 'two')
  await runtime.answer('first?', 'one')
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
})

test('a call that waits for a person or for another run takes the place of no other', async () => {
  const waits = flow('waits', (run) => run.sleep('40d'))
  const inputSchema = { type: 'object' } as const
  const ask = { name: 'ask', description: 'Asks.', inputSchema, prompt: () => 'What?' }
  const calls = ['ask', 'wait', 'add'].map((name) => ({ name, input: { a: 1, b: 2 } }))
  const model = scriptedModel([{ toolCalls: calls }, { text: 'Done.' }])
  const tools = [
    askPerson(ask),
    agentTool(waits, { name: 'wait', description: 'Waits.', inputSchema }),
    add,
  ]
  const worker = agent({ name: 'worker', model, tools, parallel: 1 })
  await using runtime = await testRuntime({ flows: [worker, waits] })
  const run = await runtime.start(worker, { prompt: 'Go.' })
  await runtime.advance('30d')
  const { items } = await conversation(runtime.ever, run.id)
  expect(items.filter(({ is }) => is === 'result')).toMatchObject([{ value: 3 }])
  await runtime.answer('What?', 'Nothing.')
  await runtime.advance('11d')
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'Done.' })
})

test('a guard is asked as part of its own run, whatever has led to that', async () => {
  const places: string[] = []
  const looking = guard({
    name: 'looking',
    at: ['input', 'output'],
    check: () => {
      places.push(current()?.pass.run ?? 'none')
      return verdict.allow()
    },
  })
  const model = scriptedModel(() => ({ text: 'Hello.' }))
  const speaker = agent({ name: 'speaker', model, guards: [looking] })
  const payer = flow('payer', (run) =>
    run.step('pay', { effect: 'once', reconcile: () => done('paid') }, () => {
      throw new Error('Connection reset.')
    }),
  )
  await using runtime = await testRuntime({ flows: [speaker, payer], concurrency: 1 })
  const ids = ['a', 'b', 'c', 'd']
  for (const id of ids) {
    await runtime.ever.start(payer, undefined, { id: `payer-${id}` })
    await runtime.ever.start(speaker, { prompt: 'Go.' }, { id })
  }
  await runtime.advance('5m')
  expect(places.toSorted((a, b) => a.localeCompare(b))).toEqual(ids.flatMap((id) => [id, id]))
})

test('a turn writes what is new in it, each thing once, however many calls came before', async () => {
  const turns = 150
  const words = (turn: number): string => `Words of turn ${turn}, `.padEnd(400, 'and more ')
  const model = scriptedModel(({ turn }) =>
    turn < turns
      ? { text: words(turn), toolCalls: [{ name: 'add', input: { a: turn, b: 1 } }] }
      : { text: 'Done.' },
  )
  const counter = agent({ name: 'counter', model, tools: [add] })
  await using runtime = await testRuntime({ flows: [counter] })
  const run = await runtime.start(counter, { prompt: 'Count.' })
  expect(await runtime.settled(run)).toMatchObject({ output: 'Done.' })
  const entries = await runtime.store.entries(run.id, { after: 0, limit: 10 * turns })
  const units = entries.flatMap(({ kind, payload }) =>
    kind === 'turn.committed' ? [payload?.length ?? 0] : [],
  )
  expect(units).toHaveLength(turns)
  // When the list of calls has become too long, and when the state is kept whole, it is more.
  expect(units.filter((one) => one > 700).length).toBeLessThan(turns / 20)
  const said = entries.map(({ payload }) => payload ?? '').join('')
  expect(said.split('Words of turn 149,')).toHaveLength(2)
  expect(said.split('{"a":149,"b":1}')).toHaveLength(2)
})
