/**
 * Texts of blocks as they are kept: compressed, because what they hold stands in the entries of the turns as
 * well. As a Zstandard frame (RFC 8878), which is read several times faster than what else Node has.
 */
import type * as Zlib from 'node:zlib'

/** The bytes that an encoded value is kept as. */
export function packText(text: string): Uint8Array {
  const { zstdCompressSync, constants } = zlib()
  // In one piece: without a size the module works in pieces of 16 KiB.
  return zstdCompressSync(Buffer.from(text, 'latin1'), {
    chunkSize: chunkSize(text.length),
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
  })
}

/** Longer texts are not read: they would be no value's, nor a few values'. */
const unitsMax = 128 * 1024 * 1024

/** The text of so many characters that these bytes were made of; undefined when they are no such bytes. */
export function unpackText(bytes: Uint8Array, units: number): string | undefined {
  if (units > unitsMax) return undefined
  const most = chunkSize(units)
  try {
    const text = zlib().zstdDecompressSync(bytes, { chunkSize: most, maxOutputLength: most })
    return text.length === units ? text.toString('latin1') : undefined
  } catch {
    return undefined
  }
}

/** The module takes no less. */
const chunkSize = (units: number): number => Math.max(units, 64)

/** Fetched by whoever meets the first block: it costs a start some milliseconds. */
const zlib = (): typeof Zlib => process.getBuiltinModule('node:zlib')
