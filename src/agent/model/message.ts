/** An answer as a message of the prompt that follows it: what the model is shown of what it said. */
import type { LanguageModelV4Message } from '@ai-sdk/provider'
import type { AnswerPart, ModelAnswer } from './answer.ts'

type AssistantMessage = Extract<LanguageModelV4Message, { role: 'assistant' }>
type AssistantPart = AssistantMessage['content'][number]

/**
 * The assistant message of an answer; undefined when there is nothing to say. Metadata goes back to
 * the provider it came from. A call whose input is no object goes back with an empty one: providers
 * refuse anything else, and its result tells the model what was wrong.
 */
export function assistantMessage(
  answer: Pick<ModelAnswer, 'content'>,
): AssistantMessage | undefined {
  const content = answer.content.flatMap((part) => assistantPart(part))
  return content.length === 0 ? undefined : { role: 'assistant', content }
}

function assistantPart(part: AnswerPart): AssistantPart[] {
  const { providerMetadata } = part as { providerMetadata?: AssistantPart['providerOptions'] }
  const options = providerMetadata === undefined ? {} : { providerOptions: providerMetadata }
  switch (part.type) {
    case 'text':
    case 'reasoning':
      return [{ type: part.type, text: part.text, ...options }]
    case 'tool-call':
      return [
        {
          type: 'tool-call',
          toolCallId: part.id,
          toolName: part.name === '' ? 'unknown' : part.name,
          input: part.input ?? {},
          ...options,
        },
      ]
    case 'file': {
      const { data, isUrl, mediaType } = part
      const file = isUrl
        ? { type: 'url' as const, url: new URL(String(data)) }
        : { type: 'data' as const, data }
      return [{ type: 'file', mediaType, data: file, ...options }]
    }
    case 'custom':
      return [{ type: 'custom', kind: part.kind as `${string}.${string}`, ...options }]
    case 'source':
      return [] // citations are for people
  }
}
