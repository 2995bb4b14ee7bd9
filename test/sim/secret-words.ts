/** Words that values, errors and states of the programs are full of: secrets, where secrets are redacted. */
export const secretWords = [
  'result of',
  'attempt 1 failed',
  'nobody came',
  'BBBBBBBB',
  'does not like',
] as const

/** The first of them in this text. */
export const secretIn = (text: string): string | undefined =>
  secretWords.find((word) => text.includes(word))
