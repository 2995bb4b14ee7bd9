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

const providers = ['openai', 'anthropic'] as const

/** What a text names. */
type Named =
  | { readonly provider: (typeof providers)[number]; readonly id: string }
  | { readonly provider: typeof compatible; readonly id: string; readonly url: string }

/**
 * The model object behind a text; objects are returned as they are. Throws UNKNOWN_MODEL when the
 * text names no provider that is known, or its package is not installed.
 */
export async function resolveModel(model: OneModel): Promise<LanguageModel> {
  if (typeof model !== 'string') return model
  const endpoint = endpointOf(model)
  if (endpoint) return load({ provider: compatible, id: endpoint.model, url: endpoint.url })
  const preset = presetProvider()
  return preset === undefined ? load(named(model)) : checked(preset.languageModel(model), model)
}

/** Throws BAD_OPTION for what is no model, UNKNOWN_MODEL for a text that no provider will answer to. */
export function checkModels(model: Model): void {
  for (const one of modelsOf(model)) {
    if (typeof one === 'string' && !endpointOf(one) && !presetProvider()) named(one)
  }
}

const presetProvider = (): DefaultProvider | undefined =>
  (globalThis as { AI_SDK_DEFAULT_PROVIDER?: DefaultProvider }).AI_SDK_DEFAULT_PROVIDER

/** The parts of "provider/model". */
function named(text: string): Named {
  const slash = text.indexOf('/')
  const name = text.slice(0, Math.max(slash, 0))
  const provider = providers.find((one) => one === name)
  const id = text.slice(slash + 1)
  if (provider && id !== '') return { provider, id }
  const shown = text.slice(0, 200)
  const hint = name === '' || provider ? '' : meant(name, providers)
  throw new EverloopError(
    'UNKNOWN_MODEL',
    `"${shown}" names no model.${hint} Write ${providers
      .map((one) => `"${one}/MODEL"`)
      .join(
        ', ',
      )}, "https://HOST/v1#MODEL" for an OpenAI-compatible endpoint, or hand over a model object of any AI SDK provider.`,
  )
}

/** Literal paths, right inside `try`: bundlers see them, and know that a package may not be there. */
async function load(model: Named): Promise<LanguageModel> {
  const { provider, id } = model
  try {
    switch (provider) {
      case 'openai':
        return (await import('@ai-sdk/openai')).openai(id)
      case 'anthropic':
        return (await import('@ai-sdk/anthropic')).anthropic(id)
      case compatible: {
        const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
        return createOpenAICompatible({ name: compatible, baseURL: model.url, includeUsage: true })(
          id,
        )
      }
    }
  } catch (cause) {
    const { code } = cause as { code?: unknown }
    // The second is what bundlers put in the place of a package that was not there.
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw cause
    throw new EverloopError(
      'UNKNOWN_MODEL',
      `The provider "${provider}" needs the package @ai-sdk/${provider}, which is not installed. Run: npm install @ai-sdk/${provider}`,
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
