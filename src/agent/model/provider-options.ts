/**
 * What providers are told besides the request. The ledger is the truth, and a run may wait for months: an
 * answer that the provider keeps, and that is sent back as a mere reference, is lost when it forgets it.
 */
import type { ModelSettings } from './answer.ts'
import type { LanguageModel } from './port.ts'

type ProviderOptions = ModelSettings['providerOptions']

/** What makes OpenAI's Responses API keep answers, where somebody wants it to. */
const keeping = ['store', 'conversation', 'previousResponseId']

/** The options, with `store: false` for OpenAI's Responses models unless they say something else. */
export function providerOptions(
  { provider, modelId }: Pick<LanguageModel, 'provider' | 'modelId'>,
  given: ProviderOptions,
): ProviderOptions {
  const isBehindGateway = provider === 'gateway' && String(modelId).startsWith('openai/')
  if (!String(provider).endsWith('.responses') && !isBehindGateway) return given
  // Azure's models look at `openai` only where nothing is said for `azure`.
  const name = String(provider).includes('azure') && given?.['azure'] ? 'azure' : 'openai'
  const own = given?.[name]
  const isSaid = keeping.some((option) => own?.[option] !== undefined && own[option] !== null)
  return isSaid ? given : { ...given, [name]: { ...own, store: false } }
}
