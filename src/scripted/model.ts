/**
 * A model object that answers from a script: deterministic, without a network, streaming word by word.
 * It gets wrong what a model object can get wrong; how bytes travel is the server's.
 */
import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4Content,
  LanguageModelV4FinishReason,
  LanguageModelV4GenerateResult,
  LanguageModelV4Prompt,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from '@ai-sdk/provider'
import { type Duration, parseDuration } from '../base/duration.ts'
import type { Ports } from '../base/ports.ts'
import { systemPorts } from '../base/system.ts'
import {
  answerTo,
  checkScript,
  placeOf,
  type Script,
  type ScriptedRequest,
  type ScriptOptions,
} from './script.ts'
import { inWords, spoken, type Spoken } from './spoken.ts'

/** How a scripted model reads its script, and how fast it speaks. */
export interface ScriptedModelOptions extends ScriptOptions {
  /** The model's id. Default "model"; its provider is "scripted". */
  readonly name?: string
  /**
   * So much time passes before each word of a stream: in a test runtime virtual time, elsewhere real
   * time. Default: none, and all words come at once.
   */
  readonly pace?: Duration
}

/** A scripted model, and what it was asked. */
export interface ScriptedModel extends LanguageModelV4 {
  readonly requests: readonly ScriptedRequest[]
}

/**
 * A model that answers from a script, on the ports that there are when it is to take its time. Throws
 * BAD_OPTION for one that has answers of no known form.
 */
export function scriptedModel(
  script: Script,
  options: ScriptedModelOptions = {},
  ports: () => Ports = () => systemPorts,
): ScriptedModel {
  checkScript('scriptedModel', script, options, ['name', 'pace'])
  const paceMs = options.pace === undefined ? 0 : parseDuration(options.pace)
  const pause = (): Promise<void> =>
    new Promise((resolve) => void ports().setTimer(paceMs, resolve))
  const requests: ScriptedRequest[] = []
  const answer = async (call: LanguageModelV4CallOptions, stream: boolean): Promise<Spoken> => {
    const request = requestOf(call, requests.length, stream)
    requests.push(request)
    const said = await answerTo(script, request, options)
    if ('hang' in said) return hang(call.abortSignal)
    if ('error' in said) throw new ScriptedFailure(said.error, said.status, said.headers)
    return spoken(said, JSON.stringify(call.prompt), placeOf(request, options.by))
  }
  return {
    specificationVersion: 'v4',
    provider: 'scripted',
    modelId: options.name ?? 'model',
    supportedUrls: {},
    requests,
    doGenerate: async (call) => resultOf(await answer(call, false)),
    doStream: async (call) => {
      const parts = partsOf(resultOf(await answer(call, true)))
      return { stream: ReadableStream.from(paceMs > 0 ? paced(parts, pause) : parts) }
    },
  }
}

/** What a provider throws for an HTTP error, as far as anybody looks at it. */
class ScriptedFailure extends Error {
  readonly statusCode: number | undefined
  readonly responseHeaders: Readonly<Record<string, string>> | undefined
  readonly isRetryable: boolean

  constructor(message: string, status?: number, headers?: Readonly<Record<string, string>>) {
    super(message)
    this.statusCode = status
    this.responseHeaders = headers
    this.isRetryable = status === undefined || status === 429 || status >= 500
  }
}

function requestOf(
  { prompt, tools = [], ...rest }: LanguageModelV4CallOptions,
  index: number,
  stream: boolean,
): ScriptedRequest {
  return {
    index,
    turn: prompt.filter(({ role }) => role === 'assistant').length,
    stream,
    text: lastText(prompt),
    tools: tools.map(({ name }) => name),
    body: { prompt, tools, ...rest },
  }
}

function lastText(prompt: LanguageModelV4Prompt): string {
  const content = prompt.at(-1)?.content ?? ''
  if (typeof content === 'string') return content
  return content
    .map((part) => {
      if (part.type === 'text') return part.text
      if (part.type !== 'tool-result') return ''
      const { output } = part
      return 'value' in output && typeof output.value === 'string'
        ? output.value
        : JSON.stringify(output)
    })
    .join('')
}

function hang(signal: AbortSignal | undefined): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  return promise
}

const reasons: readonly unknown[] = ['stop', 'length', 'tool-calls', 'content-filter', 'error']

function resultOf(said: Spoken): LanguageModelV4GenerateResult {
  const { text, reasoning, calls, finish } = said
  const content: LanguageModelV4Content[] = [
    ...(reasoning === '' ? [] : [{ type: 'reasoning' as const, text: reasoning }]),
    ...(text === null || text === '' ? [] : [{ type: 'text' as const, text }]),
    // What a script leaves out is what a model may leave out, whatever the types say.
    ...calls.map(({ id, name, input }) => ({
      type: 'tool-call' as const,
      toolCallId: id as string,
      toolName: name as string,
      input,
    })),
  ]
  const unified = reasons.includes(finish) ? finish : 'other'
  return {
    content,
    finishReason: { unified, raw: finish } as LanguageModelV4FinishReason,
    usage: usageOf(said),
    warnings: [],
    response: { id: 'scripted' },
  }
}

function usageOf({ usage, countsAs }: Spoken): LanguageModelV4Usage {
  const { input, output, cachedInput = 0, cacheWrite = 0, reasoning = 0 } = usage ?? {}
  const count = (tokens: number | undefined): number | undefined =>
    usage === undefined ? undefined : ((countsAs as number | undefined) ?? tokens)
  return {
    inputTokens: {
      total: count(input),
      noCache: count((input ?? 0) - cachedInput - cacheWrite),
      cacheRead: count(cachedInput),
      cacheWrite: count(cacheWrite),
    },
    outputTokens: {
      total: count(output),
      text: count((output ?? 0) - reasoning),
      reasoning: count(reasoning),
    },
  }
}

function partsOf(result: LanguageModelV4GenerateResult): LanguageModelV4StreamPart[] {
  const { content, finishReason, usage, response } = result
  return [
    { type: 'stream-start', warnings: [] },
    { type: 'response-metadata', ...response },
    ...content.flatMap((part, index) => wordsOf(part, String(index))),
    { type: 'finish', finishReason, usage },
  ]
}

async function* paced(
  parts: readonly LanguageModelV4StreamPart[],
  pause: () => Promise<void>,
): AsyncGenerator<LanguageModelV4StreamPart> {
  for (const part of parts) {
    if ('delta' in part) await pause()
    yield part
  }
}

function wordsOf(part: LanguageModelV4Content, id: string): LanguageModelV4StreamPart[] {
  if (part.type === 'text' || part.type === 'reasoning') {
    const { type, text } = part
    const deltas = inWords(text).map((delta) => ({ type: `${type}-delta` as const, id, delta }))
    return [{ type: `${type}-start`, id }, ...deltas, { type: `${type}-end`, id }]
  }
  return [part]
}
