/** Refuses options that are misspelt, by name, or of the wrong type: a silently ignored timeout is worse than an error. */
import { type ErrorPlace, EverloopError } from './errors.ts'

/** Throws BAD_OPTION unless this is an object with no other keys than these. */
export function checkOptions(where: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new EverloopError(
      'BAD_OPTION',
      `${where} takes an object of options: ${known.join(', ')}.`,
    )
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue
    throw new EverloopError(
      'BAD_OPTION',
      `${where} has no option "${key}".${meant(key, known)} It takes: ${known.join(', ')}.`,
    )
  }
}

/** Throws BAD_OPTION unless each of these is a text or not given. */
export function checkTexts(where: string, texts: Readonly<Record<string, unknown>>): void {
  for (const [name, text] of Object.entries(texts)) {
    if (text === undefined || typeof text === 'string') continue
    throw new EverloopError('BAD_OPTION', `${where}: \`${name}\` must be a text.`)
  }
}

/** Throws BAD_OPTION unless each of these is a function or not given. */
export function checkFunctions(where: string, functions: Readonly<Record<string, unknown>>): void {
  for (const [name, one] of Object.entries(functions)) {
    if (one === undefined || typeof one === 'function') continue
    throw new EverloopError('BAD_OPTION', `${where}: \`${name}\` must be a function.`)
  }
}

/** Throws BAD_OPTION unless this is a list. */
export function checkList(what: string, list: unknown): void {
  if (Array.isArray(list)) return
  throw new EverloopError('BAD_OPTION', `${what} takes a list.`)
}

/** Throws BAD_OPTION unless this is a whole number of at least `least`. */
export function checkCount(
  what: string,
  count: unknown,
  least: number,
  place?: ErrorPlace,
): asserts count is number {
  if (Number.isInteger(count) && Number(count) >= least) return
  throw new EverloopError(
    'BAD_OPTION',
    `${what} must be a whole number of at least ${least}.`,
    place,
  )
}

/** " Did you mean …?" with the nearest of the known names where one is nearly this, else nothing. */
export function meant(word: string, known: readonly string[]): string {
  const [near] = known
    .map((name) => ({ name, far: distance(name.toLowerCase(), word.toLowerCase()) }))
    .filter(({ far }) => far <= 2)
    .toSorted((a, b) => a.far - b.far)
  return near === undefined ? '' : ` Did you mean "${near.name}"?`
}

/** Levenshtein distance, for short words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
