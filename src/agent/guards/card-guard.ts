/** A guard on numbers of payment cards. */
import { checkOptions } from '../../base/options.ts'
import type { Guard } from './guard.ts'
import { checkReaction, textGuard, type TextGuardOptions, textGuardOptions } from './text-guard.ts'

/**
 * Finds card numbers: 13 to 19 digits of a known network whose check digit is right, with or without
 * spaces, dots and dashes between groups. By default it replaces them, and denies calls that carry them.
 * Throws BAD_OPTION.
 *
 * @example agent({ name, model, guards: [cardGuard({ at: ['input', 'output'] })] })
 */
export function cardGuard(options: TextGuardOptions = {}): Guard {
  checkOptions('cardGuard', options, textGuardOptions)
  checkReaction('cardGuard', options.reaction)
  const { name = 'cards', at = ['input', 'request', 'answer', 'call', 'result', 'output'] } =
    options
  const { reaction } = options
  return textGuard(
    { ...options, name, at },
    {
      what: 'the number of a payment card',
      reactionAt: (position) => reaction ?? (position === 'call' ? 'deny' : 'fix'),
      finder: {
        finds: (text) => cardsIn(text).length > 0,
        replaced: withoutCards,
      },
    },
  )
}

/** Groups of digits with at most one character between them: what people write numbers with. */
const runs = /[0-9]+(?:[ \u00a0\u2009\u200b.\-\u2010-\u2013][0-9]+)*/g

interface Span {
  readonly from: number
  readonly to: number
}

/** Where card numbers stand. Linear: a run is looked at from each group, for 19 digits at most. */
function cardsIn(text: string): Span[] {
  const found: Span[] = []
  for (const { 0: run, index } of text.matchAll(runs)) {
    if (run.length < 13) continue
    const groups = Array.from(run.matchAll(/[0-9]+/g), ({ 0: digits, index: at }) => ({
      digits,
      at,
    }))
    for (let first = 0; first < groups.length; first++) {
      const last = lastOfCard(groups, first)
      if (last === undefined) continue
      const from = index + (groups[first]?.at ?? 0)
      const end = groups[last]
      found.push({ from, to: index + (end ? end.at + end.digits.length : run.length) })
      first = last
    }
  }
  return found
}

function lastOfCard(
  groups: readonly { readonly digits: string }[],
  first: number,
): number | undefined {
  let digits = ''
  let best: number | undefined
  for (let last = first; last < groups.length; last++) {
    digits += groups[last]?.digits ?? ''
    if (digits.length > 19) break
    if (isCard(digits)) best = last
  }
  return best
}

/** Networks by their first digits, and how many digits their numbers have. */
const networks: readonly (readonly [first: RegExp, lengths: readonly number[]])[] = [
  [/^4/, [16, 19]],
  [/^(?:5[1-5]|2(?:2[3-9]|[3-6]\d|7[01]|22[1-9]|720))/, [16]],
  [/^3[47]/, [15]],
  [/^(?:6011|64[4-9]|65|62)/, [16, 17, 18, 19]],
  [/^(?:30[0-5]|36|38|39)/, [14, 15, 16, 17, 18, 19]],
  [/^35(?:2[89]|[3-8]\d)/, [16, 17, 18, 19]],
]

function isCard(digits: string): boolean {
  if (!networks.some(([first, lengths]) => lengths.includes(digits.length) && first.test(digits)))
    return false
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48
    const doubled = i % 2 === 0 ? digit : digit * 2
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

function withoutCards(text: string): string {
  let clean = ''
  let at = 0
  for (const { from, to } of cardsIn(text)) {
    clean += `${text.slice(at, from)}[card number removed]`
    at = to
  }
  return clean + text.slice(at)
}
