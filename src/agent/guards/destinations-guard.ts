/** A guard on where calls send things: only to destinations on a list. */
import { EverloopError } from '../../base/errors.ts'
import { checkOptions } from '../../base/options.ts'
import { errorData } from '../../ledger/index.ts'
import {
  type DestinationRule,
  destinationOf,
  destinationRule,
  destinationsIn,
  isAllowed,
} from './destination.ts'
import { type Guard, guard } from './guard.ts'
import type { CallSubject } from './position.ts'
import { checkReaction, react } from './text-guard.ts'
import { someText } from './texts.ts'
import { verdict } from './verdict.ts'

/** Where calls may write to, and what becomes of all others. */
export interface DestinationsGuardOptions {
  readonly name?: string
  /** `"api.example.com"`, `"*.example.com"`, `"https://host:8443"`, `"sales@example.com"`, `"@example.com"`. */
  readonly allow: readonly string[]
  /** Default "deny". */
  readonly reaction?: 'deny' | 'ask' | 'halt'
}

/**
 * Allows calls whose destinations are all on the list: those that the tool tells of, or the URLs and
 * e-mail addresses in its arguments. A tool that writes outside and tells of none is not allowed.
 *
 * @example destinationsGuard({ allow: ['api.stripe.com', '*.example.com', '@example.com'] })
 */
export function destinationsGuard(options: DestinationsGuardOptions): Guard {
  checkOptions('destinationsGuard', options, ['name', 'allow', 'reaction'])
  const { name = 'destinations', allow, reaction = 'deny' } = options
  checkReaction('destinationsGuard', reaction, ['deny', 'ask', 'halt'])
  const rules = destinationRules(allow, 'destinationsGuard')
  return guard({
    name,
    at: 'call',
    check: (subject) => {
      const others = strangers(subject, rules)
      if (others === 'none') {
        if (subject.tool.writes !== 'outside') return verdict.allow()
        return react(reaction, `It cannot be told where ${subject.tool.name} would write to.`)
      }
      if (others.length === 0) return verdict.allow()
      return react(
        reaction,
        `${subject.tool.name} would write to ${others.slice(0, 3).join(', ')}, which is not on the list of allowed destinations.`,
      )
    },
  })
}

/** The rules that these texts are. Throws BAD_OPTION. */
export function destinationRules(texts: unknown, where: string): DestinationRule[] {
  if (!Array.isArray(texts))
    throw new EverloopError('BAD_OPTION', `${where} takes \`allow\`: a list of destinations.`)
  return (texts as readonly unknown[]).map((text) => {
    const rule = typeof text === 'string' ? destinationRule(text) : undefined
    if (rule) return rule
    throw new EverloopError(
      'BAD_OPTION',
      `${where}: ${JSON.stringify(text)} is no destination. Write "api.example.com", "*.example.com", "https://host:8443", "sales@example.com" or "@example.com": hosts and addresses are compared, paths are not.`,
    )
  })
}

/** Destinations of the call that no rule allows; "none" when the call has none that can be told. */
export function strangers(
  { tool, args }: CallSubject,
  rules: readonly DestinationRule[],
): readonly string[] | 'none' {
  const all = tool.destinations ? toldBy(tool.destinations, tool.name, args) : foundIn(args)
  if (all.length === 0) return 'none'
  return all
    .filter((text) => {
      const destination = destinationOf(text)
      return !destination || !isAllowed(destination, rules)
    })
    .map((text) => JSON.stringify(String(text).slice(0, 200)))
}

/** What the tool tells of itself. The verdict names the guard, so the error has to name the tool. */
function toldBy(
  destinations: NonNullable<CallSubject['tool']['destinations']>,
  tool: string,
  args: unknown,
): readonly unknown[] {
  const bad = (what: string, options: ErrorOptions = {}): EverloopError =>
    new EverloopError('BAD_OPTION', `\`destinations\` of tool "${tool}" ${what}`, options)
  let told: unknown
  try {
    told = destinations(args as never)
  } catch (cause) {
    throw bad(`failed: ${errorData(cause).message}`, { cause })
  }
  if (!Array.isArray(told)) throw bad('returns no list.')
  return told
}

function foundIn(args: unknown): string[] {
  const found: string[] = []
  someText(args, (text) => {
    found.push(...destinationsIn(text))
    return false
  })
  return found
}
