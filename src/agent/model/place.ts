/** Where models are asked: what is meant for one place must not be sent to another. */
import { type LanguageModel, modelName } from './port.ts'

/** Whether both are models of one provider at one place. What cannot be seen counts as another place. */
export function isBeside(model: LanguageModel, other: LanguageModel): boolean {
  if (model === other) return true
  const place = placeOf(model)
  return place !== undefined && place === placeOf(other)
}

/** The provider's name and the origin of its address, which the models of the AI SDK keep in their `config`. */
function placeOf(model: LanguageModel): string | undefined {
  const { config } = model as { config?: { readonly url?: unknown; readonly baseURL?: unknown } }
  const { modelId } = model
  try {
    const url: unknown =
      typeof config?.url === 'function' ? config.url({ path: '/', modelId }) : config?.baseURL
    return `${modelName(model).split('/')[0]} at ${new URL(url as string).origin}`
  } catch {
    return undefined
  }
}
