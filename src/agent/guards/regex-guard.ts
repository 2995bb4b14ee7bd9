/** A guard on patterns, matched in linear time: no text makes it hang. */
import { EverloopError } from '../../base/errors.ts'
import { checkOptions } from '../../base/options.ts'
import { linearPattern, type PatternFlags } from '../schemas/linear-pattern.ts'
import type { Guard } from './guard.ts'
import { positions } from './position.ts'
import {
  checkReaction,
  type Finder,
  textGuard,
  type TextGuardOptions,
  textGuardOptions,
} from './text-guard.ts'

/** Which patterns are looked for, and how they are read. */
export interface RegexGuardOptions extends TextGuardOptions, PatternFlags {
  /** In the syntax of RE2: no lookaround and no references to groups. */
  readonly patterns: string | readonly string[]
  /** What stands in the place of a match when `reaction` is "fix". Taken literally. Default "[removed]". */
  readonly replacement?: string
  /** Completes "It holds …". Default: "what a pattern forbids". */
  readonly what?: string
}

/**
 * Looks for patterns in all texts of the subject, keys included. Throws BAD_OPTION for patterns that
 * cannot be matched in linear time.
 *
 * @example regexGuard({ patterns: 'project (falcon|osprey)', ignoreCase: true, at: 'output', reaction: 'fix' })
 */
export function regexGuard(options: RegexGuardOptions): Guard {
  checkOptions('regexGuard', options, [
    ...textGuardOptions,
    'patterns',
    'replacement',
    'what',
    'ignoreCase',
    'multiline',
    'dotAll',
  ])
  const { name = 'regex', at = positions, reaction = 'deny', replacement = '[removed]' } = options
  const { patterns, what = 'what a pattern forbids', ignoreCase, multiline, dotAll } = options
  checkReaction('regexGuard', reaction)
  const list: readonly string[] = typeof patterns === 'string' ? [patterns] : patterns
  if (!Array.isArray(list) || list.length === 0)
    throw new EverloopError('BAD_OPTION', 'regexGuard takes `patterns`: a text or a list of texts.')
  const flags = { ignoreCase, multiline, dotAll }
  const compiled = list.map((pattern) => linearPattern(pattern, flags))
  const finder: Finder = {
    finds: (text) => compiled.some((pattern) => pattern.finds(text)),
    replaced: (text) => compiled.reduce((rest, one) => one.replaced(rest, replacement), text),
  }
  return textGuard({ ...options, name, at }, { what, reactionAt: () => reaction, finder })
}
