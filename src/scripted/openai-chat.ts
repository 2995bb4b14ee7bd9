/** The chat completions of OpenAI and of everything that is compatible with it. */
import {
  askedIn,
  countOf,
  createdAt,
  finishIn,
  type Flavour,
  inputPieces,
  records,
} from './flavour.ts'
import { inWords, type Spoken } from './spoken.ts'
import type { WireEvent } from './wire.ts'

const reasons: Readonly<Record<string, string>> = {
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
}

function usageOf(said: Spoken): object {
  const { usage } = said
  if (!usage) return {}
  const count = countOf(said)
  return {
    usage: {
      prompt_tokens: count(usage.input),
      completion_tokens: count(usage.output),
      total_tokens: count(usage.input + usage.output),
      prompt_tokens_details: { cached_tokens: count(usage.cachedInput) },
      completion_tokens_details: { reasoning_tokens: count(usage.reasoning) },
    },
  }
}

const about = (model: string, kind: string): object => ({
  id: 'chatcmpl-scripted',
  object: kind,
  created: createdAt,
  model,
})

export const openaiChat: Flavour = {
  path: '/v1/chat/completions',

  asked: (body) => ({
    ...askedIn(body),
    tools: records(body['tools']).map((tool) =>
      String((tool['function'] as { name?: unknown })?.name),
    ),
  }),

  json(said, { model }) {
    const { text, reasoning, calls } = said
    const message = {
      role: 'assistant',
      content: text === '' && calls.length > 0 ? null : text,
      ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
      ...(calls.length === 0
        ? {}
        : {
            tool_calls: calls.map(({ id, name, input }) => ({
              id,
              type: 'function',
              function: { name, arguments: input },
            })),
          }),
    }
    return {
      ...about(model, 'chat.completion'),
      choices: [{ index: 0, message, finish_reason: finishIn(reasons, said) }],
      ...usageOf(said),
    }
  },

  events(said, { model }) {
    const chunk = (delta: object, finish: string | null = null): WireEvent => ({
      data: {
        ...about(model, 'chat.completion.chunk'),
        choices: [{ index: 0, delta, finish_reason: finish }],
      },
    })
    const { text, reasoning, calls } = said
    return [
      chunk({ role: 'assistant', content: text === null ? null : '' }),
      ...inWords(reasoning).map((word) => chunk({ reasoning_content: word })),
      ...inWords(text ?? '').map((word) => chunk({ content: word })),
      ...calls.flatMap(({ id, name, input }, index) => {
        const call = (fields: object): WireEvent => chunk({ tool_calls: [{ index, ...fields }] })
        return [
          call({ id, type: 'function', function: { name, arguments: '' } }),
          ...inputPieces(input).map((piece) => call({ function: { arguments: piece } })),
        ]
      }),
      chunk({}, finishIn(reasons, said)),
      ...(said.usage
        ? [{ data: { ...about(model, 'chat.completion.chunk'), choices: [], ...usageOf(said) } }]
        : []),
      { data: '[DONE]' },
    ]
  },

  error: (message, status) => ({
    error: { message, type: status === 429 ? 'rate_limit_error' : 'server_error', code: null },
  }),

  unknownEvent: { data: { object: 'chat.completion.telemetry', heartbeat: 1 } },
}
