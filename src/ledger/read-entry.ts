/**
 * Entries as those read them who trust nothing: invariants, exports and imports. Whatever stands in a payload,
 * reading it throws nothing.
 */
import { isObject } from '../base/is-object.ts'
import { decode } from './codec.ts'
import type { Entry, PayloadKind, Payloads } from './entry.ts'

/** An entry whose payload was decoded once, for all who judge it. */
export interface ReadEntry {
  readonly entry: Entry
  /** The record, with undefined for references; undefined when erased or unreadable. */
  readonly record: object | undefined
}

/** Decodes an entry's payload as far as it can be. */
export function readEntry(entry: Entry): ReadEntry {
  if (entry.payload === null) return { entry, record: undefined }
  try {
    const record = decode(entry.payload, { resolve: () => undefined })
    return { entry, record: isObject(record) ? record : undefined }
  } catch {
    return { entry, record: undefined }
  }
}

/** The record of an entry of this kind. Any field may be missing: the ledger is not trusted. */
export function fieldsOf<K extends PayloadKind>(
  { entry, record }: ReadEntry,
  kind: K,
): Partial<Payloads[K]> | undefined {
  return entry.kind === kind ? record : undefined
}

/** The list, or an empty one where something else stands. */
export const listOf = <T>(value: readonly T[] | undefined): readonly T[] =>
  Array.isArray(value) ? value : []
