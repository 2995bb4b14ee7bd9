/**
 * The model port: what counts as a model, and what it is called in records.
 *
 * The AI SDK's language-model interface is the port, in each of its three specifications, so every
 * provider made for it works. Only types of `@ai-sdk/provider` are used: nothing of it is loaded.
 */
import type { LanguageModelV2, LanguageModelV3, LanguageModelV4 } from '@ai-sdk/provider'
import { EverloopError } from '../../base/errors.ts'

/** A language model object of the AI SDK. */
export type LanguageModel = LanguageModelV4 | LanguageModelV3 | LanguageModelV2

/** One model: an object, `"provider/model"`, or `"https://host/v1#model"` for a compatible endpoint. */
export type OneModel = LanguageModel | (string & {})

/** A model, or several: the first is asked, the others in order when those before them fail. */
export type Model = OneModel | readonly [OneModel, ...OneModel[]]

const specifications: readonly unknown[] = ['v2', 'v3', 'v4']

/** Whether the value is a model object of a specification that is known here. */
export function isLanguageModel(value: unknown): value is LanguageModel {
  if (typeof value !== 'object' || value === null) return false
  const { specificationVersion, doGenerate, doStream } = value as Partial<LanguageModel>
  return (
    specifications.includes(specificationVersion) &&
    typeof doGenerate === 'function' &&
    typeof doStream === 'function'
  )
}

/** The models in the order in which they are asked. Throws BAD_OPTION for what is no model. */
export function modelsOf(model: Model): readonly OneModel[] {
  const models: readonly unknown[] = Array.isArray(model) ? model : [model]
  if (models.length === 0) {
    throw new EverloopError('BAD_OPTION', 'The list of models is empty. Give at least one.')
  }
  for (const one of models) {
    if (isLanguageModel(one) || (typeof one === 'string' && one !== '')) continue
    throw new EverloopError(
      'BAD_OPTION',
      'A model is an AI SDK language model of specification v2, v3 or v4, a text "provider/model", a text "https://host/v1#model", or a list of these.',
    )
  }
  return models as readonly OneModel[]
}

/** Splits `"https://host/v1#model"`. Undefined for other texts. */
export function endpointOf(
  text: string,
): { readonly url: string; readonly model: string } | undefined {
  const match = /^(https?:\/\/[^#]+)#(.+)$/.exec(text)
  return match ? { url: match[1] ?? '', model: match[2] ?? '' } : undefined
}

/** The provider's name in records of models behind a URL: the URL itself may hold a secret. */
export const compatible = 'openai-compatible'

/**
 * What the model is called in records and looked up by in the price table: "provider/model". Of
 * several models, the first.
 */
export function modelName(model: Model): string {
  const [first] = modelsOf(model)
  if (typeof first === 'string') {
    const endpoint = endpointOf(first)
    return endpoint ? `${compatible}/${endpoint.model}` : first
  }
  // "openai.responses" is how a provider tells its APIs apart; the model and its price are the same.
  return `${String(first?.provider).split('.')[0]}/${String(first?.modelId)}`
}
