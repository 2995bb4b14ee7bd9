/** What guards on texts share: something is found or not, and then it is replaced, or decided upon. */
import { EverloopError } from '../../base/errors.ts'
import type { Duration } from '../../base/duration.ts'
import { type Guard, guard } from './guard.ts'
import { fixedPart, judgedPart, type Position, type RequestSubject } from './position.ts'
import { withTexts, writtenIn } from './request-texts.ts'
import { mapTexts, someText } from './texts.ts'
import { type GuardVerdict, verdict } from './verdict.ts'

/** What is done about something that was found. `"fix"` replaces it. */
export type Reaction = 'deny' | 'fix' | 'retry' | 'ask' | 'halt'

/** Where a guard looks at texts, and what it does about what it finds. */
export interface TextGuardOptions {
  /** Its verdicts are recorded under it. */
  readonly name?: string
  readonly at?: Position | readonly Position[]
  /** What is done about what is found. */
  readonly reaction?: Reaction
  readonly timeout?: Duration
  /** So many characters of an answer are shown live before the verdict. Default 0. */
  readonly window?: number
}

/** What to look for. */
export interface Finder {
  finds(text: string): boolean
  replaced(text: string): string
}

export const textGuardOptions: readonly string[] = ['name', 'at', 'reaction', 'timeout', 'window']

/** The guard that reacts to what the finder finds. `what` completes "It holds …". */
export function textGuard(
  options: TextGuardOptions & {
    readonly name: string
    readonly at: NonNullable<TextGuardOptions['at']>
  },
  {
    what,
    reactionAt,
    finder,
  }: {
    readonly what: string
    readonly reactionAt: (position: Position) => Reaction
    readonly finder: Finder
  },
): Guard {
  const { name, at, timeout, window } = options
  const finds = (text: string): boolean => finder.finds(text)
  const replaced = (text: string): string => finder.replaced(text)
  const atCalls = [at].flat().includes('call')
  return guard<Position>({
    name,
    at,
    ...(timeout === undefined ? {} : { timeout }),
    ...(window === undefined ? {} : { window }),
    check: (subject, { position }) => {
      const request = position === 'request' ? (subject as RequestSubject) : undefined
      const looked = request ? writtenIn(request) : judgedPart(position, subject)
      if (!someText(looked, finds)) return verdict.allow()
      const reason = `It holds ${what}.`
      const reaction = reactionAt(position)
      if (reaction !== 'fix') return react(reaction, reason)
      const fixed = request
        ? withTexts(request, replaced)
        : mapTexts(fixedPart(position, subject), replaced)
      // What stands where nothing can be replaced is not let through: in bytes, or in the arguments of
      // calls, unless this guard looks at each of these too.
      const isInPart = position === 'answer' && !atCalls
      const left = request
        ? writtenIn({ ...request, messages: fixed as unknown[] })
        : [fixed, isInPart ? judgedPart(position, { ...subject, text: '' }) : '']
      if (someText(left, finds)) return verdict.deny(reason)
      return verdict.fix(fixed, reason)
    },
  })
}

/** The verdict of a reaction that replaces nothing. */
export function react(reaction: Exclude<Reaction, 'fix'>, reason: string): GuardVerdict {
  switch (reaction) {
    case 'deny':
      return verdict.deny(reason)
    case 'retry':
      return verdict.retry(reason)
    case 'ask':
      return verdict.ask(`${reason} Let it go on?`)
    case 'halt':
      return verdict.halt(reason)
  }
}

/** Throws BAD_OPTION unless this is one of the reactions. */
export function checkReaction(
  where: string,
  reaction: unknown,
  allowed: readonly Reaction[] = ['deny', 'fix', 'retry', 'ask', 'halt'],
): void {
  if (reaction === undefined || (allowed as readonly unknown[]).includes(reaction)) return
  throw new EverloopError(
    'BAD_OPTION',
    `${where}: \`reaction\` is ${allowed.map((one) => `"${one}"`).join(', ')}.`,
  )
}
