/** An answer as a message of the prompt that follows it: what the model is shown of what it said. */
import type { LanguageModelV4Message } from '@ai-sdk/provider'
import { givenOptions } from './accepted-prompt.ts'
import type { AnswerPart, ModelAnswer } from './answer.ts'

type AssistantMessage = Extract<LanguageModelV4Message, { role: 'assistant' }>
type AssistantPart = AssistantMessage['content'][number]

/**
 * The assistant message of an answer; undefined when there is nothing to say, which reasoning alone is
 * too: providers refuse a message that ends with it, and blank texts. Metadata goes back to the
 * provider it came from. A call whose input is no object goes back with an empty one: providers refuse
 * anything else, and its result tells the model what was wrong.
 */
export function assistantMessage(
  answer: Pick<ModelAnswer, 'content'>,
): AssistantMessage | undefined {
  const content = answer.content.flatMap((part) => assistantPart(part))
  return content.some(isSaid) ? { role: 'assistant', content } : undefined
}

const isSaid = (part: AssistantPart): boolean =>
  part.type === 'text' ? !isBlank(part.text) : part.type !== 'reasoning'

/** Whether there is nothing to read in it. */
export const isBlank = (text: string): boolean => text.trim() === ''

function assistantPart(part: AnswerPart): AssistantPart[] {
  const { providerMetadata } = part as { providerMetadata?: AssistantPart['providerOptions'] }
  const options = providerMetadata === undefined ? {} : { providerOptions: providerMetadata }
  switch (part.type) {
    case 'text':
    case 'reasoning':
      if (part.type === 'text' && isBlank(part.text) && !providerMetadata) return []
      return [{ type: part.type, text: part.text, ...options }]
    case 'tool-call':
      return [
        {
          type: 'tool-call',
          toolCallId: part.id,
          toolName: part.name === '' ? 'unknown' : part.name,
          input: part.input ?? {},
          ...(part.given
            ? { providerOptions: { ...providerMetadata, ...givenOptions(part.given) } }
            : options),
        },
      ]
    case 'file': {
      const { data, isUrl, mediaType } = part
      if (isUrl && !URL.canParse(String(data))) return [] // builds before have recorded such
      const file = isUrl
        ? { type: 'url' as const, url: String(data) as unknown as URL } // until it is sent
        : { type: 'data' as const, data }
      return [{ type: 'file', mediaType, data: file, ...options }]
    }
    case 'custom':
      return [{ type: 'custom', kind: part.kind as `${string}.${string}`, ...options }]
    case 'source':
      return [] // citations are for people
  }
}
