/**
 * From texts to models: which provider a text names, and how its package is loaded. Packages are
 * optional peers, loaded when first named, and read their keys from the environment themselves.
 */
import { EverloopError } from '../../base/errors.ts'
import { meant } from '../../base/options.ts'
import { compatible, endpointOf, isLanguageModel, modelsOf } from './port.ts'
import type { LanguageModel, Model, OneModel } from './port.ts'

/** What a program may have set for the whole process, as the AI SDK understands it. */
interface DefaultProvider {
  languageModel(id: string): unknown
}

/** Loaders take literal paths, so that bundlers and the layer test can see them. */
const providers: Record<string, (model: string) => Promise<LanguageModel>> = {
  openai: async (model) => (await import('@ai-sdk/openai')).openai(model),
  anthropic: async (model) => (await import('@ai-sdk/anthropic')).anthropic(model),
}

/**
 * The model object behind a text; objects are returned as they are. Throws UNKNOWN_MODEL when the
 * text names no provider that is known, or its package is not installed.
 */
export async function resolveModel(model: OneModel): Promise<LanguageModel> {
  if (typeof model !== 'string') return model
  const endpoint = endpointOf(model)
  if (endpoint) return installed(compatible, () => compatibleModel(endpoint))
  const preset = presetProvider()
  if (preset !== undefined) return checked(preset.languageModel(model), model)
  const { provider, load, id } = named(model)
  return installed(provider, () => load(id))
}

/** Throws BAD_OPTION for what is no model, UNKNOWN_MODEL for a text that no provider will answer to. */
export function checkModels(model: Model): void {
  for (const one of modelsOf(model)) {
    if (typeof one === 'string' && !endpointOf(one) && !presetProvider()) named(one)
  }
}

const presetProvider = (): DefaultProvider | undefined =>
  (globalThis as { AI_SDK_DEFAULT_PROVIDER?: DefaultProvider }).AI_SDK_DEFAULT_PROVIDER

interface Named {
  readonly provider: string
  readonly load: (model: string) => Promise<LanguageModel>
  readonly id: string
}

/** The parts of "provider/model". */
function named(text: string): Named {
  const slash = text.indexOf('/')
  const provider = text.slice(0, Math.max(slash, 0))
  const load = Object.hasOwn(providers, provider) ? providers[provider] : undefined
  const id = text.slice(slash + 1)
  if (load && id !== '') return { provider, load, id }
  const known = Object.keys(providers)
  const shown = text.slice(0, 200)
  const hint = provider === '' || load ? '' : meant(provider, known)
  throw new EverloopError(
    'UNKNOWN_MODEL',
    `"${shown}" names no model.${hint} Write ${known
      .map((one) => `"${one}/MODEL"`)
      .join(
        ', ',
      )}, "https://HOST/v1#MODEL" for an OpenAI-compatible endpoint, or hand over a model object of any AI SDK provider.`,
  )
}

async function compatibleModel(endpoint: {
  readonly url: string
  readonly model: string
}): Promise<LanguageModel> {
  const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
  const provider = createOpenAICompatible({
    name: compatible,
    baseURL: endpoint.url,
    includeUsage: true,
  })
  return provider(endpoint.model)
}

async function installed<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    const { code } = cause as { code?: unknown }
    if (code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new EverloopError(
      'UNKNOWN_MODEL',
      `The provider "${name}" needs the package @ai-sdk/${name}, which is not installed. Run: npm install @ai-sdk/${name}`,
      { cause },
    )
  }
}

function checked(model: unknown, text: string): LanguageModel {
  if (isLanguageModel(model)) return model
  throw new EverloopError(
    'UNKNOWN_MODEL',
    `globalThis.AI_SDK_DEFAULT_PROVIDER returned no language model of specification v2, v3 or v4 for "${text.slice(0, 200)}".`,
  )
}
