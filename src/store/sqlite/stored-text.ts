/**
 * Free texts in SQLite. Its TEXT is UTF-8, which cannot hold a lone surrogate, and Node 22.18 reads it no
 * further than a NUL: two different names would become the same one. Such texts are kept as JSON
 * behind a mark; all others as they are.
 */
const mark = '\u0001'
const end = '\u0000'

/** The text as it is stored. Equal only for equal texts. */
export function toStored(text: string): string {
  const isAsItIs = text.isWellFormed() && !text.startsWith(mark) && !text.includes(end)
  return isAsItIs ? text : mark + JSON.stringify(text)
}

/** The text that `toStored` was given. */
export function fromStored(stored: string): string {
  return stored.startsWith(mark) ? String(JSON.parse(stored.slice(1))) : stored
}
