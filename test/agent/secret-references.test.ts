/** References to secrets in an agent's settings: the provider gets the values, and nobody else does. */
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { expect, test } from 'vitest'
import { agent, judgeGuard, open, secret } from 'everloop'
import { scriptedServer, type ScriptedServer } from 'everloop/testing'
import { filesWith, leaksIn } from './secret-forms.ts'
import { look } from './look.ts'
import { testFolder } from '../test-folder.ts'

const key = 'gw-C4nary-0123456789'
const user = 'somebody-of-whom-nobody-knows'

/** A gateway in front of the server: it keeps the headers that it was sent, and passes on the rest. */
async function gateway(server: ScriptedServer) {
  const seen: IncomingHttpHeaders[] = []
  const gate = createServer((request, response) => {
    seen.push(request.headers)
    void (async () => {
      const chunks: Uint8Array[] = []
      for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk)
      const path = (request.url ?? '').replace(/^\/v1/, '')
      const answer = await fetch(`${server.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: Buffer.concat(chunks),
      })
      const type = answer.headers.get('content-type') ?? ''
      response.writeHead(answer.status, { 'content-type': type })
      response.end(await answer.text())
    })()
  })
  await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve))
  return {
    seen,
    url: `http://127.0.0.1:${(gate.address() as AddressInfo).port}/v1`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        gate.close(() => resolve())
        gate.closeAllConnections()
      }),
  }
}

const asker = (baseURL: string) =>
  agent({
    name: 'asker',
    model: createOpenAICompatible({ baseURL, name: 'compatible' })('scripted'),
    retry: { attempts: 2, delay: 1 },
    settings: {
      headers: { 'x-gateway-key': secret('GATEWAY_KEY') },
      providerOptions: { compatible: { user: secret('USER'), custom: { secret: 'USER' } } },
    },
  })

test('the provider gets the values of secrets, and the ledger does not', async () => {
  const folder = testFolder()
  await using server = await scriptedServer({
    script: [{ error: `Busy, ${key}`, status: 503 }, { text: `I was sent ${key} of ${user}.` }],
  })
  await using gate = await gateway(server)
  const flow = asker(gate.url)
  {
    await using ever = await open({
      store: `sqlite:${join(folder, 'ledger.db')}`,
      flows: [flow],
      secrets: { GATEWAY_KEY: () => Promise.resolve(key), USER: () => user },
      work: {},
    })
    const run = await ever.start(flow, { prompt: 'Who am I?' })
    expect(await run.result()).toBe('I was sent [secret GATEWAY_KEY] of [secret USER].')
    expect(gate.seen.map((headers) => headers['x-gateway-key'])).toEqual([key, key])
    // Data that only looks like a reference is none.
    const bodies = server.requests.map(({ body }) => body)
    expect(bodies).toMatchObject([{ user }, { user, custom: { secret: 'USER' } }])
    let ledger = ''
    for await (const entry of run.events({ from: 0 })) ledger += JSON.stringify(entry)
    expect(leaksIn(ledger, [key, user])).toEqual([])
    expect(ledger).toContain('Busy, [secret GATEWAY_KEY]')
  }
  expect(filesWith(folder, [key, user])).toEqual([])
})

test('a worker without the secret asks nobody', async () => {
  await using server = await scriptedServer({ script: [{ text: 'Hello.' }] })
  const flow = asker(server.url)
  await using ever = await open({ store: 'memory:', flows: [flow], work: {} })
  const run = await ever.start(flow, { prompt: 'Who am I?' })
  expect(await run.settled()).toMatchObject({
    status: 'failed',
    error: { message: expect.stringContaining('no secret "GATEWAY_KEY"') as string },
  })
  expect(server.requests).toEqual([])
})

test('summaries and judges reach the gateway as the agent does', async () => {
  await using server = await scriptedServer({
    script: [
      { toolCalls: [{ name: 'look', input: {} }] },
      { toolCalls: [{ name: 'look', input: {} }] },
      { text: 'A summary.' },
      { text: 'Done.' },
      { text: '{"answer":"no","reason":""}' },
    ],
  })
  await using gate = await gateway(server)
  const model = createOpenAICompatible({ baseURL: gate.url, name: 'compatible' })('scripted')
  const flow = agent({
    name: 'looker',
    model,
    tools: [look],
    compaction: { above: 1, keep: 2 },
    guards: [
      judgeGuard({
        at: 'output',
        question: 'Is it rude?',
        model,
        settings: { headers: { 'x-gateway-key': secret('JUDGE_KEY') }, temperature: 0 },
      }),
    ],
    settings: {
      headers: { 'x-gateway-key': secret('GATEWAY_KEY') },
      providerOptions: { compatible: { user: secret('USER') } },
      maxOutputTokens: 77,
    },
  })
  await using ever = await open({
    store: 'memory:',
    flows: [flow],
    secrets: { GATEWAY_KEY: key, USER: user, JUDGE_KEY: 'judge-C4nary-987' },
    work: {},
  })
  const run = await ever.start(flow, { prompt: 'Look.' })
  expect(await run.result()).toBe('Done.')
  expect(gate.seen.map((headers) => headers['x-gateway-key'])).toEqual([
    key,
    key,
    key,
    key,
    'judge-C4nary-987',
  ])
  // How the agent's own answers are to be is not how a summary or a verdict is to be.
  const bodies = server.requests.map(({ body }) => body as { max_tokens?: number; user?: string })
  expect(bodies.map(({ max_tokens: most }) => most)).toEqual([77, 77, undefined, 77, undefined])
  expect(bodies.map((body) => body.user)).toEqual([user, user, user, user, undefined])
})
