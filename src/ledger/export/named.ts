/** What an entry names that does not stand in its ledger: artifacts, and runs below. */
import { isRunId } from '../path.ts'
import { fieldsOf, type ReadEntry } from '../read-entry.ts'

/** A large value, or what `run.artifacts.put` has returned, wherever it was handed on to. */
const names = /"\$":"ref","v":\[0,"([\w-]{43})"[\],]|"artifact":"([\w-]{43})"/g

/**
 * The hashes of the artifacts that a payload or an artifact names, in their order, perhaps several times.
 * Quotes inside of texts are escaped, so these are keys of values; data of the user's that looks the
 * same is named as well.
 */
export function artifactsNamed(text: string | null): string[] {
  if (text === null || !(text.includes('"artifact":"') || text.includes('"$":"ref"'))) return []
  return Array.from(text.matchAll(names), ([, large, put]) => large ?? put ?? '')
}

/** The same of an artifact's bytes. */
export function artifactsNamedIn(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return buffer.includes('"artifact":"') ? artifactsNamed(buffer.toString('latin1')) : []
}

/** The run below that this entry has started, if it has started one and says so. */
export function childNamed(read: ReadEntry): string | undefined {
  const child = fieldsOf(read, 'child.started')?.run
  return isRunId(child) ? child : undefined
}
