/**
 * When a loop's state is kept in blocks (see ledger/block.ts), and how they are made.
 *
 * A state that only grows never makes a resume read much more than lives (T2), but it has it read one
 * entry for each turn. So once much has come since the last whole turn, the next one is whole, and the long
 * lists in it are blocks: those that there were, and new ones for what has come.
 *
 * - T4 What a turn that is whole for its blocks writes anew is at most what was written since the last
 *   whole one and a quarter more, so this rewriting stays in proportion to what the turns have written.
 *   Looking in vain for what is worth blocks does too: next when twice as much has come.
 */
import { hash } from 'node:crypto'
import {
  type Block,
  type Blocks,
  blocksAfter,
  type Edit,
  encode,
  type Stretch,
  untouched,
} from '../../ledger/index.ts'
import type { NewArtifact } from '../../store/store.ts'
import { partOf } from '../replay/handed-values.ts'
import { packText } from '../replay/packed-text.ts'

/** How large blocks are, in characters. */
export interface BlockSizes {
  /** A block is closed as soon as it has so many. */
  readonly closed: number
  /** Fewer are not worth one. */
  readonly least: number
}

/** Larger ones would be read no faster, and take longer than a few milliseconds to make. */
export const standardSizes: BlockSizes = { closed: 512 * 1024, least: 64 * 1024 }

/**
 * True when blocks would spare a resume much. `fresh`: written since the last whole turn. `loose`: what a
 * whole turn has to write besides, as no block holds it. Both in characters.
 */
export const isWorthBlocks = (fresh: number, loose: number, { closed }: BlockSizes): boolean =>
  fresh > Math.max(closed, 4 * loose)

/** How blocks are made. */
export interface Making {
  readonly sizes: BlockSizes
  /** Takes secrets out of an encoded value. */
  readonly redact: (text: string) => string
}

/**
 * The state in blocks that these edits have led to: those of the state before that are left, and new ones
 * of what has stood in it. What the edits bring stands in their own turn's entry, as everywhere.
 */
export function inBlocks(
  state: unknown,
  {
    before,
    blocks,
    edits,
  }: { readonly before: unknown; readonly blocks: Blocks; readonly edits: readonly Edit[] },
  making: Making,
): { readonly blocks: Blocks; readonly artifacts: readonly NewArtifact[] } {
  const left = new Map(blocksAfter(blocks, edits).map((one) => [keyOf(one.path), one.stretches]))
  const artifacts: NewArtifact[] = []
  const made = untouched(before, edits).map(({ path, stretches }) => {
    const known = left.get(keyOf(path)) ?? []
    const list = partOf(state, path) as readonly unknown[]
    const added = between(stretches, known).flatMap((stretch) => {
      const found = Array.from(newBlocks(list, stretch, making))
      artifacts.push(...found.map(({ block, bytes }) => ({ hash: block.artifact, bytes })))
      return found.map(({ block }) => block)
    })
    return { path, stretches: [...known, ...added].toSorted((a, b) => a.start - b.start) }
  })
  return { blocks: made.filter(({ stretches }) => stretches.length > 0), artifacts }
}

const keyOf = (path: readonly string[]): string => JSON.stringify(path)

/** What of the stretches is in no block. A block lies in one stretch: what touches it gives it up. */
function between(stretches: readonly Stretch[], blocks: readonly Block[]): Stretch[] {
  return stretches.flatMap(({ start, count }) => {
    const inside = blocks.filter((block) => block.start >= start && block.start < start + count)
    const ends = [...inside.map((block) => block.start), start + count]
    const begins = [start, ...inside.map((block) => block.start + block.count)]
    return begins.map((begin, i) => ({ start: begin, count: (ends[i] ?? begin) - begin }))
  })
}

/** Blocks of a stretch's items. What is left at the end may be too short for one. */
function* newBlocks(
  list: readonly unknown[],
  { start: from, count }: Stretch,
  { sizes, redact }: Making,
): Generator<{ readonly block: Block; readonly bytes: Uint8Array }> {
  const to = from + count
  let start = from
  let texts: string[] = []
  let units = 0
  for (let i = from; i < to; i++) {
    const text = encode(list[i])
    texts.push(text)
    units += text.length + 1
    if (units < (i === to - 1 ? sizes.least : sizes.closed)) continue
    const whole = redact(`[${texts.join(',')}]`)
    const bytes = packText(whole)
    const artifact = hash('sha256', bytes, 'base64url')
    yield { block: { start, count: texts.length, artifact, units: whole.length }, bytes }
    start = i + 1
    texts = []
    units = 0
  }
}
