/** Cuts the power at many places of a recording, in many manners, and checks what is left each time. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Violation } from '../crash/checks.ts'
import type { Line } from '../crash/world.ts'
import { Chance } from './chance.ts'
import { checkImage, resumeImage } from './check-image.ts'
import { Disk } from './disk.ts'
import { someManner, writeImage } from './image.ts'
import type { Recorded } from './record.ts'

export interface Cut {
  /** The number of the image: with the seed it gives the same image again. */
  readonly image: number
  /** How many calls had been made. */
  readonly calls: number
  readonly violations: readonly Violation[]
}

export interface CutOptions {
  readonly images: number
  readonly seed: number
  /** One image of so many is also resumed to the end. */
  readonly resumeEvery: number
  /** Only this image, and its folder is kept. */
  readonly only?: number | undefined
  readonly onBad?: (cut: Cut) => void
}

export interface Cuts {
  readonly images: number
  readonly resumed: number
  readonly bad: readonly Cut[]
  /** Images in which something acknowledged was missing. */
  readonly lossy: number
  readonly ms: number
  /** Of `only`. */
  readonly folder: string | undefined
}

export async function cutPower(recorded: Recorded, options: CutOptions): Promise<Cuts> {
  const { calls, root } = recorded
  const { images, seed, resumeEvery, only, onBad } = options
  const began = performance.now()
  const disk = new Disk(root)
  const acknowledged = new Set<string>()
  const ends = endsOf(recorded.lines)
  const bad: Cut[] = []
  let made = 0
  let resumed = 0
  let folder: string | undefined
  for (let image = 0; image < images; image++) {
    // Every place in turn, as evenly as the number of images allows.
    const upTo = Math.floor(((image + 1) * calls.length) / images)
    for (; made < upTo; made++) {
      const call = calls[made]
      if (!call) break
      disk.apply(call)
      if (call.op === 'M') for (const what of toldBy(call.data)) acknowledged.add(what)
    }
    if (only !== undefined && only !== image) continue
    const chance = new Chance(seed * 1_000_003 + image)
    const into = mkdtempSync(join(tmpdir(), 'everloop-image-'))
    const isResumed = image % resumeEvery === 0
    writeImage(disk, { root, into, chance, manner: someManner(chance) })
    // The folder is made again by whoever opens the store.
    mkdirSync(join(into, 'store'), { recursive: true })
    const violations = checkImage(join(into, 'store', 'ledger.db'), acknowledged)
    if (isResumed && violations.length === 0) {
      violations.push(...(await resumeImage(into, ends)))
      resumed++
    }
    if (violations.length > 0) {
      const cut = { image, calls: made, violations }
      bad.push(cut)
      onBad?.(cut)
    }
    if (only === undefined) rmSync(into, { recursive: true, force: true })
    else folder = into
  }
  const lossy = bad.filter(({ violations }) =>
    violations.some(({ kind }) => kind === 'lost'),
  ).length
  return { images, resumed, bad, lossy, ms: performance.now() - began, folder }
}

/** What a mark tells to have been acknowledged. */
function toldBy(data: Buffer): string[] {
  return data
    .toString('utf8')
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => JSON.parse(text) as Line)
    .flatMap((line) => (line.is === 'acknowledged' ? [line.what] : []))
}

const endsOf = (lines: readonly Line[]): Map<string, string> =>
  new Map(
    lines.flatMap((line) =>
      line.is === 'acknowledged' && line.value !== undefined ? [[line.what, line.value]] : [],
    ),
  )
