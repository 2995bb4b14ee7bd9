/** The tools of the simulated agents, as their model is told of them. */
import type { JsonSchema } from '../../src/agent/tools/tool-schema.ts'

export const argsSchema = {
  type: 'object',
  properties: { n: { type: 'number' }, fixed: { type: 'boolean' }, edited: { type: 'boolean' } },
  required: ['n'],
  additionalProperties: false,
} as const

/** A tool as its model is told of it. */
export const faceOf = (
  name: string,
  deployment: number,
): { readonly name: string; readonly description: string; readonly inputSchema: JsonSchema } => ({
  name,
  description: `Does ${name}, as of version ${deployment}.`,
  inputSchema: argsSchema,
})
