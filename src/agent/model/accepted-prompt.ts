/**
 * A conversation as the provider that is asked accepts it. A model makes up the names and ids of its calls,
 * and for a single one that does not fit its pattern a provider refuses the whole conversation, now and
 * ever after. What is recorded, and what guards are shown, stays as it was.
 */
import type {
  LanguageModelV4Message,
  LanguageModelV4Prompt,
  LanguageModelV4TextPart,
  LanguageModelV4ToolCallPart,
  LanguageModelV4ToolResultPart,
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
 * One conversation for the models that are asked with it. A long one is not gone through each turn: of
 * what a model was given last, all that stands before the first difference is taken over.
 */
export class AcceptedPrompts {
  readonly #byModel = new Map<string, AcceptedPrompt>()

  /**
   * The prompt for this model, "provider/model". It gets its own ids back as it gave them; all others are
   * ids that every provider accepts, each of them once in the conversation.
   */
  of(prompt: LanguageModelV4Prompt, model: string): LanguageModelV4Prompt {
    const before = this.#byModel.get(model)
    this.#byModel.delete(model) // one that fails half way is no beginning
    const accepted = before?.takes(prompt) ? before : new AcceptedPrompt(model)
    if (accepted !== before) accepted.takes(prompt)
    this.#byModel.set(model, accepted)
    return [...accepted.messages] // the model may change it
  }
}

class AcceptedPrompt {
  readonly #model: string
  /** The last prompt as it is accepted. */
  readonly messages: LanguageModelV4Prompt = []
  #prompt: LanguageModelV4Prompt = []
  readonly #taken: Taken = new Map()
  /** Of the last answer: ids are unique only within one. */
  readonly #ids = new Map<string, string>()

  constructor(model: string) {
    this.#model = model
  }

  /** Takes a prompt that goes on where the last one ends. False for any other, and then this is of no more use. */
  takes(prompt: LanguageModelV4Prompt): boolean {
    const before = this.#prompt
    if (prompt.length < before.length) return false
    for (let i = 0; i < prompt.length; i++) {
      const message = prompt[i] as LanguageModelV4Message
      if (message === before[i]) continue
      if (i < before.length && !isAccepted(before[i], message)) return false
      this.messages[i] = this.#message(message)
    }
    this.#prompt = prompt
    return true
  }

  #message(message: LanguageModelV4Message): LanguageModelV4Message {
    switch (message.role) {
      case 'assistant': {
        this.#ids.clear()
        const content = message.content.map((part) =>
          part.type === 'tool-call' ? this.#call(part) : located(part),
        )
        return isSame(content, message.content) ? message : { ...message, content }
      }
      case 'tool': {
        const content = message.content.map((part) =>
          part.type === 'tool-result' ? this.#result(part) : part,
        )
        return isSame(content, message.content) ? message : { ...message, content }
      }
      default:
        return message
    }
  }

  #call(call: LanguageModelV4ToolCallPart): LanguageModelV4ToolCallPart {
    const { toolCallId, toolName } = call
    const given = call.providerOptions?.[ownOptions]
    const own =
      given?.['by'] === this.#model && typeof given['id'] === 'string' ? given['id'] : undefined
    if (own !== undefined) this.#taken.set(own, 1)
    const id = own ?? acceptedId(toolCallId, this.#taken)
    this.#ids.set(toolCallId, id)
    const name = acceptedName(toolName)
    if (id === toolCallId && name === toolName && !given) return call
    const { [ownOptions]: _ours, ...others } = call.providerOptions ?? {}
    return { ...call, toolCallId: id, toolName: name, providerOptions: others }
  }

  #result(result: LanguageModelV4ToolResultPart): LanguageModelV4ToolResultPart {
    const { toolCallId, toolName } = result
    const id = this.#ids.get(toolCallId) ?? toolCallId
    const name = acceptedName(toolName)
    if (id === toolCallId && name === toolName) return result
    return { ...result, toolCallId: id, toolName: name }
  }
}

/** What is accepted as it is, whatever stands before it, as instructions are that are made for each turn. */
const isAccepted = (...messages: readonly (LanguageModelV4Message | undefined)[]): boolean =>
  messages.every((message) => message?.role === 'system' || message?.role === 'user')

const isSame = (made: readonly unknown[], from: readonly unknown[]): boolean =>
  made.every((one, i) => one === from[i])

/** URLs are texts until here, as guards look at texts and records hold none but plain data. */
function located<Part extends AssistantPart>(part: Part): Part | LanguageModelV4TextPart {
  if (part.type !== 'file' || part.data.type !== 'url') return part
  const url = String(part.data.url)
  // A guard may have made something else of it.
  if (!URL.canParse(url)) return { type: 'text', text: url.trim() === '' ? '(no file)' : url }
  return { ...part, data: { type: 'url', url: new URL(url) } }
}

/** What every provider accepts as a name. */
const accepted = /^[a-zA-Z0-9_-]{1,64}$/

/** Tools have names that are accepted; models call other ones too. */
const acceptedName = (name: string): string =>
  accepted.test(name) ? name : name.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, 64) || 'unknown'
