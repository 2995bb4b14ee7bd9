/** A guard that lists which tools may be called, and with what in their arguments. */
import { EverloopError } from '../../base/errors.ts'
import { checkList, checkOptions } from '../../base/options.ts'
import { matchesGlob } from '../policies/globs.ts'
import { type Guard, guard } from './guard.ts'
import { checkReaction, react } from './text-guard.ts'
import { verdict } from './verdict.ts'

/**
 * Calls of some tools, told by name, and by their arguments: `where` gives a glob for the text of an
 * argument at a path like "to" or "request.host". A list fits when one of its items does in a rule
 * that denies, and when all do in one that allows.
 */
export interface ToolRule {
  readonly tool: string
  readonly where?: Readonly<Record<string, string>>
}

/** Which tools may be called, with which arguments. */
export interface ToolsGuardOptions {
  readonly name?: string
  /** When given, nothing else may be called. */
  readonly allow?: readonly (string | ToolRule)[]
  /** These may not, whatever `allow` says. */
  readonly deny?: readonly (string | ToolRule)[]
  /** Default "deny". */
  readonly reaction?: 'deny' | 'ask' | 'halt'
}

/**
 * Allows and denies calls by tool names and arguments. Names and values are globs with `*` and `?`.
 *
 * @example toolsGuard({ deny: ['delete_*', { tool: 'shell', where: { command: 'rm *' } }] })
 */
export function toolsGuard(options: ToolsGuardOptions): Guard {
  checkOptions('toolsGuard', options, ['name', 'allow', 'deny', 'reaction'])
  const { name = 'tools', reaction = 'deny' } = options
  checkReaction('toolsGuard', reaction, ['deny', 'ask', 'halt'])
  const { allow: allowed, deny: denied = [] } = options
  if (allowed !== undefined) checkList('toolsGuard({ allow })', allowed)
  checkList('toolsGuard({ deny })', denied)
  const allow = allowed?.map(asRule)
  const deny = denied.map(asRule)
  if (!allow && deny.length === 0)
    throw new EverloopError('BAD_OPTION', 'toolsGuard takes `allow` or `deny`, or both.')
  return guard({
    name,
    at: 'call',
    check: ({ tool, args }) => {
      if (deny.some((rule) => fits(rule, tool.name, { args, all: false })))
        return react(reaction, `This call of ${tool.name} is not allowed.`)
      if (allow && !allow.some((rule) => fits(rule, tool.name, { args, all: true })))
        return react(reaction, `This call of ${tool.name} is not among what is allowed.`)
      return verdict.allow()
    },
  })
}

function asRule(rule: string | ToolRule): ToolRule {
  if (typeof rule === 'string') return { tool: rule }
  checkOptions('A rule of toolsGuard', rule, ['tool', 'where'])
  const globs = [rule.tool, ...Object.values(rule.where ?? {})]
  if (globs.every((glob) => typeof glob === 'string')) return rule
  throw new EverloopError('BAD_OPTION', 'A rule of toolsGuard holds globs: texts with "*" and "?".')
}

function fits(
  { tool, where = {} }: ToolRule,
  name: string,
  { args, all }: { readonly args: unknown; readonly all: boolean },
): boolean {
  if (!matchesGlob(tool, name)) return false
  return Object.entries(where).every(([path, glob]) => {
    const found = valuesAt(args, path.split('.'))
    const isFit = (value: unknown): boolean => matchesGlob(glob, textOf(value))
    return found.length > 0 && (all ? found.every(isFit) : found.some(isFit))
  })
}

/** What stands at a path; each item of the lists on the way counts. */
function valuesAt(value: unknown, [key, ...rest]: readonly string[]): unknown[] {
  if (Array.isArray(value))
    return value.flatMap((item: unknown) => valuesAt(item, key === undefined ? [] : [key, ...rest]))
  if (key === undefined) return [value]
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return []
  return valuesAt((value as Record<string, unknown>)[key], rest)
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
