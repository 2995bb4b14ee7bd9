/** Texts and keys as JSON in printable ASCII: how they stand in payloads. */
import { dollars } from './plain-json.ts'

/** JSON of a text in printable ASCII. Looking whether there is anything to escape is quicker where it is short. */
export const quote = (text: string): string =>
  text.length <= shortUnits && plain.test(text) ? `"${text}"` : toAscii(JSON.stringify(text))

const shortUnits = 64
/** Printable ASCII but for the quote and the backslash. */
const plain = /^[ !#-[\]-~]*$/

/** JSON in printable ASCII, as payloads are. */
export const toAscii = (json: string): string =>
  isPrintable(json) ? json : json.replace(notAscii, escapeUnit)

/** JSON escapes all other controls. Counting bytes takes a quarter of the time of an expression. */
const isPrintable = (json: string): boolean =>
  Buffer.byteLength(json) === json.length && !json.includes('\x7f')

/** The same few keys are written again and again. */
const keysKept = new Map<string, string>()
const keysKeptMax = 1024

export function quoteKey(key: string): string {
  const kept = keysKept.get(key)
  if (kept !== undefined) return kept
  const quoted = quote(dollars.test(key) ? `$${key}` : key)
  if (key.length > shortUnits) return quoted
  if (keysKept.size >= keysKeptMax) keysKept.clear()
  keysKept.set(key, quoted)
  return quoted
}

const notAscii = /[^\x20-\x7e]/g
const escapeUnit = (unit: string): string =>
  `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
