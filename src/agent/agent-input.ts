/** What an agent is started with. */
import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec'

/** A prompt, or several messages in a row. */
export type AgentInput = { readonly prompt: string } | { readonly messages: readonly string[] }

/** As models and forms are told it: the short form. */
const told = {
  type: 'object',
  properties: { prompt: { type: 'string', description: 'What the agent shall do.' } },
  required: ['prompt'],
  additionalProperties: false,
}

const standard: StandardSchemaV1.Props<AgentInput> & StandardJSONSchemaV1.Props = {
  version: 1,
  vendor: 'everloop',
  validate: (value, options) =>
    isInput(value, options?.libraryOptions?.['isRecorded'] === true ? isText : isReadable)
      ? { value }
      : {
          issues: [
            {
              message:
                'give { prompt: "…" } or { messages: ["…", …] }, texts with at least one character that is no space',
            },
          ],
        },
  jsonSchema: { input: () => told, output: () => told },
}

/** Checked when a run is started. */
export const agentInput: StandardSchemaV1<AgentInput> = { '~standard': standard }

function isInput(value: unknown, isGood: (text: unknown) => boolean): value is AgentInput {
  if (typeof value !== 'object' || value === null) return false
  const [key, ...others] = Object.keys(value)
  if (others.length > 0) return false
  if (key === 'prompt' && 'prompt' in value) return isGood(value.prompt)
  if (key !== 'messages' || !('messages' in value)) return false
  const { messages } = value
  return Array.isArray(messages) && messages.length > 0 && messages.every(isGood)
}

/** Builds before took blank texts, and what they have recorded goes on. */
const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''

/** Providers refuse a message in which there is nothing to read. */
const isReadable = (value: unknown): boolean => typeof value === 'string' && value.trim() !== ''
