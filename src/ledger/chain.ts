/**
 * The hash chain: how an entry gets its place, and how a reader sees that nobody moved it.
 *
 * - digest = SHA-256(salt "\n" payload)
 * - hash   = SHA-256 over the ten lines `everloop/1`, predecessor, run, seq, epoch, time, scope,
 *   kind, key, digest, joined by "\n"
 *
 * Both in base64url without padding. The digest covers the stored bytes, so a chain verifies
 * without decoding a payload, and an erased payload (salt and payload null) leaves it valid. None
 * of the fields can contain a line break (path.ts), so no two entries have the same text.
 */
import { hash as sha256 } from 'node:crypto'
import { assert, EverloopError } from '../base/errors.ts'
import { encode } from './codec.ts'
import type { AnyDraft, Entry } from './entry.ts'

/** Where a chain stands: the number and hash of its last entry. */
export interface Head {
  readonly seq: number
  readonly hash: string
  readonly time: number
}

/** The head of a run that has no entry yet. A fork will begin with its parent's binding instead. */
export const emptyHead: Head = { seq: 0, hash: '', time: 0 }

/** The digest of a payload as it is stored. */
export function payloadDigest(salt: string, payload: string): string {
  return sha256('sha256', `${salt}\n${payload}`, 'base64url')
}

/** The hash an entry must have behind this predecessor. */
export function entryHash(
  previous: string,
  entry: Omit<Entry, 'salt' | 'payload' | 'hash'>,
): string {
  const { run, seq, epoch, time, scope, kind, key, digest } = entry
  const lines = ['everloop/1', previous, run, seq, epoch, time, scope, kind, key, digest]
  return sha256('sha256', lines.join('\n'), 'base64url')
}

/** Gives a draft its place behind the head. The time is raised to the predecessor's if need be. */
export function seal(
  draft: AnyDraft,
  place: {
    readonly run: string
    readonly epoch: number
    readonly time: number
    readonly head: Head
    readonly salt: string
    /** The encoded record, when the caller has it already. */
    readonly payload?: string | undefined
  },
): Entry {
  const { run, epoch, head, salt, payload = encode(draft.record) } = place
  const { scope, kind, key } = draft
  const seq = head.seq + 1
  const time = Math.max(place.time, head.time)
  // A fraction would be another text in every language, and no integer column takes it.
  assert(Number.isSafeInteger(time), `The clock told ${time}, which is no whole millisecond.`, {
    run,
  })
  const digest = payloadDigest(salt, payload)
  const hash = entryHash(head.hash, { run, seq, epoch, time, scope, kind, key, digest })
  return { run, seq, epoch, time, scope, kind, key, salt, digest, payload, hash }
}

/** The head behind this entry. */
export const headOf = (entry: Entry): Head => ({
  seq: entry.seq,
  hash: entry.hash,
  time: entry.time,
})

/** What is wrong with an entry behind this predecessor, in one sentence; undefined when sound. */
export function flaw(entry: Entry, previous: string): string | undefined {
  if (entry.payload !== null) {
    if (entry.salt === null) return 'its payload has no salt'
    if (payloadDigest(entry.salt, entry.payload) !== entry.digest) {
      return 'its payload does not fit its digest'
    }
  }
  if (entryHash(previous, entry) !== entry.hash) return 'its hash does not fit its predecessor'
  return undefined
}

/** An entry as a store reads it back, with what its soundness can be checked against. */
export interface LinkedEntry extends Entry {
  /** The stored hash of the entry numbered one less; "" for the first; null when it is missing. */
  readonly previous: string | null
}

/** Throws BROKEN_CHAIN at the first entry that does not fit. What a resume reads goes through here. */
export function checkLinks(entries: readonly LinkedEntry[]): void {
  entries.forEach(checkLink)
}

function checkLink(entry: LinkedEntry): void {
  const wrong = entry.previous === null ? 'its predecessor is missing' : flaw(entry, entry.previous)
  if (wrong === undefined) return
  throw new EverloopError(
    'BROKEN_CHAIN',
    `Entry ${entry.seq} of run "${entry.run}" is broken: ${wrong}. The ledger was changed outside everloop or the disk is damaged. Run \`everloop runs verify ${entry.run}\`, then restore the store from a backup.`,
    { run: entry.run, step: entry.key },
  )
}
