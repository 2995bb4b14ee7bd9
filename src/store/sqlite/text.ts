/**
 * Free texts in SQLite. Its TEXT is UTF-8, which cannot hold a lone surrogate: two different names
 * would become the same one. Such texts are kept as JSON behind a mark; all others as they are.
 */
const mark = '\u0001'

/** The text as it is stored. Equal only for equal texts. */
export function kept(text: string): string {
  return text.isWellFormed() && !text.startsWith(mark) ? text : mark + JSON.stringify(text)
}

/** The text that `kept` stored. */
export function told(stored: string): string {
  return stored.startsWith(mark) ? String(JSON.parse(stored.slice(1))) : stored
}
