/** An artifact in the lines of an export: cut into pieces, and put together again. */
import { hash as sha256 } from 'node:crypto'
import { artifactsNamedIn, type ExportLine, pieceBytes } from '../../ledger/index.ts'
import type { NewArtifact } from '../../store/store.ts'

type Piece = Extract<ExportLine, { is: 'artifact' }>

/** More than this no store has ever kept: it is SQLite's limit. */
const bytesMax = 1_000_000_000

/** The artifact in pieces of one length, and a last one that may be shorter. One of no bytes is one piece. */
export function* piecesOf({ hash, bytes }: NewArtifact): Generator<Piece> {
  const { buffer, byteOffset, byteLength } = bytes
  for (let at = 0; at === 0 || at < byteLength; at += pieceBytes) {
    const part = Buffer.from(buffer, byteOffset + at, Math.min(pieceBytes, byteLength - at))
    yield { is: 'artifact', hash, bytes: byteLength, at, data: part.toString('base64') }
  }
}

/** What came before an entry: an artifact that is whole, or the gap that stands for it. */
export interface Arrived {
  readonly hash: string
  /** Undefined: it was missing where it was exported. */
  readonly bytes: Uint8Array | undefined
  /** The artifacts that it names itself. */
  readonly names: readonly string[]
}

/** An artifact of which not all pieces have come. */
export class ArtifactPieces {
  readonly #hash: string
  readonly #bytes: number
  readonly #parts: Buffer[] = []
  #length = 0

  constructor({ hash, bytes }: Piece) {
    this.#hash = hash
    this.#bytes = bytes
  }

  /** The artifact when this was its last piece; else undefined, or what is wrong with the piece. */
  add({ hash, bytes, at, data }: Piece): Arrived | undefined | string {
    if (hash !== this.#hash || bytes !== this.#bytes) return 'begins an artifact inside of another'
    if (bytes > bytesMax) return 'is of an artifact that is larger than any'
    const part = Buffer.from(data, 'base64')
    const isNext = at === this.#length && part.length === Math.min(pieceBytes, bytes - at)
    if (!isNext || part.toString('base64') !== data) return 'is not the next piece of its artifact'
    this.#parts.push(part)
    this.#length += part.length
    if (this.#length < bytes) return undefined
    const whole = Buffer.concat(this.#parts)
    if (sha256('sha256', whole, 'base64url') !== hash) {
      return `ends artifact ${hash}, whose bytes have another hash`
    }
    return { hash, bytes: whole, names: artifactsNamedIn(whole) }
  }
}
