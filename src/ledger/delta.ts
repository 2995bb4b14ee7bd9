/**
 * How a loop's state is kept turn by turn: as a change against the turn before, or whole.
 *
 * A change is a list of small edits, found by identity first (state is frozen, so the same object
 * is the same value) and by structure where identity fails. A growing list costs what was added to
 * it, never its length in bytes. Whether a turn is kept whole is decided by lengths alone: at the
 * latest when a resume would read more than twice the living state (`readsTooMuch`), and sooner where
 * most of it stands in blocks (block.ts). So the chain a resume reads is bounded by the state it
 * yields, and all rewriting together by what was written before.
 */
import { assert } from '../base/errors.ts'
import { setField } from '../base/set-field.ts'

type Key = string | number
type Path = readonly Key[]

/** One edit of a state, applied in order. */
export type Edit =
  | readonly ['set', Path, unknown]
  | readonly ['cut', Path]
  | readonly ['splice', Path, start: number, remove: number, insert: readonly unknown[]]

/** What a turn's entry holds: the whole state, or the edits that lead to it. */
export type StateChange = { readonly base: unknown } | { readonly delta: readonly Edit[] }

/** What `diff` may be told and asked. */
export interface DiffOptions {
  /** A list with the same items that is quicker to read, if there is one. */
  readonly plainOf?: (list: readonly unknown[]) => readonly unknown[] | undefined
}

/** Edits that turn `before` into `after`; none when they are equal. */
export function diff(before: unknown, after: unknown, options: DiffOptions = {}): Edit[] {
  const edits: Edit[] = []
  compare(before, after, [], { edits, ...options })
  return edits
}

/** A comparison under way. */
interface Comparison extends DiffOptions {
  readonly edits: Edit[]
}

/**
 * The state after these edits. Shares with `before` whatever did not change; changes nothing.
 * `plainOf`: as in `DiffOptions`.
 */
export function applyEdits(
  before: unknown,
  edits: readonly Edit[],
  plainOf?: DiffOptions['plainOf'],
): unknown {
  // Each container is copied once, however many edits go through it: a list that grew by thousands
  // of edits would otherwise be copied as often.
  const copies = new Set<object>()
  return edits.reduce<unknown>(
    (state, edit) => applyAt(state, edit, 0, { copies, plainOf }),
    before,
  )
}

/** What a resume may read beyond twice the state before the state is written whole. */
const slackUnits = 64 * 1024

/** What an entry costs to store and read besides its payload. */
export const entryUnits = 200

/** True when the next turn should be kept whole. Both in characters of JSON. */
export const readsTooMuch = (chainUnits: number, liveUnits: number): boolean =>
  chainUnits > 2 * liveUnits + slackUnits

function compare(before: unknown, after: unknown, path: Path, comparison: Comparison): void {
  if (Object.is(before, after)) return
  if (Array.isArray(before) && Array.isArray(after)) compareLists(before, after, path, comparison)
  else if (hasOnlyFields(before) && hasOnlyFields(after)) {
    compareRecords(before, after, path, comparison)
  } else if (!equal(before, after)) comparison.edits.push(['set', path, after])
}

function compareRecords(before: Fields, after: Fields, path: Path, comparison: Comparison): void {
  const { edits } = comparison
  const olds = Object.keys(before)
  const news = Object.keys(after)
  const isKept = olds.length <= news.length && olds.every((key, i) => news[i] === key)
  if (!isKept) {
    if (!sameOrder(olds, news, after)) {
      edits.push(['set', path, after])
      return
    }
    for (const key of olds) if (!Object.hasOwn(after, key)) edits.push(['cut', [...path, key]])
  }
  for (const [i, key] of news.entries()) {
    const isNew = isKept ? i >= olds.length : !Object.hasOwn(before, key)
    if (isNew) edits.push(['set', [...path, key], after[key]])
    else if (!Object.is(before[key], after[key])) {
      compare(before[key], after[key], [...path, key], comparison)
    }
  }
}

/** Edits keep the order of keys only when kept keys keep theirs and new ones come last. */
function sameOrder(olds: readonly string[], news: readonly string[], after: Fields): boolean {
  const kept = olds.filter((key) => Object.hasOwn(after, key) && !isIndex(key))
  const keys = news.filter((key) => !isIndex(key))
  return kept.every((key, i) => keys[i] === key)
}

/** JavaScript itself puts keys that are whole numbers first, in order, whenever they were set. */
const isIndex = (key: string): boolean =>
  /^(0|[1-9]\d{0,9})$/.test(key) && Number(key) < 2 ** 32 - 1

