/**
 * A conversation as the provider that is asked accepts it. Names and ids of calls are what a model once
 * made up, and a provider refuses the whole conversation, now and ever after, for one that does not
 * fit its pattern. What is recorded, and what guards are shown, stays as it was.
 */
import type {
  LanguageModelV4Message,
  LanguageModelV4Prompt,
  LanguageModelV4TextPart,
  LanguageModelV4ToolCallPart,
} from '@ai-sdk/provider'
import { acceptedId, type Taken } from './call-ids.ts'

type AssistantPart = Extract<LanguageModelV4Message, { role: 'assistant' }>['content'][number]

/** Under this key of its options a call has its id as its provider gave it: for us, not for providers. */
export const ownOptions = 'everloop'

/** Options of a call that tell, when it is sent, which id this model has given it. */
export const givenOptions = (given: {
  readonly id: string
  readonly by: string
}): NonNullable<LanguageModelV4ToolCallPart['providerOptions']> => ({ [ownOptions]: { ...given } })

/**
 * The prompt for this model, "provider/model": what is special about its own ids it gets back as it gave
 * it, and all others as ids that every provider accepts, each of them once in the conversation.
 */
export function acceptedPrompt(
  prompt: LanguageModelV4Prompt,
  model: string,
): LanguageModelV4Prompt {
  const taken: Taken = new Map()
  /** Of the last answer: ids are unique only within one. */
  let ids = new Map<string, string>()
  const accepted = (call: LanguageModelV4ToolCallPart): LanguageModelV4ToolCallPart => {
    const { toolCallId, toolName } = call
    const { [ownOptions]: given, ...others } = call.providerOptions ?? {}
    const own = given?.['by'] === model && typeof given['id'] === 'string' ? given['id'] : undefined
    if (own !== undefined) taken.set(own, 1)
    const id = own ?? acceptedId(toolCallId, taken)
    ids.set(toolCallId, id)
    const name = acceptedName(toolName)
    if (id === toolCallId && name === toolName && !given) return call
    return { ...call, toolCallId: id, toolName: name, providerOptions: others }
  }
  return prompt.map((message): LanguageModelV4Message => {
    switch (message.role) {
      case 'assistant': {
        ids = new Map()
        const { content } = message
        return {
          ...message,
          content: content.map((part) =>
            part.type === 'tool-call' ? accepted(part) : located(part),
          ),
        }
      }
      case 'tool':
        return {
          ...message,
          content: message.content.map((part) => {
            if (part.type !== 'tool-result') return part
            const { toolCallId, toolName } = part
            const id = ids.get(toolCallId) ?? toolCallId
            return { ...part, toolCallId: id, toolName: acceptedName(toolName) }
          }),
        }
      default:
        return message
    }
  })
}

/** URLs are texts until here, as guards look at texts and records hold none but plain data. */
function located<Part extends AssistantPart>(part: Part): Part | LanguageModelV4TextPart {
  if (part.type !== 'file' || part.data.type !== 'url') return part
  const url = String(part.data.url)
  // A guard may have made something else of it.
  if (!URL.canParse(url)) return { type: 'text', text: url.trim() === '' ? '(no file)' : url }
  return { ...part, data: { type: 'url', url: new URL(url) } }
}

/** Tools have names that are accepted; models call other ones too. */
const acceptedName = (name: string): string =>
  name.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, 64) || 'unknown'
