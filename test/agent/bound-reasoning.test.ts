/**
 * Models whose reasoning is signed for all that stood before it: an agent whose instructions, messages or
 * tools have changed since goes on without what it thought before.
 */
import { createAnthropic } from '@ai-sdk/anthropic'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { agent, guard, open, tool, verdict } from 'everloop'
import { scriptedModel } from 'everloop/testing'
import { anthropicEvents, served, type Asked } from './served.ts'
import { look } from './look.ts'
import { testFolder } from '../test-folder.ts'

const apiKey = 'sk-test-0123456789abcdef'

interface Block {
  readonly type: string
  readonly signature?: string
}
interface Body {
  readonly system?: unknown
  readonly tools?: readonly { readonly name: string }[]
  readonly messages: readonly { readonly role: string; readonly content: readonly Block[] }[]
}

/**
 * Anthropic with preserved thinking. A signature stands for instructions, tools and the messages before,
 * and for the thinking in them, of which the oldest may be left out. `calls`: how often it calls a tool.
 */
async function anthropic(calls: number) {
  const signed = new Map<string, { readonly prefix: string; readonly before: string }>()
  const thinkingIn = (messages: Body['messages']): string[] =>
    messages.flatMap(({ content }) => content.flatMap(({ signature }) => signature ?? []))
  const prefixOf = ({ system, tools }: Body, messages: Body['messages']): string => {
    const bare = messages.map(({ role, content }) => [
      role,
      content.filter(({ type }) => type !== 'thinking'),
    ])
    return JSON.stringify([system, tools, bare])
  }
  let answers = 0
  const server = await served(({ body }: Asked) => {
    const request = body as unknown as Body
    for (const [i, { content }] of request.messages.entries()) {
      const earlier = request.messages.slice(0, i)
      for (const [j, { signature }] of content.entries()) {
        if (signature === undefined) continue
        const { prefix, before } = signed.get(signature) ?? { prefix: '', before: '' }
        const isBound =
          prefix === prefixOf(request, earlier) && before.endsWith(thinkingIn(earlier).join())
        if (isBound) continue
        const message = `messages.${i}.content.${j}: Invalid \`signature\` in \`thinking\` block. The block is bound to a different conversation. Remove the block, or set \`thinking.block_binding.prefix_mismatch_behavior\` to "drop_block".`
        return {
          status: 400,
          json: { type: 'error', error: { type: 'invalid_request_error', message } },
        }
      }
    }
    const signature = `sig${++answers}`
    const before = thinkingIn(request.messages).join()
    signed.set(signature, { prefix: prefixOf(request, request.messages), before })
    const call = answers <= calls && {
      id: `toolu_${answers}`,
      name: request.tools?.at(-1)?.name ?? '',
    }
    return anthropicEvents(call ? { call } : { text: 'Done.' }, signature)
  })
  return {
    ...server,
    model: createAnthropic({ baseURL: server.url, apiKey })('claude-opus-5-5'),
    /** The thinking of each request. */
    thinking: () =>
      server.requests.map(({ body }) => thinkingIn((body as unknown as Body).messages).join()),
  }
}

async function outputOf(flow: ReturnType<typeof agent>): Promise<unknown> {
  await using ever = await open({ store: 'memory:', flows: [flow], work: {} })
  return await (await ever.start(flow, { prompt: 'Look.' })).result()
}

test('an agent that changes nothing is asked with all that it thought', async () => {
  await using server = await anthropic(2)
  expect(await outputOf(agent({ name: 'a', model: server.model, tools: [look] }))).toBe('Done.')
  expect(server.thinking()).toEqual(['', 'sig1', 'sig1,sig2'])
})

test('instructions may be others in each turn', async () => {
  await using server = await anthropic(2)
  const flow = agent({
    name: 'a',
    model: server.model,
    tools: [look],
    instructions: ({ turn }) => `This is turn ${turn}.`,
    retry: { attempts: 1 },
  })
  expect(await outputOf(flow)).toBe('Done.')
  // What is refused is known from then on: the next request has only what was thought since.
  expect(server.thinking()).toEqual(['', 'sig1', '', 'sig2', ''])
})

test('a deploy may change tools and instructions: what is thought from then on is kept', async () => {
  await using server = await anthropic(3)
  const store = `sqlite:${join(testFolder(), 'ledger.db')}`
  const make = (instructions: string, description: string) =>
    agent({
      name: 'a',
      model: server.model,
      instructions,
      tools: [
        tool({
          name: 'act',
          description,
          inputSchema: { type: 'object' },
          effect: 'read',
          approval: true,
          run: () => 'Done.',
        }),
      ],
    })
  {
    const flow = make('Act, plese.', 'Acts.')
    await using ever = await open({ store, flows: [flow], work: {} })
    await (await ever.start(flow, { prompt: 'Act.' }, { id: 'r' })).settled()
  }
  await using ever = await open({ store, flows: [make('Act, please.', 'Acts.')], work: {} })
  const run = await ever.get('r')
  for (let i = 0; i < 3; i++) {
    const [request] = await ever.approvals.list()
    if (request) await ever.approvals.approve(request.id, { by: 'Ann' })
    await run.settled()
  }
  expect(await run.result()).toBe('Done.')
  expect(server.thinking()).toEqual(['', 'sig1', '', 'sig2', 'sig2,sig3'])
})

test('a conversation that was shortened goes on', async () => {
  await using server = await anthropic(4)
  const flow = agent({
    name: 'a',
    model: server.model,
    tools: [look],
    compaction: { above: 1, keep: 3, model: scriptedModel(() => ({ text: 'A summary.' })) },
  })
  expect(await outputOf(flow)).toBe('Done.')
})

test('guards may change what is sent', async () => {
  await using server = await anthropic(3)
  const flow = agent({
    name: 'a',
    model: server.model,
    tools: [look],
    guards: [
      guard({
        name: 'hush',
        at: ['request'],
        check: ({ messages }) =>
          messages.length === 3
            ? verdict.fix([
                { role: 'user', content: [{ type: 'text', text: '…' }] },
                ...messages.slice(1),
              ])
            : verdict.allow(),
      }),
    ],
  })
  expect(await outputOf(flow)).toBe('Done.')
})
