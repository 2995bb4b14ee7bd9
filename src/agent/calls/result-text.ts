/** What a model is told of a tool's result: text, within a limit, with a way to read the rest. */
import { encode, errorData } from '../../ledger/index.ts'

/** The whole result as text: texts as they are, everything else as JSON. */
export function wholeText(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === undefined) return '(no result)'
  return JSON.stringify(value, (_, inner: unknown) => forModels(inner)) ?? '(no result)'
}

/** The value as a model is told it: texts and what JSON can hold as they are, everything else as text. */
export const told = (value: unknown): unknown => (isPlain(value) ? value : wholeText(value))

/** Encoded text has tags for everything that JSON cannot hold. */
const isPlain = (value: unknown): boolean =>
  typeof value === 'string' || (value !== undefined && !encode(value).includes('{"$":'))

/** What JSON lacks, in the form in which a model understands it best. */
function forModels(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (value instanceof Map) return Array.from(value as ReadonlyMap<unknown, unknown>)
  if (value instanceof Set) return Array.from(value as ReadonlySet<unknown>)
  if (value instanceof Uint8Array) return `(${value.byteLength} bytes)`
  return value instanceof Error ? errorText(value) : value
}

/**
 * The beginning and the end of a text that is too long, and what stands between them. `more` says how
 * to read it: the name of the artifact that holds the whole, and of the tool that reads it.
 */
export function excerpt(
  text: string,
  maxBytes: number,
  more?: { readonly artifact: string; readonly tool: string },
): string {
  const bytes = Buffer.from(text)
  const mark = (missing: number, from: number): string =>
    `\n\n[… ${missing} of ${bytes.length} bytes are left out here.${
      more ? ` Read them with ${more.tool}({"artifact":"${more.artifact}","from":${from}}).` : ''
    }]\n\n`
  const room = maxBytes - mark(bytes.length, bytes.length).length - 4
  if (bytes.length <= maxBytes) return text
  if (room <= 0) return mark(bytes.length, 0).trim().slice(0, maxBytes)
  const head = wholeCharacters(bytes, Math.floor((room * 2) / 3))
  const tail = wholeCharacters(bytes, bytes.length - Math.floor(room / 3))
  return `${bytes.toString('utf8', 0, head)}${mark(tail - head, head)}${bytes.toString('utf8', tail)}`
}

/** No more of an error is worth telling. */
const errorBytesMax = 4096

/**
 * An error as text for the model: marked as one, without a stack, and cut as a result of this many bytes is. The rest
 * cannot be read: it is in the ledger with the error, and no artifact.
 */
export function errorText(thrown: unknown, maxBytes: number = errorBytesMax): string {
  const { name, message } = errorData(thrown)
  const text = name === 'Error' ? `Error: ${message}` : `Error: ${name}: ${message}`
  return excerpt(text, Math.min(maxBytes, errorBytesMax))
}

/** The place at or before this one where no character of UTF-8 is cut through. */
export function wholeCharacters(bytes: Uint8Array, at: number): number {
  let place = at
  while (place > 0 && ((bytes[place] ?? 0) & 0xc0) === 0x80) place--
  return place
}
