/**
 * A request without what a provider has refused in it. Claude refuses thinking that was signed for another
 * conversation. When it is to think, it also refuses calls in the history that did not begin with its
 * thinking (those of another model, those whose thinking a guard removed), and recommends turning it off.
 */
import type { ModelRequest } from './answer.ts'
import { withoutSignedReasoning } from './signed-reasoning.ts'

/** What can be left out, for another attempt at once. */
export type Dispensable = 'reasoning' | 'thinking'

/** The request without it. */
export function withoutRefused(request: ModelRequest, refused: Dispensable): ModelRequest {
  if (refused === 'reasoning') {
    return { ...request, prompt: withoutSignedReasoning(request.prompt) }
  }
  const { settings } = request
  const anthropic = { ...settings?.providerOptions?.['anthropic'], thinking: { type: 'disabled' } }
  const providerOptions = { ...settings?.providerOptions, anthropic }
  return { ...request, settings: { ...settings, providerOptions } }
}
