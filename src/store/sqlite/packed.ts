/**
 * Batches and their results as they travel between two threads. Copying an object with field names costs
 * several times as much as copying a list. So what is most frequent travels as a list and as a number:
 * appends that bring nothing but entries, and their success. Everything else travels as it is.
 */
import { assert } from '../../base/errors.ts'
import type { Entry } from '../../ledger/index.ts'
import type { Append } from '../store.ts'
import type { Batch, BatchResult, Command, Outcome } from './command.ts'
import type { EntryTuple } from './rows.ts'

type Cell = string | number | null

type PackedCommand = Command | readonly Cell[]

export interface PackedBatch {
  readonly now: number
  readonly commands: readonly PackedCommand[]
}

export interface PackedResult {
  /** The number of the newest message stands for an append that was committed. */
  readonly outcomes: readonly (Outcome | number)[]
  readonly broken: BatchResult['broken']
}

/** Cells of an append before those of its entries, and cells of an entry. */
const appendCells = 6
const entryCells = 10

export const packBatch = ({ now, commands }: Batch): PackedBatch => ({
  now,
  commands: commands.map((command) =>
    command.is === 'append' && isPlain(command.with) ? packAppend(command.with) : command,
  ),
})

export const unpackBatch = ({ now, commands }: PackedBatch): Batch => ({
  now,
  commands: commands.map((command) =>
    'is' in command ? command : { is: 'append', with: unpackAppend(command) },
  ),
})

export const packResult = ({ outcomes, broken }: BatchResult): PackedResult => ({
  outcomes: outcomes.map((outcome) => packOutcome(outcome)),
  broken,
})

export const unpackResult = ({ outcomes, broken }: PackedResult): BatchResult => ({
  outcomes: outcomes.map((outcome) =>
    typeof outcome === 'number'
      ? { is: 'done', reply: { is: 'committed', newest: outcome } }
      : outcome,
  ),
  broken,
})

function packOutcome(outcome: Outcome): Outcome | number {
  if (outcome.is === 'failed' || typeof outcome.reply !== 'object') return outcome
  const { reply } = outcome
  return 'is' in reply && reply.is === 'committed' ? reply.newest : outcome
}

const isPlain = ({ run, entries, taken, create, deliver, artifacts, release }: Append): boolean =>
  !(taken ?? create ?? deliver ?? artifacts ?? release) &&
  entries.every((entry) => entry.run === run)

function packAppend(append: Append): readonly Cell[] {
  const { run, session, epoch, after, entries, unlessNewerThan = null } = append
  const cells: Cell[] = [run, session, epoch, after.seq, after.hash, unlessNewerThan]
  for (const entry of entries) {
    const { seq, time, scope, kind, key, salt, digest, payload, hash } = entry
    cells.push(seq, entry.epoch, time, scope, kind, key, salt, digest, hash, payload)
  }
  return cells
}

// Cells come from `packAppend` of the same version: their order says what they hold.
function unpackAppend(cells: readonly Cell[]): Append {
  assert((cells.length - appendCells) % entryCells === 0, 'A packed append has a wrong length.')
  const [run, session, epoch, seq, hash, unlessNewerThan] = cells as readonly [
    ...[string, string, number, number, string, number | null],
    ...Cell[],
  ]
  const entries: Entry[] = []
  for (let at = appendCells; at < cells.length; at += entryCells) {
    entries.push(unpackEntry(run, cells.slice(at, at + entryCells) as unknown as EntryTuple))
  }
  return {
    run,
    session,
    epoch,
    after: { seq, hash },
    entries,
    unlessNewerThan: unlessNewerThan ?? undefined,
  }
}

function unpackEntry(run: string, cells: EntryTuple): Entry {
  const [seq, epoch, time, scope, kind, key, salt, digest, hash, payload] = cells
  return { run, seq, epoch, time, scope, kind, key, salt, digest, payload, hash }
}
