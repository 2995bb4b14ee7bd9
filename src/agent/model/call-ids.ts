/**
 * Ids of proposed calls. The loop keys its steps by them, so within one answer they are unique, not
 * empty and of bounded length, whatever the model sent; and the same answer always gets the same ids.
 * The id that the provider gave is kept beside ours where the two differ, or where other providers would
 * not take it: some providers carry more in an id than a name.
 */
import { hash } from 'node:crypto'

/** Providers use up to about 60; more than this is too long for a key. */
const idUnitsMax = 150

/** Longer ones than this are somebody playing. */
const givenUnitsMax = 64 * 1024

/** OpenAI's chat completions take no longer ones. */
const acceptedUnitsMax = 40

/** What every provider accepts. */
const accepted = new RegExp(`^[a-zA-Z0-9_-]{1,${acceptedUnitsMax}}$`)

export interface CallId {
  readonly id: string
  /** As the provider gave it, where that is not `id`, or other providers would not take it. */
  readonly given?: string
}

/** The ids in order: missing ones by position, repeated ones numbered. */
export function callIds(raw: readonly unknown[]): CallId[] {
  const taken: Taken = new Map()
  const seen = new Set<unknown>()
  return raw.map((one, index) => {
    const id = claimed(readable(one) || `call_${index + 1}`, taken, idUnitsMax)
    const isKnown = seen.has(one) // given twice, it names nothing
    seen.add(one)
    if (typeof one !== 'string' || one === '' || one.length > givenUnitsMax) return { id }
    if (isKnown || (one === id && accepted.test(one))) return { id }
    return { id, given: one.toWellFormed() }
  })
}

/** Printable ASCII without spaces: ids become part of keys. */
function readable(id: unknown): string {
  return typeof id === 'string' ? id.replace(/[^!-~]/g, '_').slice(0, idUnitsMax) : ''
}

/** An id that every provider accepts, in the place of this one: the same in each request. */
export function acceptedId(id: string, taken: Taken): string {
  if (accepted.test(id)) return claimed(id, taken, acceptedUnitsMax)
  const mark = `_${hash('sha256', id, 'base64url').slice(0, 10)}`
  const name = id.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, acceptedUnitsMax - mark.length)
  return claimed(name + mark, taken, acceptedUnitsMax)
}

/** Ids that are taken, each with the last number that was tried for it. */
export type Taken = Map<string, number>

/** The id, numbered where it is taken. Then that is taken. */
function claimed(id: string, taken: Taken, unitsMax: number): string {
  let free = id
  let n = taken.get(id) ?? 1
  while (taken.has(free)) {
    n++
    const mark = `_${n}`
    free = id.slice(0, unitsMax - mark.length) + mark
  }
  taken.set(id, n)
  if (free !== id) taken.set(free, 1)
  return free
}
