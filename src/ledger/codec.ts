/**
 * Values as text: JSON with a few tagged extras, printable ASCII only.
 *
 * What JSON can hold stands as JSON. Keys keep their order, since JavaScript shows it and models react
 * to it. Everything else is an object with a "$" key, a tag: undefined, bigint, Date, Map, Set, bytes, Error, the
 * numbers NaN, Infinity and -0, lists in parts (see `Block`), and references (see `Ref`). A key of the
 * user's that consists of dollar signs alone gets one more, so `{"$":` begins a tag and nothing else, and a text holds
 * references exactly when it holds `"$":"ref"`. Everything beyond printable ASCII is a \u escape, so
 * lone surrogates and NUL survive every store. Nothing revives a class; what cannot be kept is
 * refused with the path to it.
 *
 * Law (property-tested): decode(encode(v)) equals v, and encode(decode(t)) === t.
 */
import { hash as sha256 } from 'node:crypto'
import { EverloopError } from '../base/errors.ts'
import { parseJson } from '../base/parse-json.ts'
import { plainCopy } from './plain-copy.ts'
import { plainJson } from './plain-json.ts'
import { toAscii } from './quote.ts'
import { type DecodeOptions, untag } from './read-tags.ts'
import type { Ref } from './ref.ts'
import { type BlocksOf, checkUnits, type Refer, writeValue } from './write-value.ts'

export interface EncodeOptions {
  /** Asked for each object and long text: a reference to put in its place, if there is one. */
  readonly refer?: Refer | undefined
  /** Asked for each list: what of it is kept as artifacts, to refer to in its place. */
  readonly blocksOf?: BlocksOf | undefined
}

/**
 * Returns the value as text. Throws NOT_SERIALISABLE with the path for functions, symbols, class
 * instances and cycles, and VALUE_TOO_LARGE beyond 64 MiB.
 *
 * @example encode({ at: new Date(0) }) // '{"at":{"$":"date","v":"1970-01-01T00:00:00.000Z"}}'
 */
export function encode(value: unknown, options: EncodeOptions = {}): string {
  const { refer, blocksOf } = options
  const json = refer || blocksOf ? undefined : plainJson(value)
  return checkUnits(
    json === undefined ? writeValue(value, { refer, blocksOf, sorted: false }) : toAscii(json),
  )
}

/** A value's text, and what `decode` makes of it. */
export interface Kept {
  readonly text: string
  readonly value: (resolve: (ref: Ref) => unknown) => unknown
}

/**
 * Returns what `encode` and `decode` return, without decoding where the value is data that JSON can hold as
 * it is. Undefined for all else. `value` can be taken once: it is nobody else's.
 */
export function keep(value: unknown, refer: Refer): Kept | undefined {
  const json = plainCopy(value, refer)
  if (json === undefined) return undefined
  const text = checkUnits(toAscii(JSON.stringify(json)))
  return { text, value: (resolve) => untag(json, { resolve }) }
}

/** Returns the value that `encode` made this text of. Throws BROKEN_CHAIN when it is no such text. */
export function decode(text: string, options: DecodeOptions = {}): unknown {
  try {
    const parsed: unknown = parseJson(text)
    return isTagged(text) ? untag(parsed, options) : parsed
  } catch (cause) {
    if (EverloopError.is(cause)) throw cause
    throw new EverloopError('BROKEN_CHAIN', 'A payload cannot be read: the ledger is damaged.', {
      cause,
    })
  }
}

/** One search settles most texts: everything that `untag` has to undo begins with these two characters. */
const isTagged = (text: string): boolean =>
  text.includes('"$') && (text.includes('"$"') || text.includes('"$$'))

/** A short digest for comparing two values: equal for equal values whatever their key order. */
export function digestOf(value: unknown): string {
  const text = writeValue(value, { refer: undefined, sorted: true })
  return sha256('sha256', text, 'base64url').slice(0, 22)
}
