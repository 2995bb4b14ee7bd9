/** A provider on this machine: it answers what a test says, and keeps what it was asked. */
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Asked {
  /** Counted from 0. */
  readonly index: number
  readonly body: Readonly<Record<string, unknown>>
  readonly headers: IncomingHttpHeaders
}

/** A body as JSON, or the data of an event stream; in it a text goes out as it is. */
export interface Told {
  readonly status?: number
  readonly json?: unknown
  readonly events?: readonly unknown[] | AsyncIterable<unknown>
}

/** Serves until it is disposed of. */
export async function served(answer: (asked: Asked) => Told | Promise<Told>) {
  const requests: Asked[] = []
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Uint8Array[] = []
      for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk)
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Asked['body']
      const asked = { index: requests.length, body, headers: request.headers }
      requests.push(asked)
      const { status = 200, json, events } = await answer(asked)
      const type = events ? 'text/event-stream' : 'application/json'
      response.writeHead(status, { 'content-type': type })
      for await (const event of events ?? []) {
        response.write(typeof event === 'string' ? event : `data: ${JSON.stringify(event)}\n\n`)
      }
      response.end(events ? '' : JSON.stringify(json))
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    requests,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** An error in the form of OpenAI's. */
export const refusal = (message: string, status = 400, code: string | null = null): Told => ({
  status,
  json: { error: { message, type: 'invalid_request_error', param: null, code } },
})

interface Said {
  readonly text?: string
  readonly call?: { readonly id: string; readonly name: string }
}

/** An answer of OpenAI's chat completions, streamed. */
export function chatEvents({ text, call }: Said, usage: object | null = {}) {
  const delta = {
    ...(text !== undefined && { content: text }),
    ...(call && {
      tool_calls: [
        { index: 0, id: call.id, type: 'function', function: { name: call.name, arguments: '{}' } },
      ],
    }),
  }
  const chunk = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' }
  const counted = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15, ...usage }
  return {
    events: [
      { ...chunk, choices: [{ index: 0, delta, finish_reason: null }] },
      {
        ...chunk,
        choices: [{ index: 0, delta: {}, finish_reason: call ? 'tool_calls' : 'stop' }],
        ...(usage && { usage: counted }),
      },
      'data: [DONE]\n\n',
    ],
  }
}

/** An answer of Anthropic's, streamed: thinking with this signature before what is said. */
export function anthropicEvents({ text, call }: Said, signature?: string) {
  const blocks = [
    ...(signature === undefined
      ? []
      : [
          {
            content_block: { type: 'thinking', thinking: '', signature: '' },
            delta: { type: 'signature_delta', signature },
          },
        ]),
    call
      ? {
          content_block: { type: 'tool_use', id: call.id, name: call.name, input: {} },
          delta: { type: 'input_json_delta', partial_json: '{}' },
        }
      : {
          content_block: { type: 'text', text: '' },
          delta: { type: 'text_delta', text },
        },
  ]
  const usage = { input_tokens: 10, output_tokens: 5 }
  return {
    events: [
      {
        type: 'message_start',
        message: { id: 'm', type: 'message', role: 'assistant', model: 'c', content: [], usage },
      },
      ...blocks.flatMap(({ content_block, delta }, index) => [
        { type: 'content_block_start', index, content_block },
        { type: 'content_block_delta', index, delta },
        { type: 'content_block_stop', index },
      ]),
      {
        type: 'message_delta',
        delta: { stop_reason: call ? 'tool_use' : 'end_turn', stop_sequence: null },
        usage,
      },
      { type: 'message_stop' },
    ],
  }
}
