/**
 * An agent at turn 1,000, with a growing transcript and a tool that returns 1 MB every tenth turn:
 * what a turn costs must not depend on how many came before.
 *
 * Turn: from the model's answer (a stream that is there at once) to the next question to the model,
 * less the time within the tool: recording both, the turn's commit, and making the next prompt.
 * Turns 1 to 20 of new agents and the last turns up to turn 1,000 alternate in one process, so that
 * both run the same warm code. A round's figure is the median of its turns with small results, and
 * of its two with 1 MB.
 * File: the database after a checkpoint, artifacts included, against what the user, the model and
 * the tool said, each thing once.
 * Resume: a fresh process, from spawn to the model's being asked in the turn that was killed, less
 * the life of a process that does nothing, and less reading and parsing the messages that the model
 * is given with bare node:sqlite, which is the live context.
 * Not measured: the model, the tool, and bytes on a wire.
 */
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { contentUnits, isBig } from './agent-flow.ts'
import type { BareRead } from './bare.ts'
import { finish } from './child.ts'
import { figure, median, ratios, type Figure } from './figure.ts'
import { load } from './load.ts'
import { bytesOf, copyOf, drop, newFolder } from './place.ts'
import type { TurnCost } from './turn-clock.ts'

const early = 10
const late = load(1000, 40)

export const name = 'long-agent'
export const says = `an agent at turn ${late} and ${early}, results of 1 MB every tenth turn`

/** What 07-long-child.ts tells: the turns of each round. */
export interface Grown {
  readonly early: readonly (readonly TurnCost[])[]
  readonly late: readonly (readonly TurnCost[])[]
}

async function measure({ rounds }: { readonly rounds: number }): Promise<readonly Figure[]> {
  const [folder, side, context] = [newFolder(), newFolder(), newFolder()]
  const { told } = await finish<Grown>('07-long', [folder, side, context, late, rounds])
  const figures = [
    ...turnFigures('300 bytes', told, (turn) => !isBig(turn)),
    ...turnFigures('1 MB', told, isBig),
    fileFigure(folder),
    ...(await resumeFigures(folder, context, rounds)),
  ]
  for (const each of [folder, side, context]) drop(each)
  return figures
}

function turnFigures(
  kind: string,
  grown: Grown,
  isMeant: (turn: number) => boolean,
): readonly Figure[] {
  const of = (rounds: Grown['early']): number[] =>
    rounds.map((turns) => median(turns.filter(({ turn }) => isMeant(turn)).map(({ ms }) => ms)))
  const [before, after] = [of(grown.early), of(grown.late)]
  return [
    figure(`${kind}: a turn around turn ${early}`, 'ms', before),
    figure(`${kind}: a turn before turn ${late}`, 'ms', after),
    figure(`${kind}: turn ${late} of turn ${early}`, 'x', ratios(after, before), { most: 1.2 }),
  ]
}

function fileFigure(folder: string): Figure {
  const db = new DatabaseSync(join(folder, 'ledger.db'))
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
  const file = bytesOf(folder, 'ledger.db')
  return figure('the file, of its content', 'x', [file / contentUnits(late, true)], { most: 2 })
}

async function resumeFigures(
  folder: string,
  context: string,
  rounds: number,
): Promise<readonly Figure[]> {
  const own: number[] = []
  const bare: number[] = []
  for (let round = -1; round < rounds; round++) {
    const copy = copyOf(folder)
    const read = await finish<BareRead & { ms: number }>('bare-read', [join(context, 'bare.db')])
    const empty = await finish('empty')
    const resumed = await finish<{ turn: number }>('07-resume', [copy])
    drop(copy)
    if (resumed.told.turn !== late + 1) throw new Error(`Resumed in turn ${resumed.told.turn}.`)
    if (round < 0) continue
    bare.push(read.told.ms)
    own.push(resumed.wallMs - empty.wallMs)
  }
  return [
    figure("resume beside Node's own start", 'ms', own),
    figure('bare: read and parse the live context', 'ms', bare),
    figure(
      'resume, less the live context',
      'ms',
      own.map((ms, i) => ms - (bare[i] ?? Number.NaN)),
      { most: 100 },
    ),
  ]
}

export { measure as run }
