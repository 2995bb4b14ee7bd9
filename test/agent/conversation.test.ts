/** A conversation as people read it: whatever was said in it, and of whatever run. */
import { expect, test } from 'vitest'
import {
  agent,
  agentTool,
  askPerson,
  conversation,
  type Ever,
  flow,
  guard,
  tool,
  verdict,
} from 'everloop'
import { scriptedModel, testRuntime } from 'everloop/testing'

const inputSchema = { type: 'object' } as const

const textsOf = async (ever: Ever, run: string): Promise<readonly string[]> =>
  (await conversation(ever, run)).items.map((item) => ('text' in item ? item.text : item.is))

test.each([
  ['text of many bytes', '漢'.repeat(45_000)],
  ['text of many characters', 'x'.repeat(300_000)],
])('an answer with a %s is shown whole, and so is a message', async (_, text) => {
  const chat = agent({ name: 'chat', model: scriptedModel(() => ({ text })), conversation: true })
  await using runtime = await testRuntime({ flows: [chat] })
  const run = await runtime.start(chat, { prompt: 'Go.' })
  await runtime.settled(run)
  await runtime.ever.send(run.id, `${text}!`)
  await runtime.settled(run)
  expect(await textsOf(runtime.ever, run.id)).toEqual(['Go.', text, `${text}!`, text])
})

test('what calls came to is shown, however long it is', async () => {
  const text = 'word '.repeat(60_000)
  const told = { description: 'Tells.', inputSchema }
  const read = tool({ name: 'read', ...told, effect: 'read', run: () => text })
  const ask = askPerson({ name: 'ask', ...told, prompt: () => 'What?' })
  const research = flow('research', () => Promise.resolve(text))
  const toolCalls = ['read', 'ask', 'study'].map((name) => ({ id: name, name, input: {} }))
  const reader = agent({
    name: 'reader',
    model: scriptedModel([{ toolCalls }, { text: 'Done.' }]),
    tools: [read, ask, agentTool(research, { name: 'study', ...told })],
  })
  await using runtime = await testRuntime({ flows: [reader, research] })
  const run = await runtime.start(reader, { prompt: 'Go.' })
  await runtime.answer('What?', text)
  await runtime.settled(run)
  const { items } = await conversation(runtime.ever, run.id)
  const results = items.filter((item) => item.is === 'result')
  expect(new Set(results.map(({ call }) => call))).toEqual(new Set(['read', 'ask', 'study']))
  for (const { value } of results) expect(value).toBe(text)
})

test('a guard that asks about a call is told of once, and not again behind the approval', async () => {
  const send = tool({
    name: 'send',
    description: 'Sends.',
    inputSchema,
    effect: 'read',
    run: () => 'sent',
  })
  const careful = guard({ name: 'careful', at: 'call', check: () => verdict.ask('Really?') })
  const sender = agent({
    name: 'sender',
    model: scriptedModel([{ toolCalls: [{ name: 'send', input: {} }] }, { text: 'Done.' }]),
    tools: [send],
    guards: [careful],
  })
  await using runtime = await testRuntime({ flows: [sender] })
  const run = await runtime.start(sender, { prompt: 'Send.' })
  const [approval] = await runtime.ever.approvals.list()
  await runtime.ever.approvals.approve(approval?.id ?? '')
  expect(await runtime.result(run)).toBe('Done.')
  const { items } = await conversation(runtime.ever, run.id)
  expect(items.map(({ is }) => is)).toEqual([
    'user',
    'assistant',
    'guard',
    'asked',
    'approval',
    'result',
    'assistant',
  ])
})

test('people who are asked again about a call whose tool a deploy has changed are asked about that call', async () => {
  const payer = (description: string) =>
    agent({
      name: 'payer',
      model: scriptedModel(
        [{ toolCalls: [{ id: 'p', name: 'pay', input: {} }] }, { text: 'Not done.' }],
        { by: 'turn' },
      ),
      tools: [
        tool({
          name: 'pay',
          description,
          inputSchema,
          effect: 'idempotent',
          approval: true,
          run: () => 'paid',
        }),
      ],
      budget: { calls: 0 },
    })
  await using runtime = await testRuntime({ flows: [payer('Pays.')] })
  const { ever } = runtime
  const run = await runtime.start('payer', { prompt: 'Pay.' })
  const open = async (): Promise<string> => (await ever.approvals.list())[0]?.id ?? ''
  await ever.approvals.approve(await open())
  await runtime.settle()
  await runtime.restart({ flows: [payer('Pays twice.')] })
  await runtime.settle()
  await ever.answer((await ever.questions())[0]?.id ?? '', { verdict: 'continue' })
  await runtime.settle()
  await ever.approvals.deny(await open())
  expect(await runtime.result(run)).toBe('Not done.')
  const { items } = await conversation(ever, run.id)
  expect(items.flatMap((item) => ('call' in item ? [[item.is, item.call]] : []))).toEqual([
    ['asked', 'p'],
    ['approval', 'p'],
    ['asked', 'p'],
    ['approval', 'p'],
  ])
})

test('a run of a flow that is no agent holds no conversation, whatever its steps are called', async () => {
  const plain = flow('plain', async (run, input: { readonly messages: number }) => {
    await run.step('load', { key: 'model' }, () => 'gpt')
    await run.step('load', { key: 'model ' }, () => input)
    return run.step('again', { key: 'next message' }, () => null)
  })
  await using runtime = await testRuntime({ flows: [plain] })
  const run = await runtime.start(plain, { messages: 3 })
  await runtime.settled(run)
  expect((await conversation(runtime.ever, run.id)).items).toEqual([])
})
