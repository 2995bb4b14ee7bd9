/**
 * Whether the artifacts that entries refer to are there and are what was kept. No invariant, as it
 * is asked of the store: the ledger holds their hashes alone.
 */
import { hash } from 'node:crypto'
import { isObject } from '../../base/is-object.ts'
import { fieldsOf, type ReadEntry } from '../read-entry.ts'

/** The bytes that are kept under this hash. */
export type ArtifactSource = (hash: string) => Promise<Uint8Array | undefined>

/**
 * What is wrong with the artifacts of an entry. Each is read once, on its own, however many entries
 * refer to it; of an erased payload nothing is known.
 */
export function artifactCheck(
  source: ArtifactSource,
): (read: ReadEntry) => Promise<readonly string[]> {
  const flaws = new Map<string, string | undefined>()
  return async (read) => {
    const found: string[] = []
    for (const name of artifactsOf(read)) {
      if (!flaws.has(name)) flaws.set(name, flawOf(name, await source(name)))
      const flaw = flaws.get(name)
      if (flaw !== undefined) found.push(`refers to artifact ${name}, which ${flaw}`)
    }
    return found
  }
}

function flawOf(name: string, bytes: Uint8Array | undefined): string | undefined {
  if (!bytes) return 'is missing'
  return hash('sha256', bytes, 'base64url') === name ? undefined : 'has other bytes'
}

const hashPattern = /^[\w-]{43}$/
/** How the keys of what `run.artifacts.put` records begin. */
const putKey = 'artifact '

/** Large values, and what the flow has put beside the ledger by itself. */
export function artifactsOf(read: ReadEntry): Set<string> {
  const { payload, key } = read.entry
  const names = new Set<string>()
  if (payload?.includes('"$":"ref"')) {
    for (const [, name = ''] of payload.matchAll(/"\$":"ref","v":\[0,"([\w-]{43})"[\],]/g)) {
      names.add(name)
    }
  }
  const put = key.startsWith(putKey) ? fieldsOf(read, 'step.completed')?.value : undefined
  if (isObject(put) && typeof put['artifact'] === 'string' && hashPattern.test(put['artifact'])) {
    names.add(put['artifact'])
  }
  return names
}
