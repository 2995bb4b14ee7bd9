/** The responses API of OpenAI. */
import { countOf, createdAt, inputPieces, records, textIn, type Flavour } from './flavour.ts'
import { inWords, type Spoken } from './spoken.ts'
import type { WireEvent } from './wire.ts'

function usageOf(said: Spoken): object | null {
  const { usage } = said
  if (!usage) return null
  const count = countOf(said)
  return {
    input_tokens: count(usage.input),
    input_tokens_details: { cached_tokens: count(usage.cachedInput) },
    output_tokens: count(usage.output),
    output_tokens_details: { reasoning_tokens: count(usage.reasoning) },
    total_tokens: count(usage.input + usage.output),
  }
}

type Event = Readonly<Record<string, unknown>> & { readonly type: string }

/** The parts of the answer in order, each with the events that stream it. */
function itemsOf({ text, reasoning, calls }: Spoken): { item: object; events: Event[] }[] {
  const items: { item: object; events: Event[] }[] = []
  if (reasoning !== '') {
    const id = 'rs_scripted'
    const summary = { type: 'summary_text', text: reasoning }
    items.push({
      item: { type: 'reasoning', id, summary: [summary] },
      events: [
        {
          type: 'response.reasoning_summary_part.added',
          item_id: id,
          summary_index: 0,
          part: { type: 'summary_text', text: '' },
        },
        ...inWords(reasoning).map((delta) => ({
          type: 'response.reasoning_summary_text.delta',
          item_id: id,
          summary_index: 0,
          delta,
        })),
        {
          type: 'response.reasoning_summary_part.done',
          item_id: id,
          summary_index: 0,
          part: summary,
        },
      ],
    })
  }
  if (text !== '' && text !== null) {
    const id = 'msg_scripted'
    const part = { type: 'output_text', text, annotations: [] }
    items.push({
      item: { type: 'message', id, status: 'completed', role: 'assistant', content: [part] },
      events: [
        {
          type: 'response.content_part.added',
          item_id: id,
          content_index: 0,
          part: { ...part, text: '' },
        },
        ...inWords(text).map((delta) => ({
          type: 'response.output_text.delta',
          item_id: id,
          content_index: 0,
          delta,
          logprobs: [],
        })),
        { type: 'response.output_text.done', item_id: id, content_index: 0, text },
        { type: 'response.content_part.done', item_id: id, content_index: 0, part },
      ],
    })
  }
  for (const [at, call] of calls.entries()) {
    const id = `fc_scripted_${at + 1}`
    const { id: call_id, name, input } = call
    items.push({
      item: { type: 'function_call', id, call_id, name, arguments: input, status: 'completed' },
      events: [
        ...inputPieces(input).map((delta) => ({
          type: 'response.function_call_arguments.delta',
          item_id: id,
          delta,
        })),
        { type: 'response.function_call_arguments.done', item_id: id, arguments: input },
      ],
    })
  }
  return items
}

/** How an item stands before it is streamed. */
function begun(item: object): object {
  const { type } = item as { type: string }
  if (type === 'message') return { ...item, status: 'in_progress', content: [] }
  if (type === 'reasoning') return { ...item, summary: [] }
  return { ...item, status: 'in_progress', arguments: '' }
}

const cutShort: Readonly<Record<string, string>> = {
  length: 'max_output_tokens',
  'content-filter': 'content_filter',
}

function responseOf(said: Spoken, model: string): Record<string, unknown> {
  const { finish = 'stop' } = said
  const known = finish === 'stop' || finish === 'tool-calls'
  return {
    id: 'resp_scripted',
    object: 'response',
    created_at: createdAt,
    status: known ? 'completed' : 'incomplete',
    error: null,
    incomplete_details: known ? null : { reason: cutShort[finish] ?? finish },
    model,
    output: itemsOf(said).map(({ item }) => item),
    usage: usageOf(said),
  }
}

const spoke = new Set(['function_call', 'reasoning', 'item_reference'])

const isSpoken = (item: Record<string, unknown> | undefined): boolean =>
  item?.['role'] === 'assistant' || spoke.has(String(item?.['type']))

export const openaiResponses: Flavour = {
  path: '/v1/responses',

  asked({ model, stream, input, tools }) {
    const items = typeof input === 'string' ? [{ role: 'user', content: input }] : records(input)
    return {
      model: String(model),
      stream: stream === true,
      turn: items.filter((item, at) => isSpoken(item) && !isSpoken(items[at - 1])).length,
      text: textIn([items.at(-1) ?? {}]),
      tools: records(tools).map(({ name }) => String(name)),
    }
  },

  json: (said, { model }) => responseOf(said, model),

  events(said, { model }) {
    const response = responseOf(said, model)
    const opening = {
      ...response,
      status: 'in_progress',
      output: [],
      usage: null,
      incomplete_details: null,
    }
    const all: Event[] = [
      { type: 'response.created', response: opening },
      { type: 'response.in_progress', response: opening },
      ...itemsOf(said).flatMap(({ item, events }, output_index) => [
        { type: 'response.output_item.added', output_index, item: begun(item) },
        ...events.map((event) => ({ ...event, output_index })),
        { type: 'response.output_item.done', output_index, item },
      ]),
      ...(said.finish === undefined
        ? []
        : [{ type: `response.${String(response['status'])}`, response }]),
    ]
    return all.map((event, index): WireEvent => ({
      name: event.type,
      data: { ...event, sequence_number: index },
    }))
  },

  error: (message, status) => ({
    error: {
      message,
      type: status === 429 ? 'rate_limit_error' : 'server_error',
      param: null,
      code: null,
    },
  }),

  unknownEvent: {
    name: 'response.telemetry',
    data: { type: 'response.telemetry', heartbeat: 1, sequence_number: 0 },
  },
}
