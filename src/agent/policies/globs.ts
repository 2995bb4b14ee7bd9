/** Names with `*` for any text and `?` for one character, matched without recursion. */

/** True when the whole text fits the glob. Everything but `*` and `?` means itself. */
export function matchesGlob(glob: string, text: string): boolean {
  let [at, star, from, position] = [0, -1, 0, 0]
  while (position < text.length) {
    const sign = glob[at]
    if (sign === '*') {
      star = at++
      from = position
    } else if (sign !== undefined && (sign === '?' || sign === text[position])) {
      at++
      position++
    } else if (star !== -1) {
      // Let the last star take one more character, and try behind it again.
      at = star + 1
      position = ++from
    } else return false
  }
  while (glob[at] === '*') at++
  return at === glob.length
}

/** True when the text fits one of the globs. */
export const matchesAny = (globs: readonly string[], text: string): boolean =>
  globs.some((glob) => matchesGlob(glob, text))
