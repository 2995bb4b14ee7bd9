/** A guard that narrows what the arguments of some tools may be, in JSON Schema. */
import { EverloopError } from '../../base/errors.ts'
import { checkOptions } from '../../base/options.ts'
import { matchesGlob } from '../policies/globs.ts'
import { checkLimits, matchesSchema } from '../schemas/json-check.ts'
import type { JsonSchema } from '../tools/tool-schema.ts'
import { type Guard, guard } from './guard.ts'
import { checkReaction, react } from './text-guard.ts'
import { verdict } from './verdict.ts'

/** What the arguments of tools must fit. */
export interface SchemaGuardOptions {
  readonly name?: string
  /** JSON Schemas that arguments must fit, by globs of tool names. All that fit a name count. */
  readonly tools: Readonly<Record<string, JsonSchema>>
  /** Default "deny". */
  readonly reaction?: 'deny' | 'retry' | 'ask' | 'halt'
}

/**
 * Limits on arguments, beyond what a tool's own schema says.
 *
 * @example schemaGuard({ tools: { refund_order: { properties: { cents: { maximum: 50_000 } } } } })
 */
export function schemaGuard(options: SchemaGuardOptions): Guard {
  checkOptions('schemaGuard', options, ['name', 'tools', 'reaction'])
  const { name = 'schema', tools, reaction = 'deny' } = options
  checkReaction('schemaGuard', reaction, ['deny', 'retry', 'ask', 'halt'])
  const isMap = typeof tools === 'object' && tools !== null
  if (!isMap || !Object.values(tools).every((one) => typeof one === 'object' && one !== null)) {
    throw new EverloopError(
      'BAD_OPTION',
      'schemaGuard takes `tools`: JSON Schemas by names of tools.',
    )
  }
  const limits = Object.entries(tools)
  for (const [, schema] of limits) checkLimits(schema)
  return guard({
    name,
    at: 'call',
    check: ({ tool, args }) => {
      const complaints: string[] = []
      for (const [glob, schema] of limits) {
        if (matchesGlob(glob, tool.name)) complaints.push(...matchesSchema(schema, args))
      }
      if (complaints.length === 0) return verdict.allow()
      return react(
        reaction,
        `The arguments of ${tool.name} go beyond a limit: ${complaints.join('; ')}`,
      )
    },
  })
}
