/**
 * Blocks: stretches of a state's lists that are kept as artifacts, so that a turn that is kept whole
 * need not write them again and a resume reads many items at once.
 *
 * A list is known by its path, which leads through objects alone: lists in lists have no blocks. What
 * edits do to blocks is a fold over them, the same for a turn that is written and one that is read.
 *
 * - T5 The items that a block stands for equal those in its artifact: an edit that touches one of
 *   them gives the block up.
 */
import { type Edit, hasOnlyFields } from './delta.ts'

/** So many items of a list from `start` on. */
export interface Stretch {
  readonly start: number
  readonly count: number
}

/** A stretch, and the artifact that holds the text of a list of its items, compressed. */
export interface Block extends Stretch {
  readonly artifact: string
  /** Characters of the text. */
  readonly units: number
}

type ListPath = readonly string[]

/** Stretches of one list: in order, none empty, none over another. */
export interface Stretches<S extends Stretch = Stretch> {
  readonly path: ListPath
  readonly stretches: readonly S[]
}

export type Blocks = readonly Stretches<Block>[]

/** The blocks that are left behind these edits: the very same where none is touched, as mostly. */
export const blocksAfter = (blocks: Blocks, edits: readonly Edit[]): Blocks =>
  after(blocks, edits, () => [])

/** All items of the state's lists that these edits have not touched, where they stand behind them. */
export const untouched = (state: unknown, edits: readonly Edit[]): readonly Stretches[] =>
  after(
    Array.from(listsOf(state), ({ path, list }) => ({
      path,
      stretches: [{ start: 0, count: list.length }],
    })),
    edits,
    ({ start, count }, from, to, shift) => [
      { start, count: Math.max(from - start, 0) },
      { start: to + shift, count: Math.max(start + count - to, 0) },
    ],
  )

/** What the artifacts hold together, in characters. */
export const blockUnits = (blocks: Blocks): number =>
  blocks.reduce((sum, { stretches }) => stretches.reduce((units, one) => units + one.units, sum), 0)

/** The lists of a state that can have blocks. */
export function* listsOf(
  state: unknown,
  path: ListPath = [],
): Generator<{ readonly path: ListPath; readonly list: readonly unknown[] }> {
  if (Array.isArray(state)) yield { path, list: state }
  else if (hasOnlyFields(state)) {
    for (const [key, value] of Object.entries(state)) yield* listsOf(value, [...path, key])
  }
}

/** What is left of a stretch of which the items from one to before another are gone or others now. */
type Cut<S> = (stretch: S, from: number, to: number, shift: number) => readonly S[]

function after<S extends Stretch>(
  lists: readonly Stretches<S>[],
  edits: readonly Edit[],
  cut: Cut<S>,
): readonly Stretches<S>[] {
  const changed = lists.map((list) => {
    const stretches = edits.reduce((now, edit) => edited(now, list.path, edit, cut), list.stretches)
    return stretches === list.stretches ? list : { ...list, stretches }
  })
  if (changed.every((list, i) => list === lists[i])) return lists
  return changed.filter(({ stretches }) => stretches.length > 0)
}

function edited<S extends Stretch>(
  stretches: readonly S[],
  path: ListPath,
  edit: Edit,
  cut: Cut<S>,
): readonly S[] {
  const place = edit[1]
  const shared = Math.min(path.length, place.length)
  for (let i = 0; i < shared; i++) if (path[i] !== place[i]) return stretches
  // What stands around the list, or the list itself, is another one.
  if (edit[0] !== 'splice' && place.length <= path.length) return []
  const index = place[path.length]
  if (typeof index === 'number') return spliced(stretches, index, 1, 1, cut)
  return edit[0] === 'splice'
    ? spliced(stretches, edit[2], edit[3], edit[4].length, cut)
    : stretches
}

function spliced<S extends Stretch>(
  stretches: readonly S[],
  from: number,
  removed: number,
  inserted: number,
  cut: Cut<S>,
): readonly S[] {
  const last = stretches.at(-1)
  if (!last || last.start + last.count <= from) return stretches // as when a list grows
  const to = from + removed
  const shift = inserted - removed
  return stretches.flatMap((stretch) => {
    if (stretch.start + stretch.count <= from) return [stretch]
    if (stretch.start >= to) return [{ ...stretch, start: stretch.start + shift }]
    return cut(stretch, from, to, shift).filter(({ count }) => count > 0)
  })
}
