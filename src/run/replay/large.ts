/**
 * Large values: kept once, as artifacts, by the hash of their encoded text. The entry holds a
 * reference with 0 in the place of an entry's number, and the hash.
 */
import { hash } from 'node:crypto'
import { EverloopError } from '../../base/errors.ts'
import type { Redactor } from '../../base/redactor.ts'
import { type Charge, decode, encode, redacted, type Ref } from '../../ledger/index.ts'
import type { NewArtifact, Store } from '../../store/store.ts'
import { unpackText } from './packed-text.ts'

/** Encoded values longer than this leave the entry. */
const largeUnits = 256 * 1024

/** Whether this encoded value will be kept as an artifact. */
export const isLarge = (text: string, largeAt: number = largeUnits): boolean =>
  text.length > largeAt

/** A payload, and what it refers to; secrets may be in both. */
export interface Encoded {
  readonly payload: string
  readonly artifacts?: readonly NewArtifact[] | undefined
}

/**
 * A payload whose first field is this encoded value, and the artifact it refers to, if any. A charge
 * goes before it, where a store looks for it.
 */
export function payloadWith(
  field: 'value' | 'output' | 'args',
  text: string,
  rest: object,
  {
    charge,
    largeAt,
  }: { readonly charge?: Charge | undefined; readonly largeAt?: number | undefined } = {},
): Encoded {
  const tail = encode(rest)
  const close = tail === '{}' ? '}' : `,${tail.slice(1)}`
  const open = charge ? `{"charge":${encode(charge)},` : '{'
  if (!isLarge(text, largeAt))
    return { payload: `${open}"${field}":${text}${close}`, artifacts: [] }
  const bytes = Buffer.from(text, 'latin1') // encoded text is ASCII
  const artifact = { hash: hash('sha256', bytes, 'base64url'), bytes }
  const ref = `{"$":"ref","v":[0,"${artifact.hash}"]}`
  return { payload: `${open}"${field}":${ref}${close}`, artifacts: [artifact] }
}

declare const clean: unique symbol
/** An artifact without secrets. Made by `cleaned` alone, so that none is written that was forgotten. */
export type CleanArtifact = NewArtifact & { readonly [clean]: true }

/** What is about to be written. */
export interface Written {
  readonly payload: string
  readonly artifacts: readonly CleanArtifact[] | undefined
}

/**
 * What is about to be written, without secrets, and the same for the large values that it refers to.
 * Everything that a pass commits goes through here before anybody is handed it.
 */
export function cleaned({ payload, artifacts }: Encoded, redactor: Redactor): Written {
  if (redactor.isEmpty) return { payload, artifacts: asClean(artifacts) }
  let text = redacted(payload, redactor, 'record')
  const found = artifacts?.map((artifact): NewArtifact => {
    // Bytes of the user's own were cleaned when they were handed over: their hash is a value. So were packed ones.
    if (!payload.includes(`"$":"ref","v":[0,"${artifact.hash}"]`)) return artifact
    const before = textOf(artifact.bytes)
    const after = redacted(before, redactor, 'value')
    if (after === before) return artifact
    const bytes = Buffer.from(after, 'latin1')
    const name = hash('sha256', bytes, 'base64url')
    text = text.replaceAll(artifact.hash, name)
    return { hash: name, bytes }
  })
  return { payload: text, artifacts: asClean(found) }
}

const asClean = (artifacts: readonly NewArtifact[] | undefined): Written['artifacts'] =>
  artifacts as readonly CleanArtifact[] | undefined

/** The artifact a reference means, or undefined when it means an entry. */
export const largeOf = ([seq, ...path]: Ref): string | undefined =>
  seq === 0 && typeof path[0] === 'string' ? path[0] : undefined

/** The text of an artifact that holds an encoded value. */
export const textOf = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('latin1')

/** How a reference stands in a payload. Quotes inside texts are escaped, so it is nothing else. */
const refOpens = '"$":"ref","v":['

/** What payloads refer to: entries by number, and large values by name, as `Packed` where they are. */
export interface Wanted {
  readonly seqs: Set<number>
  readonly large: Map<string, Packed | undefined>
}

/** A value whose text is compressed, see packed-text.ts: how many characters it has. */
export interface Packed {
  readonly units: number
}

/** Adds what the payload refers to. False when it refers to nothing. */
export function wantedBy(payload: string | null, { seqs, large }: Wanted): boolean {
  if (payload === null) return false
  // Searched by hand, as payloads have megabytes: an expression takes ten times as long.
  let at = payload.indexOf(refOpens)
  const refers = at !== -1
  while (at !== -1) {
    const begin = at + refOpens.length
    const seq = Number.parseInt(payload.slice(begin, begin + 17), 10)
    if (seq > 0) seqs.add(seq)
    const [, name, units] = (seq === 0 && largeRef.exec(payload.slice(begin, begin + 70))) || []
    if (name !== undefined)
      large.set(name, units === undefined ? undefined : { units: Number(units) })
    at = payload.indexOf(refOpens, begin)
  }
  return refers
}

const largeRef = /^0,"([\w-]{43})"(?:,"zstd",(\d{1,9}))?\]/

/** Fetches the large values that a payload refers to. Throws BROKEN_CHAIN when one is not whole. */
export function largeIn(
  store: Store,
  run: string,
  payload: string | null,
): Promise<ReadonlyMap<string, unknown>> {
  const large: Wanted['large'] = new Map()
  wantedBy(payload, { seqs: new Set(), large })
  return largeValues(store, run, large)
}

/** Fetches large values by name. Throws BROKEN_CHAIN when one is not whole. */
export async function largeValues(
  store: Store,
  run: string,
  wanted: Wanted['large'],
): Promise<ReadonlyMap<string, unknown>> {
  const values = new Map<string, unknown>()
  for (const [name, packed] of wanted) values.set(name, await fetch(store, run, name, packed))
  return values
}

async function fetch(
  store: Store,
  run: string,
  name: string,
  packed: Packed | undefined,
): Promise<unknown> {
  const bytes = await store.artifact(name)
  const isWhole = bytes && hash('sha256', bytes, 'base64url') === name
  const text = isWhole && (packed ? unpackText(bytes, packed.units) : textOf(bytes))
  // What is packed is a stretch of a list, and nothing else.
  if (text === undefined || text === false || (packed && !text.startsWith('['))) {
    throw new EverloopError(
      'BROKEN_CHAIN',
      `A large value of run "${run}" (artifact ${name}) is ${bytes ? 'not what was kept' : 'missing'}. Restore the store from a backup.`,
      { run },
    )
  }
  return decode(text)
}
