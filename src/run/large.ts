/**
 * Large values: kept once, as artifacts, by the hash of their encoded text. The entry holds a
 * reference with 0 in the place of an entry's number, and the hash.
 */
import { hash } from 'node:crypto'
import { EverloopError } from '../base/errors.ts'
import { type Charge, decode, encode, type Ref } from '../ledger/index.ts'
import type { NewArtifact, Store } from '../store/store.ts'

/** Encoded values longer than this leave the entry. */
const largeUnits = 256 * 1024

/** Whether this encoded value will be kept as an artifact. */
export const isLarge = (text: string): boolean => text.length > largeUnits

/**
 * A payload whose first field is this encoded value, and the artifact it refers to, if any. A charge
 * goes before it, where a store looks for it.
 */
export function payloadWith(
  field: 'value' | 'output',
  text: string,
  rest: object,
  charge?: Charge,
): { readonly payload: string; readonly artifacts: readonly NewArtifact[] } {
  const tail = encode(rest)
  const close = tail === '{}' ? '}' : `,${tail.slice(1)}`
  const open = charge ? `{"charge":${encode(charge)},` : '{'
  if (!isLarge(text)) return { payload: `${open}"${field}":${text}${close}`, artifacts: [] }
  const bytes = Buffer.from(text, 'latin1') // encoded text is ASCII
  const artifact = { hash: hash('sha256', bytes, 'base64url'), bytes }
  const ref = `{"$":"ref","v":[0,"${artifact.hash}"]}`
  return { payload: `${open}"${field}":${ref}${close}`, artifacts: [artifact] }
}

/** The artifact a reference means, or undefined when it means an entry. */
export const largeOf = ([seq, ...path]: Ref): string | undefined =>
  seq === 0 && typeof path[0] === 'string' ? path[0] : undefined

/**
 * The record as a replay decodes it, where its payload has references in the place of values. Field
 * by field: each value is within the limits of a payload, and with others around it may not be.
 */
export function copied(record: object, [artifact]: readonly NewArtifact[] = []): object {
  const fields = Object.entries(record).map(([key, value]): [string, unknown] => {
    const isSpilled = artifact && (key === 'value' || key === 'output')
    return [key, decode(isSpilled ? textOf(artifact.bytes) : encode(value))]
  })
  return Object.fromEntries(fields)
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

/** Fetches the large values that these payloads refer to. Throws BROKEN_CHAIN when one is not whole. */
export async function largeIn(
  store: Store,
  run: string,
  payloads: Iterable<string | null>,
): Promise<ReadonlyMap<string, unknown>> {
  const values = new Map<string, unknown>()
  for (const payload of payloads) {
    // Quotes inside texts are escaped, so this finds references and nothing else.
    for (const [, name = ''] of payload?.matchAll(/"\$":"ref","v":\[0,"([\w-]{43})"/g) ?? []) {
      if (!values.has(name)) values.set(name, await fetch(store, run, name))
    }
  }
  return values
}

async function fetch(store: Store, run: string, name: string): Promise<unknown> {
  const bytes = await store.artifact(name)
  if (!bytes || hash('sha256', bytes, 'base64url') !== name) {
    throw new EverloopError(
      'BROKEN_CHAIN',
      `A large value of run "${run}" (artifact ${name}) is ${bytes ? 'not what was kept' : 'missing'}. Restore the store from a backup.`,
      { run },
    )
  }
  return decode(textOf(bytes))
}
