/** One of the states in which a cut of the power may leave the disk, written into a folder. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Chance } from './chance.ts'
import { applied, type Change, type Disk, File, type Node } from './disk.ts'

/** What is left of the changes that were not synced. */
export interface Manner {
  /** Each change is there with this probability. */
  readonly kept: number
  /** Of those that are there, each is torn with this probability, into units of this size. */
  readonly torn: number
  readonly unit: 512 | 4096
  /** What a unit holds that did not make it, where it is not what was there before. */
  readonly garbage: boolean
}

const manners: readonly Manner[] = [
  { kept: 1, torn: 0, unit: 512, garbage: false },
  { kept: 0, torn: 0, unit: 512, garbage: false },
  { kept: 0.5, torn: 0, unit: 512, garbage: false },
  { kept: 0.9, torn: 0, unit: 512, garbage: false },
  { kept: 0.9, torn: 0.5, unit: 512, garbage: false },
  { kept: 0.9, torn: 0.5, unit: 512, garbage: true },
  { kept: 0.5, torn: 0.9, unit: 4096, garbage: true },
  { kept: 1, torn: 1, unit: 512, garbage: true },
  { kept: 1, torn: 1, unit: 4096, garbage: false },
]

export const someManner = (chance: Chance): Manner => chance.pick(manners)

/** Writes an image of the disk into a folder. */
export function writeImage(
  disk: Disk,
  {
    root,
    into,
    chance,
    manner,
  }: {
    readonly root: string
    readonly into: string
    readonly chance: Chance
    readonly manner: Manner
  },
): void {
  const there = new Set([root])
  // In order of depth, because nothing is in a folder that is not there.
  for (const [path, states] of [...disk.names].toSorted(([a], [b]) => a.length - b.length)) {
    const node = someState(states, chance, manner)
    if (node === undefined || !there.has(dirname(path))) continue
    const target = join(into, relative(root, path))
    if (node instanceof File) writeFileSync(target, contentOf(node, chance, manner))
    else {
      mkdirSync(target)
      there.add(path)
    }
    // SQLite's index of its log is memory, so anything may be in a file of its name, or no file.
    if (path.endsWith('-wal') && chance.next() < 0.3) {
      writeFileSync(target.replace(/-wal$/, '-shm'), chance.bytes(64 + chance.below(2000)))
    }
  }
}

function someState(
  states: readonly (Node | undefined)[],
  chance: Chance,
  { kept }: Manner,
): Node | undefined {
  if (kept === 1) return states.at(-1)
  return kept === 0 ? states[0] : states[chance.below(states.length)]
}

function contentOf(file: File, chance: Chance, manner: Manner): Buffer {
  let content: Buffer = Buffer.from(file.durable)
  for (const change of file.pending) {
    if (chance.next() < manner.kept) content = partly(content, change, chance, manner)
    // The file may have grown all the same.
    else if (change.is === 'write' && chance.next() < 0.1) {
      const end = change.at + change.data.length
      if (end > content.length) content = applied(content, { is: 'size', size: end })
    }
  }
  return content
}

/** The content after a change that may have been torn. */
function partly(
  content: Buffer,
  change: Change,
  chance: Chance,
  { torn, unit, garbage }: Manner,
): Buffer {
  if (change.is === 'size' || chance.next() >= torn) return applied(content, change)
  const { at, data } = change
  let result = content
  for (let from = 0; from < data.length;) {
    // Units lie at multiples of their size in the file, not in the write.
    const to = Math.min(data.length, from + unit - ((at + from) % unit))
    const luck = chance.next()
    if (luck < 0.5)
      result = applied(result, { is: 'write', at: at + from, data: data.subarray(from, to) })
    else if (garbage && luck < 0.75) {
      result = applied(result, { is: 'write', at: at + from, data: chance.bytes(to - from) })
    }
    from = to
  }
  return result
}
