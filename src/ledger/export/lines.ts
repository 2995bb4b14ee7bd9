/** A stream of texts and bytes as lines, of which none is longer than an entry can be. */
import { EverloopError } from '../../base/errors.ts'
import { payloadUnitsMax } from '../write-value.ts'

/** A payload of nothing but quotes takes two characters for each; then come scope, key and the like. */
const lineUnitsMax = 2 * payloadUnitsMax + 16 * 1024

/** Pieces of text or bytes: a stream of Node's or of the web, a list, or all of it at once. */
export type TextSource =
  | string
  | Uint8Array
  | AsyncIterable<string | Uint8Array>
  | Iterable<string | Uint8Array>

/**
 * The lines without their ends. `refused` makes the error for what is no text of lines; what the source
 * throws is thrown.
 */
export async function* linesOf(
  source: TextSource,
  refused: (what: string) => EverloopError,
): AsyncGenerator<string, void> {
  const isWhole = typeof source === 'string' || source instanceof Uint8Array
  if (!isWhole && !isSource(source)) throw noSource()
  let parts: string[] = []
  let units = 0
  for await (const piece of isWhole ? [source] : source) {
    const text = textOf(piece)
    let from = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', from)) {
      if (units + end - from > lineUnitsMax) throw refused(tooLong)
      parts.push(text.slice(from, end))
      yield parts.join('')
      parts = []
      units = 0
      from = end + 1
    }
    if (from === text.length) continue
    units += text.length - from
    if (units > lineUnitsMax) throw refused(tooLong)
    parts.push(text.slice(from))
  }
  if (units > 0) throw refused('ends in the middle of a line: it was cut off')
}

const tooLong = 'is longer than any entry'

/** Lines are ASCII: any other byte becomes some character that they do not have. */
function textOf(piece: unknown): string {
  if (typeof piece === 'string') return piece
  if (piece instanceof Uint8Array) {
    return Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString('latin1')
  }
  throw noSource()
}

const isSource = (source: unknown): boolean =>
  typeof source === 'object' &&
  source !== null &&
  (Symbol.asyncIterator in source || Symbol.iterator in source)

const noSource = (): EverloopError =>
  new EverloopError('BAD_OPTION', 'import takes a stream of texts or bytes.')
