/**
 * From texts to models: which provider a text names, and how its package is loaded. Packages are
 * optional peers, loaded when first named, and read their keys from the environment themselves.
 */
import { EverloopError } from '../../base/errors.ts'
import { compatible, endpointOf, isLanguageModel } from './port.ts'
import type { LanguageModel, OneModel } from './port.ts'

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
  const { AI_SDK_DEFAULT_PROVIDER: preset } = globalThis as {
    AI_SDK_DEFAULT_PROVIDER?: DefaultProvider
  }
  if (preset !== undefined) return checked(preset.languageModel(model), model)
  const slash = model.indexOf('/')
  const name = model.slice(0, slash)
  const load = slash > 0 ? providers[name] : undefined
  if (!load || !Object.hasOwn(providers, name)) {
    throw new EverloopError(
      'UNKNOWN_MODEL',
      `"${model.slice(0, 200)}" names no model. Write ${Object.keys(providers)
        .map((known) => `"${known}/MODEL"`)
        .join(
          ', ',
        )}, "https://HOST/v1#MODEL" for an OpenAI-compatible endpoint, or hand over a model object of any AI SDK provider.`,
    )
  }
  return installed(name, () => load(model.slice(slash + 1)))
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
