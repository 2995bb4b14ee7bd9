/**
 * A request in the words of the AI SDK. Prompts are kept in the newest specification and translated
 * for models of older ones, which knew files by their bare data and no denied tool calls.
 */
import type {
  JSONSchema7,
  LanguageModelV4CallOptions,
  LanguageModelV4Message,
  LanguageModelV4Prompt,
} from '@ai-sdk/provider'
import type { ModelRequest } from './answer.ts'
import type { LanguageModel } from './port.ts'
import { providerOptions } from './provider-options.ts'

type Version = LanguageModel['specificationVersion']

/** The options of a call. For models of older specifications they only look like V4's to the compiler. */
export function callOptions(
  request: ModelRequest,
  model: LanguageModel,
  abortSignal: AbortSignal,
): LanguageModelV4CallOptions {
  const { tools, responseFormat } = request
  const { reasoning, ...settings } = request.settings ?? {}
  const version = model.specificationVersion
  const options = providerOptions(model, settings.providerOptions)
  return {
    ...settings,
    ...(options === undefined ? {} : { providerOptions: options }),
    ...(reasoning === undefined || version !== 'v4' ? {} : { reasoning }),
    prompt: version === 'v4' ? request.prompt : olderPrompt(request.prompt, version),
    ...(tools === undefined || tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, description, inputSchema }) => ({
            type: 'function' as const,
            name,
            inputSchema: inputSchema as JSONSchema7,
            description,
          })),
        }),
    ...(responseFormat === undefined ? {} : { responseFormat }),
    // A ping is a sign of life, and becomes no part of its own.
    includeRawChunks: true,
    abortSignal,
  }
}

type Content = Exclude<LanguageModelV4Message['content'], string>[number]

function olderPrompt(prompt: LanguageModelV4Prompt, version: Version): LanguageModelV4Prompt {
  return prompt.map((message) => {
    if (message.role === 'system') return message
    const content = (message.content as Content[])
      .filter(({ type }) => type !== 'custom' && type !== 'reasoning-file')
      .map((part) => olderPart(part, version))
    return { ...message, content } as LanguageModelV4Message
  })
}

function olderPart(part: Content, version: Version): unknown {
  if (part.type === 'file') return { ...part, data: olderData(part.data) }
  if (part.type !== 'tool-result' || version !== 'v2') return part
  const { output } = part
  if (output.type === 'execution-denied') {
    const value = `The call was denied${output.reason === undefined ? '.' : `: ${output.reason}`}`
    return { ...part, output: { type: 'error-text', value } }
  }
  if (output.type !== 'content') return part
  const value = output.value.map((piece) =>
    piece.type === 'file' && piece.data.type === 'data'
      ? { type: 'media', data: base64(piece.data.data), mediaType: piece.mediaType }
      : piece.type === 'text'
        ? piece
        : { type: 'text', text: `[${piece.type} that this model cannot be shown]` },
  )
  return { ...part, output: { type: 'content', value } }
}

function olderData(data: unknown): unknown {
  const { type } = data as { type?: string }
  if (type === 'data') return (data as { data: unknown }).data
  if (type === 'url') return (data as { url: unknown }).url
  if (type === 'text') return new TextEncoder().encode((data as { text: string }).text)
  return data
}

const base64 = (data: Uint8Array | string): string =>
  typeof data === 'string' ? data : Buffer.from(data).toString('base64')
