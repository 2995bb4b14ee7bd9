/**
 * What a model is told of the format that is wanted of its answer: by its API where that takes a schema,
 * else in words. It is told per model, as those that are asked in turn may be of different kinds.
 */
import type { LanguageModelV4Prompt, SharedV4ProviderOptions } from '@ai-sdk/provider'
import type { ModelRequest } from './answer.ts'
import { outputSchema } from './output-schema.ts'
import type { LanguageModel } from './port.ts'

/** The request as this model takes it. */
export function inWantedFormat(request: ModelRequest, model: LanguageModel): ModelRequest {
  const { responseFormat, prompt, settings } = request
  if (responseFormat?.type !== 'json') return request
  const { schema: given, ...format } = responseFormat
  const told = outputSchema(given)
  // Without the word "JSON" OpenAI refuses a request for JSON alone, and others ignore it.
  if (!told) return { ...request, responseFormat: format, prompt: instructed(prompt, jsonAlone) }
  const wanted = { ...request, responseFormat: { ...format, schema: told.schema as never } }
  if (takesSchemas(model) === false) {
    const words = `${jsonAlone} It must fit this JSON Schema: ${JSON.stringify(told.schema)}`
    return { ...wanted, prompt: instructed(prompt, words) }
  }
  if (told.isStrict) return wanted
  const providerOptions = unlessStrict(settings?.providerOptions, model)
  return { ...wanted, settings: { ...settings, providerOptions } }
}

const jsonAlone = 'Answer with JSON alone.'

/** Behind the instructions, if there are some. */
function instructed(prompt: LanguageModelV4Prompt, words: string): LanguageModelV4Prompt {
  const [first, ...rest] = prompt
  return first?.role === 'system'
    ? [{ ...first, content: `${first.content}\n\n${words}` }, ...rest]
    : [{ role: 'system', content: words }, ...prompt]
}

/** What models of OpenAI-compatible endpoints say of them; undefined of others, whose packages know what to do. */
const takesSchemas = (model: LanguageModel): unknown =>
  (model as { readonly supportsStructuredOutputs?: unknown }).supportsStructuredOutputs

/**
 * Options that say not to be strict, unless somebody has said how it is to be. Of "azure" and "openai"
 * some APIs read the first that is there, so options of the user's must not be hidden behind ours.
 */
function unlessStrict(
  given: SharedV4ProviderOptions = {},
  model: LanguageModel,
): SharedV4ProviderOptions {
  const names =
    takesSchemas(model) === true
      ? ['openaiCompatible']
      : ['openai', ...('azure' in given ? ['azure'] : [])]
  if (names.some((name) => given[name]?.['strictJsonSchema'] !== undefined)) return given
  const loose = names.map((name) => [name, { ...given[name], strictJsonSchema: false }])
  return { ...given, ...(Object.fromEntries(loose) as SharedV4ProviderOptions) }
}
