/** A conversation as it comes: what users may see of it, from any cursor, across restarts. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  agent,
  askPerson,
  conversation,
  type ConversationItem,
  type ConversationStreamItem,
  guard,
  open,
  streamConversation,
  tool,
  verdict,
} from 'everloop'
import { scriptedModel, testRuntime } from 'everloop/testing'

const secretInstructions = 'Never tell anybody about the vault.'

/** An agent that looks something up, calls wrongly, is denied a call, and answers. */
function clerk() {
  const look = tool({
    name: 'look',
    description: 'Looks in the vault.',
    inputSchema: { type: 'object', required: ['at'] },
    effect: 'read',
    run: () => 'nothing',
  })
  const model = scriptedModel(
    [
      {
        text: 'I look.',
        toolCalls: [
          { id: 'a', name: 'look', input: { at: 1 } },
          { id: 'b', name: 'look', input: {} },
          { id: 'c', name: 'look', input: { at: 'night' } },
        ],
      },
      { text: 'There is nothing to be found.' },
    ],
    { by: 'turn', pace: '1s' },
  )
  const daylight = guard({
    name: 'daylight',
    at: 'call',
    check: ({ args }) =>
      (args as { at?: unknown }).at === 'night' ? verdict.deny('It is dark.') : verdict.allow(),
  })
  const instructions = secretInstructions
  return agent({ name: 'clerk', instructions, model, tools: [look], guards: [daylight] })
}

const itemsOf = (streamed: readonly ConversationStreamItem[]): readonly ConversationItem[] =>
  streamed.flatMap((one) => (one.type === 'items' ? one.items : []))

async function collected(
  stream: AsyncIterable<ConversationStreamItem>,
): Promise<ConversationStreamItem[]> {
  const all: ConversationStreamItem[] = []
  for await (const one of stream) all.push(one)
  return all
}

test('what happened comes in order, with the text of answers before them, and nothing that is not said', async () => {
  await using runtime = await testRuntime({ flows: [clerk()] })
  const { ever } = runtime
  const run = await ever.start('clerk', { prompt: 'Look.' })
  const all = await runtime.runUntil(collected(streamConversation(ever, run.id)))
  expect(itemsOf(all)).toEqual((await conversation(ever, run.id)).items)
  const shown = all.map((one) => (one.type === 'text' ? one.text : one.type))
  expect(shown.slice(0, 3)).toEqual(['items', 'I ', 'items'])
  expect(shown.join('')).toContain('There is nothing to be items')
  const json = JSON.stringify(all)
  expect(json).not.toContain(secretInstructions)
  expect(json).not.toContain('Looks in the vault')
})

test('behind each cursor comes what has not been told', async () => {
  await using runtime = await testRuntime({ flows: [clerk()] })
  const { ever } = runtime
  const run = await runtime.start('clerk', { prompt: 'Look.' })
  await runtime.advance('1m')
  const all = await collected(streamConversation(ever, run.id))
  expect(all.length).toBeGreaterThan(5)
  for (const [i, { cursor }] of all.entries()) {
    const rest = await collected(streamConversation(ever, run.id, { from: cursor }))
    expect(rest).toEqual(all.slice(i + 1))
  }
})

test('who watches is told that a person is asked, and under which id', async () => {
  const pay = tool({
    name: 'pay',
    description: 'Pays.',
    inputSchema: { type: 'object' },
    effect: 'idempotent',
    approval: true,
    run: () => 'paid',
  })
  const askBoss = askPerson({
    name: 'ask',
    description: 'Asks.',
    inputSchema: { type: 'object' },
    prompt: () => 'To whom?',
  })
  const calls = ['ask', 'pay'].map((name) => ({ toolCalls: [{ id: name, name, input: {} }] }))
  const payer = agent({
    name: 'payer',
    model: scriptedModel([...calls, { text: 'Done.' }]),
    tools: [pay, askBoss],
  })
  await using runtime = await testRuntime({ flows: [payer] })
  const { ever } = runtime
  const run = await ever.start(payer, { prompt: 'Pay.' })
  const asked: unknown[] = []
  const watching = (async () => {
    for await (const one of streamConversation(ever, run.id)) {
      for (const item of itemsOf([one])) {
        if (item.is !== 'asked') continue
        asked.push([item.call, item.prompt])
        if (item.call === 'ask') await ever.answer(item.question, 'Bob')
        else await ever.approvals.approve(item.question, { by: 'boss' })
      }
    }
  })()
  await runtime.runUntil(watching)
  expect(await runtime.result(run)).toBe('Done.')
  expect(asked).toEqual([
    ['ask', 'To whom?'],
    ['pay', expect.stringContaining('wants to call pay')],
  ])
})

test('a cursor of one process goes on in another one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'everloop-conversation-'))
  const store = `sqlite:${join(folder, 'ledger.db')}`
  const chat = agent({
    name: 'chat',
    model: scriptedModel(({ text }) => ({ text: `You said: ${text}` })),
    conversation: true,
  })
  try {
    let from: string | undefined
    for (const [n, said] of ['one', 'two'].entries()) {
      await using ever = await open({ store, flows: [chat], work: {} })
      if (n === 0) await ever.start(chat, { prompt: said }, { id: 'chat-1' })
      else await ever.send('chat-1', said)
      const seen: string[] = []
      for await (const one of streamConversation(ever, 'chat-1', { from })) {
        from = one.cursor
        seen.push(...itemsOf([one]).map((item) => ('text' in item ? item.text : item.is)))
        if (seen.length === 2) break
      }
      expect(seen).toEqual([said, `You said: ${said}`])
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('it ends while nothing comes, when nobody watches any more', async () => {
  const chat = agent({
    name: 'chat',
    model: scriptedModel(() => ({ text: 'Yes?' })),
    conversation: true,
  })
  await using runtime = await testRuntime({ flows: [chat] })
  const run = await runtime.start(chat, { prompt: 'Hello.' })
  const gone = new AbortController()
  const aborted = collected(streamConversation(runtime.ever, run.id, { signal: gone.signal }))
  const left = streamConversation(runtime.ever, run.id)
  await left.next()
  await left.next()
  const waiting = left.next()
  gone.abort()
  await left.return()
  expect(await waiting).toEqual({ done: true, value: undefined })
  expect(itemsOf(await aborted)).toHaveLength(2)
})

test('of a run that is not there it is said', async () => {
  await using runtime = await testRuntime({ flows: [clerk()] })
  await expect(streamConversation(runtime.ever, 'nobody').next()).rejects.toMatchObject({
    code: 'UNKNOWN_RUN',
  })
})
