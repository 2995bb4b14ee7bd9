/** The conversation as the model port wants it. */
import type { LanguageModelV4Message, LanguageModelV4ToolResultPart } from '@ai-sdk/provider'
import { assistantMessage, isBlank } from '../model/message.ts'
import { wholeText } from '../calls/result-text.ts'
import type { CallResult, Message, UserMessage } from './state.ts'

/** What somebody sent, as a message. What is no text is told as JSON. */
export function asUserMessage(value: unknown, by?: string): UserMessage {
  return { role: 'user', text: textOf(value), ...(by === undefined ? {} : { by }) }
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'object' && value !== null && 'text' in value) {
    if (typeof value.text === 'string') return value.text
  }
  return value === undefined ? '' : wholeText(value)
}

/**
 * Translates the conversation of one agent. A long one is not translated each turn: of what was
 * translated last, all that stands before the first difference is taken over.
 */
export class Translation {
  #messages: readonly Message[] = []
  readonly #translated: LanguageModelV4Message[] = []

  /** The messages as the model is given them, behind these. */
  of(
    messages: readonly Message[],
    first: readonly LanguageModelV4Message[],
  ): LanguageModelV4Message[] {
    const [before, now, translated] = [this.#messages, [...messages], this.#translated]
    let same = 0
    while (same < before.length && before[same] === now[same]) same++
    translated.length = same
    for (const message of now.slice(same)) translated.push(promptMessage(message))
    this.#messages = now // not the list itself: frozen ones are read more slowly
    return [...first, ...translated]
  }
}

/** The message as the model is given it. */
export function promptMessage(message: Message): LanguageModelV4Message {
  switch (message.role) {
    case 'user':
      return {
        role: 'user',
        content: [{ type: 'text', text: isBlank(message.text) ? '(no text)' : message.text }],
      }
    case 'assistant':
      return assistantMessage({ content: message.parts }) ?? silence
    case 'tool':
      return { role: 'tool', content: message.results.map(resultPart) }
  }
}

function resultPart(result: CallResult): LanguageModelV4ToolResultPart {
  const { id, tool, is, value } = result
  return { type: 'tool-result', toolCallId: id, toolName: tool, output: outputOf(is, value) }
}

function outputOf(is: CallResult['is'], value: unknown): LanguageModelV4ToolResultPart['output'] {
  const text = typeof value === 'string' ? value : undefined
  switch (is) {
    case 'denied':
      return { type: 'execution-denied', ...(text === undefined ? {} : { reason: text }) }
    case 'error':
      return { type: 'error-text', value: text ?? String(value) }
    case 'result':
      return text === undefined
        ? { type: 'json', value: value as never }
        : { type: 'text', value: text }
  }
}

/** Providers refuse a message without content, or with blank content only. */
const silence: LanguageModelV4Message = {
  role: 'assistant',
  content: [{ type: 'text', text: '(no answer)' }],
}
