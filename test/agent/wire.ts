/** Model calls over the wire: the real provider packages against the real scripted server. */
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import type { LanguageModelV4Prompt } from '@ai-sdk/provider'
import type { ModelAnswer, ModelRequest } from '../../src/agent/model/answer.ts'
import type { DefinedTool } from '../../src/agent/tools/tool-schema.ts'
import { callModel } from '../../src/agent/model/call.ts'
import type { LanguageModel } from '../../src/agent/model/port.ts'
import { systemPorts } from '../../src/base/system.ts'

const apiKey = 'sk-test-0123456789abcdef'

/** A model of each provider package that speaks to the server. */
export const providers: Readonly<Record<string, (url: string) => LanguageModel>> = {
  'openai chat': (baseURL) => createOpenAI({ baseURL, apiKey }).chat('gpt-scripted'),
  'openai responses': (baseURL) => createOpenAI({ baseURL, apiKey }).responses('gpt-scripted'),
  'openai-compatible': (baseURL) =>
    createOpenAICompatible({ baseURL, name: 'compatible', apiKey, includeUsage: true })('scripted'),
  anthropic: (baseURL) => createAnthropic({ baseURL, apiKey })('claude-scripted'),
}

export const weather: DefinedTool = {
  name: 'weather',
  description: 'The weather of a city.',
  inputSchema: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
}

export const question: LanguageModelV4Prompt = [
  { role: 'system', content: 'You answer questions.' },
  { role: 'user', content: [{ type: 'text', text: 'What is the weather in Ulm and Köln?' }] },
]

export interface Called {
  readonly answer?: ModelAnswer
  readonly error?: unknown
  /** The text as it was told, void after each restart. */
  readonly text: string
  readonly restarts: number
}

/** Calls the model and never throws. Delays are real, so they are short. */
export async function call(
  request: Partial<ModelRequest> & Pick<ModelRequest, 'model'>,
): Promise<Called> {
  let text = ''
  let restarts = 0
  try {
    const answer = await callModel({
      prompt: question,
      tools: [weather],
      ports: systemPorts,
      retry: { attempts: 2, delay: 1, maxDelay: 5 },
      timeoutMs: 10_000,
      ...request,
      onText: (delta) => {
        text += delta
      },
      onRestart: () => {
        text = ''
        restarts++
      },
    })
    return { answer, text, restarts }
  } catch (error) {
    return { error, text, restarts }
  }
}
