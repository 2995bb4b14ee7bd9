/**
 * Claude with a budget for thinking goes on from calls only when they began with thinking: it refuses
 * those of another model, and those whose thinking a guard has taken. It is asked for these without
 * thinking, which is what its refusal recommends; what comes behind the next message has it again.
 */
import type { LanguageModelV4Prompt } from '@ai-sdk/provider'
import type { ModelRequest } from './answer.ts'

/** The request, without thinking where that is not possible. Other models do not look at it. */
export function withPossibleThinking(request: ModelRequest): ModelRequest {
  const { prompt, settings } = request
  const { anthropic } = settings?.providerOptions ?? {}
  const { type } = Object(anthropic?.['thinking']) as { readonly type?: unknown }
  if (type !== 'enabled' || isThoughtOf(prompt)) return request
  const thoughtless = { ...anthropic, thinking: { type: 'disabled' } }
  const providerOptions = { ...settings?.providerOptions, anthropic: thoughtless }
  return { ...request, settings: { ...settings, providerOptions } }
}

/** Whether what the model goes on from, if it does, began with its thinking. */
function isThoughtOf(prompt: LanguageModelV4Prompt): boolean {
  const begun = prompt.slice(prompt.findLastIndex(({ role }) => role === 'user') + 1)
  const first = begun.find((message) => message.role === 'assistant')?.content[0]
  if (!first) return true
  return first.type === 'reasoning' && first.providerOptions?.['anthropic'] !== undefined
}
