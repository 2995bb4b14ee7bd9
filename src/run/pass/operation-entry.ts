/**
 * The entry of an operation on its way into the ledger. It is made when the code hands its record over, as the
 * code may go on changing that while it is being written; it holds no secrets; and what the code is handed of
 * it is what a replay would decode.
 */
import type { Redactor } from '../../base/redactor.ts'
import { decode, encode, type Entry, type Payloads, redacted } from '../../ledger/index.ts'
import { cleaned, type Encoded, textOf, type Written } from '../replay/large.ts'
import type { Line } from '../replay/recorded.ts'
import type { ItemDraft } from './journal.ts'
import type { Operation } from './operation.ts'

/** The payload of a record and the artifacts that it refers to, where these are made already. */
export interface Prepared {
  readonly payload?: Encoded['payload'] | undefined
  readonly artifacts?: Encoded['artifacts']
}

/** What is recorded. */
export interface Recording<K extends keyof Payloads> extends Prepared {
  readonly kind: K
  readonly record: Payloads[K]
}

export interface OperationEntry<K extends keyof Payloads> extends Pick<Written, 'artifacts'> {
  readonly draft: ItemDraft
  /** The entry, once it is durable, with the record as a replay would decode it. */
  readonly line: (entry: Entry) => Line<K>
}

/** Throws NOT_SERIALISABLE. */
export function operationEntry<K extends keyof Payloads>(
  { place, live }: Pick<Operation, 'place' | 'live'>,
  { kind, record, payload: text = encode(record), artifacts: given }: Recording<K>,
  redactor: Redactor,
): OperationEntry<K> {
  const written = cleaned({ payload: text, artifacts: given }, redactor)
  const { payload, artifacts } = written
  const isFresh = live.isFresh === true && 'value' in record
  const isSame = payload === text && (isFresh || isFlat(record))
  const copy = isSame ? record : copyOf(record, written, redactor)
  return {
    artifacts,
    draft: { ...place, kind, record, payload } as unknown as ItemDraft,
    line: (entry) => ({ entry, kind, record: (copy ?? decode(payload)) as Payloads[K] }),
  }
}

/** Texts, numbers and booleans are themselves when they are decoded: what most steps return needs no decoding. */
function isFlat(record: object): boolean {
  for (const value of Object.values(record)) {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
      return false
  }
  return true
}

/**
 * The record as a replay will decode it, where the payload alone does not say it: it has references in
 * the place of values. Copied field by field, as each value is within the limits of a payload, and with
 * others around it may not be.
 */
function copyOf(
  record: object,
  { payload, artifacts: [artifact] = [] }: Written,
  redactor: Redactor,
): unknown {
  if (!payload.includes('"$":"ref"')) return undefined
  const fields = Object.entries(record).map(([key, value]): [string, unknown] => {
    const isSpilled = artifact && (key === 'value' || key === 'output' || key === 'args')
    const text = isSpilled ? textOf(artifact.bytes) : redacted(encode(value), redactor, 'value')
    return [key, decode(text)]
  })
  return Object.fromEntries(fields)
}
