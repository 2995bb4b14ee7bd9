/**
 * Reasoning that a provider has signed. The newest models of Anthropic sign it for all that stood before it
 * (instructions, tools and messages), and refuse it when any of that has changed. It may be left out from
 * the beginning on: what was thought later is valid without it.
 */
import type { LanguageModelV4Message } from '@ai-sdk/provider'

/** The messages, the first `count` of them without signed reasoning. One of nothing else is left out. */
export function withoutSignedReasoning(
  messages: readonly LanguageModelV4Message[],
  count: number = messages.length,
): LanguageModelV4Message[] {
  return messages.flatMap((message, index) => {
    if (index >= count || message.role !== 'assistant') return [message]
    const content = message.content.filter(
      ({ type, providerOptions }) => type !== 'reasoning' || providerOptions === undefined,
    )
    if (content.length === message.content.length) return [message]
    return content.length === 0 ? [] : [{ ...message, content }]
  })
}
