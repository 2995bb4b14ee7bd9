/**
 * A provider that refuses what the real ones refuse in a conversation: the scripted server behind a gate
 * that looks at each request first. The rules and their words are those of Anthropic and OpenAI.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { scriptedServer, type Script } from 'everloop/testing'
import type { LanguageModel } from '../../src/agent/model/port.ts'

/** A block of Anthropic's, or a message of OpenAI's, as it came over the wire. */
export type Json = Readonly<Record<string, unknown>>

const apiKey = 'sk-test-0123456789abcdef'

export interface StrictProvider extends AsyncDisposable {
  readonly model: LanguageModel
  /** The bodies of all requests, those that were refused among them. */
  readonly bodies: readonly Json[]
  /** What was refused, and why. */
  readonly refused: readonly string[]
}

/** Claude, with the tools' ids, names, texts and thinking looked at. `reasoned`: what it has thought. */
export const strictAnthropic = (
  script: Script,
  { reasoned }: { readonly reasoned?: string } = {},
): Promise<StrictProvider> =>
  strict(
    script,
    (body) => anthropicComplaint(body, reasoned),
    (baseURL) => createAnthropic({ baseURL, apiKey })('claude-sonnet-4-5'),
  )

/** The chat completions of OpenAI. */
export const strictChat = (script: Script): Promise<StrictProvider> =>
  strict(script, chatComplaint, (baseURL) => createOpenAI({ baseURL, apiKey }).chat('gpt-scripted'))

/** An endpoint that looks at nothing, unless it is told how. */
export const compatible = (
  script: Script,
  complaint: Complaint = () => undefined,
): Promise<StrictProvider> =>
  strict(script, complaint, (baseURL) =>
    createOpenAICompatible({ baseURL, name: 'compatible', apiKey })('scripted'),
  )

type Complaint = (body: Json) => string | undefined

async function strict(
  script: Script,
  complaint: Complaint,
  model: (baseURL: string) => LanguageModel,
): Promise<StrictProvider> {
  const server = await scriptedServer({ script })
  const bodies: Json[] = []
  const refused: string[] = []
  const gate = createServer((request, response) => {
    void (async () => {
      let text = ''
      for await (const chunk of request) text += String(chunk)
      const body = JSON.parse(text) as Json
      bodies.push(body)
      const message = complaint(body)
      if (message !== undefined) {
        refused.push(message)
        response.writeHead(400, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ error: { type: 'invalid_request_error', message } }))
        return
      }
      const path = (request.url ?? '').replace(/^\/v1/, '')
      const answer = await fetch(server.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: text,
      })
      response.writeHead(answer.status, {
        'content-type': answer.headers.get('content-type') ?? '',
      })
      response.end(await answer.text())
    })()
  })
  await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve))
  return {
    model: model(`http://127.0.0.1:${(gate.address() as AddressInfo).port}/v1`),
    bodies,
    refused,
    [Symbol.asyncDispose]: async () => {
      await server.close()
      gate.closeAllConnections()
      await new Promise<void>((resolve) => gate.close(() => resolve()))
    },
  }
}

const listOf = (value: unknown): readonly Json[] => (Array.isArray(value) ? (value as Json[]) : [])

/** The messages of a request, the oldest first. */
export const messagesOf = (body: Json | undefined): readonly Json[] => listOf(body?.['messages'])

/** Those that the model has said. */
export const spoken = (body: Json | undefined): readonly Json[] =>
  messagesOf(body).filter(({ role }) => role === 'assistant')

/** The blocks of Anthropic's, of the last message that the model has said. */
export const blocks = (body: Json | undefined): readonly Json[] =>
  listOf(spoken(body).at(-1)?.['content'])

function anthropicComplaint(body: Json, reasoned: string | undefined): string | undefined {
  if (listOf(body['system']).some(({ text }) => String(text).trim() === ''))
    return 'system: text content blocks must contain non-whitespace text'
  const ids = new Set<unknown>()
  const isThinking = (body['thinking'] as Json | undefined)?.['type'] === 'enabled'
  const asked = messagesOf(body).findLastIndex(
    ({ role, content }) =>
      role === 'user' && listOf(content).every(({ type }) => type !== 'tool_result'),
  )
  const first = listOf(messagesOf(body)[asked + 1]?.['content'])[0]
  if (isThinking && first && first['type'] !== 'thinking')
    return `Expected \`thinking\` or \`redacted_thinking\`, but found \`${String(first['type'])}\`.`
  for (const [at, { role, content }] of listOf(body['messages']).entries()) {
    const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : listOf(content)
    if (parts.length === 0) return `messages.${at}: all messages must have non-empty content`
    for (const { type, text, id, name, thinking } of parts as readonly Json[]) {
      if (type === 'text' && String(text).trim() === '')
        return 'messages: text content blocks must contain non-whitespace text'
      if (type === 'thinking' && thinking !== reasoned)
        return '`thinking` blocks in the latest assistant message cannot be modified'
      if (type !== 'tool_use') continue
      if (!/^[a-zA-Z0-9_-]+$/.test(String(id)))
        return "tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
      if (!/^[a-zA-Z0-9_-]{1,128}$/.test(String(name)))
        return "tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"
      if (ids.has(id)) return 'messages: `tool_use` ids must be unique'
      ids.add(id)
    }
    if (role === 'assistant' && parts.at(-1)?.['type'] === 'thinking')
      return 'The final block in an assistant message cannot be `thinking`.'
    const results = parts.filter(({ type }) => type === 'tool_result')
    if (results.some((one) => !ids.has((one as Json)['tool_use_id'])))
      return 'unexpected `tool_use_id` found in `tool_result` blocks'
  }
  return undefined
}

function chatComplaint(body: Json): string | undefined {
  const ids = new Set<unknown>()
  for (const message of listOf(body['messages'])) {
    for (const { id, function: called } of listOf(message['tool_calls'])) {
      if (!/^[a-zA-Z0-9_-]+$/.test(String((called as Json)['name'])))
        return "function.name: string does not match pattern '^[a-zA-Z0-9_-]+$'"
      if (String(id).length > 40) return 'tool_calls.id: string too long, maximum length 40'
      ids.add(id)
    }
    if (message['role'] === 'tool' && !ids.has(message['tool_call_id']))
      return "messages with role 'tool' must be a response to a preceding message with 'tool_calls'"
  }
  return undefined
}