function compareLists(
  frozen: readonly unknown[],
  after: readonly unknown[],
  path: Path,
  comparison: Comparison,
): void {
  const before = comparison.plainOf?.(frozen) ?? [...frozen]
  const shorter = Math.min(before.length, after.length)
  let head = sameItems(before, after)
  while (head < shorter && equal(before[head], after[head])) head++
  let tail = 0
  while (
    tail < shorter - head &&
    equal(before[before.length - 1 - tail], after[after.length - 1 - tail])
  ) {
    tail++
  }
  const removed = before.length - head - tail
  const inserted = after.slice(head, after.length - tail)
  if (removed === inserted.length) {
    // Items changed in place: say what changed inside each. `forEach` would skip holes.
    for (let i = head; i < head + removed; i++)
      compare(before[i], after[i], [...path, i], comparison)
  } else {
    comparison.edits.push(['splice', path, head, removed, inserted])
  }
}

/**
 * How many items at the head are the same objects or values. Nearly all are, and there may be tens
 * of thousands, so it is a loop of its own over lists of one kind: it takes a few nanoseconds an
 * item, and several times that as soon as it has seen a frozen list. `===` would look into each
 * object to find that it is no number, and so fetch them all from memory. It goes piece by piece
 * because V8 makes better code of a function that is called often than of a loop that it is in.
 */
function sameItems(before: readonly unknown[], after: readonly unknown[]): number {
  const shorter = Math.min(before.length, after.length)
  for (let from = 0; from < shorter; from += pieceLength) {
    const to = Math.min(from + pieceLength, shorter)
    const end = sameUntil(before, after, from, to)
    if (end < to) return end
  }
  return shorter
}

const pieceLength = 256

function sameUntil(
  before: readonly unknown[],
  after: readonly unknown[],
  from: number,
  to: number,
): number {
  for (let i = from; i < to; i++) if (!Object.is(before[i], after[i])) return i
  return to
}

type Fields = Readonly<Record<string, unknown>>

/** True for objects that are nothing but fields. */
export function hasOnlyFields(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Deep equality of two values that can be kept as data, key order included. */
export function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false
    // `every` would skip holes.
    for (let i = 0; i < a.length; i++) if (!equal(a[i], b[i])) return false
    return true
  }
  if (hasOnlyFields(a)) {
    if (!hasOnlyFields(b)) return false
    const keys = Object.keys(a)
    const others = Object.keys(b)
    return (
      keys.length === others.length &&
      keys.every((key, i) => others[i] === key && equal(a[key], b[key]))
    )
  }
  if (a instanceof Date) return b instanceof Date && Object.is(a.getTime(), b.getTime())
  if (a instanceof Map) return b instanceof Map && equal(Array.from(a), Array.from(b))
  if (a instanceof Set) return b instanceof Set && equal(Array.from(a), Array.from(b))
  if (a instanceof Uint8Array) {
    return b instanceof Uint8Array && Buffer.compare(a, b) === 0
  }
  return false // Errors and the like: written again
}

/** Containers that are copies already, and where to find lists that are quicker to copy. */
interface Copying {
  readonly copies: Set<object>
  readonly plainOf: DiffOptions['plainOf']
}

function applyAt(node: unknown, edit: Edit, depth: number, copying: Copying): unknown {
  const { copies, plainOf } = copying
  const path = edit[1]
  const rest = path.length - depth
  if (rest === 0 && edit[0] === 'set') return edit[2]
  assert(typeof node === 'object' && node !== null, 'An edit leads nowhere.')
  if (rest === 0 && edit[0] === 'splice' && Array.isArray(node) && !copies.has(node)) {
    // V8 takes what `concat` makes of a frozen list for a list with holes, and every copy of that too.
    const spliced = splicedCopy(plainOf?.(node) ?? [...(node as readonly unknown[])], edit)
    copies.add(spliced)
    return spliced
  }
  const copy = copies.has(node)
    ? node
    : Array.isArray(node)
      ? [...(plainOf?.(node) ?? (node as readonly unknown[]))]
      : { ...node }
  copies.add(copy)
  if (rest === 0 && edit[0] === 'splice') {
    assert(Array.isArray(copy), 'A splice was kept for something that is not a list.')
    spliceItems(copy, edit)
    return copy
  }
  const key = path[depth]
  assert(key !== undefined, 'An edit leads nowhere.')
  if (rest === 1 && edit[0] === 'cut') {
    Reflect.deleteProperty(copy, key)
  } else {
    const child = Object.hasOwn(copy, key) ? (copy as Record<Key, unknown>)[key] : undefined
    setField(copy, key, applyAt(child, edit, depth + 1, copying))
  }
  return copy
}

type Splice = Extract<Edit, readonly ['splice', ...unknown[]]>

/** Of the right length from the beginning: a long copy that grows is copied once more. */
function splicedCopy(
  list: readonly unknown[],
  [, , start, remove, insert]: Splice,
): readonly unknown[] {
  if (start === list.length) return list.concat(insert)
  return list.slice(0, start).concat(insert, list.slice(start + remove))
}

/**
 * Changes the list as the edit says. `splice` alone would take what it inserts as arguments, of which
 * there may be too many.
 */
export function spliceItems(list: unknown[], [, , start, remove, insert]: Splice): void {
  const behind = list.splice(start)
  for (const item of insert) list.push(item)
  for (let i = remove; i < behind.length; i++) list.push(behind[i])
}
