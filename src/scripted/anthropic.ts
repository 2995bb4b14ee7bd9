/** The messages API of Anthropic. */
import {
  type Asked,
  askedIn,
  countOf,
  finishIn,
  type Flavour,
  inputPieces,
  records,
} from './flavour.ts'
import { inWords, type Spoken } from './spoken.ts'
import type { WireEvent } from './wire.ts'

const reasons: Readonly<Record<string, string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'refusal',
}

/** Here cached tokens are counted beside the input. */
function usageOf(said: Spoken): Record<string, unknown> | undefined {
  const { usage } = said
  if (!usage) return undefined
  const { input, output, cachedInput = 0, cacheWrite = 0 } = usage
  const count = countOf(said)
  return {
    input_tokens: count(input - cachedInput - cacheWrite),
    cache_creation_input_tokens: count(cacheWrite),
    cache_read_input_tokens: count(cachedInput),
    output_tokens: count(output),
  }
}

type Block = Readonly<Record<string, unknown>> & { readonly type: string }

/** The input of a call as data, or as the text that it is when it is no JSON. */
function inputOf(input: string): unknown {
  try {
    return JSON.parse(input) as unknown
  } catch {
    return input
  }
}

/** The blocks in order, each with the deltas that stream it. */
function blocksOf(said: Spoken, { tools }: Asked): { block: Block; deltas: object[] }[] {
  const { text, reasoning } = said
  // Asked for structured output, the provider's package offers a tool in whose input it is to stand.
  const asTool = said.isObject && tools.includes('json') && said.calls.length === 0
  const calls = asTool ? [{ id: 'toolu_json', name: 'json', input: text ?? '' }] : said.calls
  return [
    ...(reasoning === ''
      ? []
      : [
          {
            block: { type: 'thinking', thinking: reasoning, signature: 'c2NyaXB0ZWQ=' },
            deltas: [
              ...inWords(reasoning).map((thinking) => ({ type: 'thinking_delta', thinking })),
              { type: 'signature_delta', signature: 'c2NyaXB0ZWQ=' },
            ],
          },
        ]),
    ...(text === '' || asTool
      ? []
      : [
          {
            block: { type: 'text', text },
            deltas: inWords(text ?? '').map((word) => ({ type: 'text_delta', text: word })),
          },
        ]),
    ...calls.map(({ id, name, input }) => ({
      block: { type: 'tool_use', id, name, input: inputOf(input) },
      deltas: inputPieces(input).map((piece) => ({
        type: 'input_json_delta',
        partial_json: piece,
      })),
    })),
  ]
}

/** How a block stands before it is streamed. */
function begun(block: Block): Block {
  if (block.type === 'text') return { ...block, text: '' }
  if (block.type === 'thinking') return { ...block, thinking: '', signature: '' }
  return { ...block, input: {} }
}

const messageOf = (said: Spoken, asked: Asked): Record<string, unknown> => ({
  id: 'msg_scripted',
  type: 'message',
  role: 'assistant',
  model: asked.model,
  content: blocksOf(said, asked).map(({ block }) => block),
  stop_reason: said.isObject && asked.tools.includes('json') ? 'tool_use' : finishIn(reasons, said),
  stop_sequence: null,
  usage: usageOf(said),
})

export const anthropic: Flavour = {
  path: '/v1/messages',

  asked: (body) => ({
    ...askedIn(body),
    tools: records(body['tools']).map(({ name }) => String(name)),
  }),

  json: messageOf,

  events(said, asked) {
    const message = messageOf(said, asked)
    const usage = usageOf(said)
    const all = [
      {
        type: 'message_start',
        message: {
          ...message,
          content: [],
          stop_reason: null,
          ...(usage ? { usage: { ...usage, output_tokens: 1 } } : {}),
        },
      },
      { type: 'ping' },
      ...blocksOf(said, asked).flatMap(({ block, deltas }, index) => [
        { type: 'content_block_start', index, content_block: begun(block) },
        ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
        { type: 'content_block_stop', index },
      ]),
      {
        type: 'message_delta',
        delta: { stop_reason: message['stop_reason'], stop_sequence: null },
        ...(usage ? { usage: { output_tokens: usage['output_tokens'] } } : {}),
      },
      { type: 'message_stop' },
    ]
    return all.map((event): WireEvent => ({ name: event.type, data: event }))
  },

  error: (message, status) => ({
    type: 'error',
    error: {
      type: status === 429 ? 'rate_limit_error' : status === 529 ? 'overloaded_error' : 'api_error',
      message,
    },
  }),

  unknownEvent: { name: 'telemetry', data: { type: 'telemetry', heartbeat: 1 } },
}
