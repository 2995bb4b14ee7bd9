/**
 * A loop whose state grows by 2 KB a turn, at turn 20,000 against turn 20: what a turn and a resume
 * cost must not depend on how many came before.
 *
 * Commit: from a body's return to the beginning of the next, everything that the runtime does in
 * between; the copy of the growing list that the flow's own code makes is timed apart. Turns 11 to
 * 30 of new runs and the last 20 turns before turn 20,000 alternate in one process, so that both
 * run the same warm code. A round's figure is the median of its 20 turns; the mean is shown
 * too, as some turns write more than others.
 * Resume: a fresh process from its first line to the beginning of the next body; what may be added
 * at turn 20,000 is reading and parsing the same live bytes with bare node:sqlite.
 * File: the database after a checkpoint, against the characters that the turns recorded.
 * Not measured: the steps of the turn; the collection of garbage that comes later.
 */
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { BareLedger, type BareRead, textOf } from './bare.ts'
import { finish } from './child.ts'
import { figure, ratios, type Figure } from './figure.ts'
import { rewrittenUnits, units, variants, type Variant } from './growing-flow.ts'
import { load } from './load.ts'
import { bytesOf, copyOf, drop, newFolder } from './place.ts'

const early = 20
const late = load(20_000, 60)

export const name = 'growing-state'
export const says = `a loop whose state grows by ${units / 1000} KB a turn, at turn ${late} and ${early}`

/** What 04-grow-child.ts tells: of each round, in milliseconds. */
export interface Grown {
  readonly early: readonly Turns[]
  readonly late: readonly Turns[]
}

export interface Turns {
  readonly commitMs: number
  readonly meanMs: number
  readonly copyMs: number
}

async function measure({ rounds }: { readonly rounds: number }): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  for (const variant of variants) figures.push(...(await measureVariant(variant, rounds)))
  return figures
}

async function measureVariant(variant: Variant, rounds: number): Promise<readonly Figure[]> {
  const folders = { early: newFolder(), late: newFolder(), side: newFolder() }
  const { side } = folders
  await finish('04-grow', [folders.early, side, variant, early, 0])
  const { told } = await finish<Grown>('04-grow', [folders.late, side, variant, late, rounds])
  const figures = [
    ...commitFigures(variant, told),
    ...(await resumeFigures(variant, folders, rounds)),
    fileFigure(variant, folders.late),
  ]
  for (const folder of Object.values(folders)) drop(folder)
  return figures
}

const of = (turns: readonly Turns[], key: keyof Turns): number[] => turns.map((turn) => turn[key])

function commitFigures(variant: Variant, { early: before, late: after }: Grown): Figure[] {
  return [
    figure(`${variant}: commit at turn ${early}`, 'ms', of(before, 'commitMs')),
    figure(`${variant}: commit at turn ${late}`, 'ms', of(after, 'commitMs')),
    figure(
      `${variant}: commit, turn ${late} of turn ${early}`,
      'x',
      ratios(of(after, 'commitMs'), of(before, 'commitMs')),
      { most: 1.2 },
    ),
    figure(`${variant}: commit at turn ${late}, mean`, 'ms', of(after, 'meanMs')),
    figure(`${variant}: the flow's own copying at turn ${late}`, 'ms', of(after, 'copyMs')),
  ]
}

async function resumeFigures(
  variant: Variant,
  folders: { readonly early: string; readonly late: string },
  rounds: number,
): Promise<Figure[]> {
  const live = await liveBytes()
  const own: number[] = []
  const first: number[] = []
  const bare: number[] = []
  for (let round = -1; round < rounds; round++) {
    const before = await resume(folders.early, variant)
    const read = await finish<BareRead & { ms: number }>('bare-read', [join(live, 'bare.db')])
    const after = await resume(folders.late, variant)
    if (round < 0) continue
    first.push(before)
    bare.push(read.told.ms)
    own.push(after)
  }
  drop(live)
  const allowed = first.map((ms, i) => 1.2 * ms + (bare[i] ?? 0))
  return [
    figure(`${variant}: resume at turn ${early}`, 'ms', first),
    figure(`${variant}: bare: read and parse the live bytes`, 'ms', bare),
    figure(`${variant}: resume at turn ${late}`, 'ms', own),
    figure(`${variant}: resume, of 1.2 of turn ${early} and bare`, 'x', ratios(own, allowed), {
      most: 1,
    }),
  ]
}

async function resume(folder: string, variant: Variant): Promise<number> {
  const copy = copyOf(folder)
  const { told } = await finish<{ readonly ms: number }>('04-resume', [copy, variant])
  drop(copy)
  return told.ms
}

/** The live state at the late turn as bare rows: one for each item. */
async function liveBytes(): Promise<string> {
  const folder = newFolder()
  const bare = new BareLedger(join(folder, 'bare.db'))
  await Promise.all(
    Array.from({ length: late }, (_, i) =>
      bare.append({
        run: 1,
        seq: i + 1,
        payload: JSON.stringify({ value: { text: textOf(i + 1, units) } }),
      }),
    ),
  )
  bare.close()
  return folder
}

function fileFigure(variant: Variant, folder: string): Figure {
  const db = new DatabaseSync(join(folder, 'ledger.db'))
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
  const content = late * (units + (variant === 'rewritten' ? rewrittenUnits : 0))
  const file = bytesOf(folder, 'ledger.db')
  return figure(`${variant}: the file, of its content`, 'x', [file / content], { most: 2 })
}

export { measure as run }
