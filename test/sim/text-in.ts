/** What an artifact says, for looking into it: blocks of states are compressed. */
import { zstdDecompressSync } from 'node:zlib'

export function textIn(bytes: Uint8Array): string {
  const text = isPacked(bytes) ? zstdDecompressSync(bytes) : Buffer.from(bytes)
  return text.toString('latin1')
}

/** Frames of Zstandard begin with this number. */
const isPacked = (bytes: Uint8Array): boolean =>
  bytes.length >= 4 && Buffer.from(bytes.subarray(0, 4)).readUInt32LE() === 0xfd2fb528
