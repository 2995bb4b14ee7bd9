/**
 * A guard against the usual way of turning an agent against its owner: it reads something from outside, and
 * then writes something to the outside.
 */
import { checkOptions } from '../../base/options.ts'
import { destinationRules, strangers } from './destinations-guard.ts'
import { type Guard, guard } from './guard.ts'
import { checkReaction, react } from './text-guard.ts'
import { verdict } from './verdict.ts'

/** Where a tainted conversation may write without a question, and what becomes of its other calls. */
export interface TaintGuardOptions {
  readonly name?: string
  /** Destinations that nobody need be asked about, as `destinationsGuard` takes them. */
  readonly allow?: readonly string[]
  /** Default "ask". */
  readonly reaction?: 'ask' | 'deny' | 'halt'
}

/**
 * Asks a person before a tool that writes outside is called in a conversation that has read something
 * from outside: once a tool with `taints` has returned, everything the model says may come from there.
 * Throws BAD_OPTION.
 *
 * @example agent({ name, model, guards: [taintGuard({ allow: ['api.example.com'] })] })
 */
export function taintGuard(options: TaintGuardOptions = {}): Guard {
  checkOptions('taintGuard', options, ['name', 'allow', 'reaction'])
  const { name = 'taint', allow = [], reaction = 'ask' } = options
  checkReaction('taintGuard', reaction, ['ask', 'deny', 'halt'])
  const rules = destinationRules(allow, 'taintGuard')
  return guard({
    name,
    at: 'call',
    check: (subject, { tainted }) => {
      const { tool } = subject
      if (tainted.length === 0 || tool.writes !== 'outside') return verdict.allow()
      const others = strangers(subject, rules)
      if (others !== 'none' && others.length === 0) return verdict.allow()
      const from = [...new Set(tainted.map((taint) => taint.tool))].slice(0, 5).join(', ')
      const to = others === 'none' ? '' : ` to ${others.slice(0, 3).join(', ')}`
      return react(
        reaction,
        `${tool.name} would write outside${to}, and the conversation holds what came from outside (${from}).`,
      )
    },
  })
}
