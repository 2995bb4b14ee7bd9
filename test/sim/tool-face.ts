/** The tools of the simulated agents, as their model is told of them. */
import type { JsonSchema } from '../../src/agent/tools/tool-schema.ts'

/** Arguments of every tool. */
export interface Args {
  readonly n: number
  readonly fixed?: boolean
  readonly edited?: boolean
}

export const argsSchema = {
  type: 'object',
  properties: { n: { type: 'number' }, fixed: { type: 'boolean' }, edited: { type: 'boolean' } },
  required: ['n'],
  additionalProperties: false,
} as const

/** The number that a call is about: flows that are started are told it in words. */
export function numberIn(args: unknown): number | undefined {
  const { n, prompt } = Object(args) as { readonly n?: number; readonly prompt?: string }
  const told = /^Number (.*)\.$/.exec(prompt ?? '')?.[1]
  return n ?? (told === undefined ? undefined : Number(told))
}

/** A tool as its model is told of it. */
export const faceOf = (
  name: string,
  deployment: number,
): { readonly name: string; readonly description: string; readonly inputSchema: JsonSchema } => ({
  name,
  description: `Does ${name}, as of version ${deployment}.`,
  inputSchema: argsSchema,
})
