/**
 * Regular expressions in linear time. The engine is loaded when the first pattern is used.
 */
import type { RE2JS } from 're2js'
import { EverloopError } from '../../base/errors.ts'
import { re2 } from '../late-modules.ts'

/** A compiled pattern. */
export interface LinearPattern {
  finds(text: string): boolean
  /** The text with this in the place of each match, taken literally. */
  replaced(text: string, replacement: string): string
}

export interface PatternFlags {
  readonly ignoreCase?: boolean | undefined
  readonly multiline?: boolean | undefined
  /** "." stands for line breaks too. */
  readonly dotAll?: boolean | undefined
}

/** Compiles a pattern. Throws BAD_OPTION when no linear engine can, or this one does not, take it. */
export function linearPattern(
  pattern: string,
  { ignoreCase, multiline, dotAll }: PatternFlags = {},
): LinearPattern {
  checkPattern(pattern)
  const { RE2JS: Engine } = re2()
  const flags =
    (ignoreCase ? Engine.CASE_INSENSITIVE : 0) |
    (multiline ? Engine.MULTILINE : 0) |
    (dotAll ? Engine.DOTALL : 0)
  let compiled: RE2JS
  try {
    compiled = Engine.compile(pattern, flags)
  } catch (cause) {
    throw unfit(pattern, 'the linear engine does not take it', cause)
  }
  return {
    finds: (text) => compiled.matcher(text).find(),
    replaced: (text, replacement) => compiled.matcher(text).replaceAll(() => replacement),
  }
}

/** Throws BAD_OPTION for what no linear engine can do: looking around and references to groups. */
function checkPattern(pattern: unknown): asserts pattern is string {
  if (typeof pattern !== 'string' || pattern === '') {
    throw new EverloopError('BAD_OPTION', 'A pattern is a text: write /a+/ as "a+".')
  }
  // What is escaped and what stands in brackets means itself.
  const bare = pattern.replaceAll(/\\[^1-9k]|\[\^?\]?(?:\\.|[^\]\\])*\]/gs, '')
  const found = /\(\?<?[=!]|\\[1-9]|\\k/.exec(bare)
  if (found) {
    const what = found[0].startsWith('(') ? 'looks around' : 'refers to a group'
    throw unfit(pattern, `it ${what} ("${found[0]}"), which cannot be matched in linear time`)
  }
}

const unfit = (pattern: string, why: string, cause?: unknown): EverloopError =>
  new EverloopError(
    'BAD_OPTION',
    `The pattern ${JSON.stringify(pattern.slice(0, 200))} cannot be used: ${why}.`,
    cause === undefined ? {} : { cause },
  )
