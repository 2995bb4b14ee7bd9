/** Drift: another input than the recorded one at the same key. It is noted; what was recorded stands. */
import type { AnyDraft, OutcomeKind } from '../../ledger/index.ts'
import type { Operation } from '../pass/operation.ts'
import { isLine, type Line } from './recorded.ts'
import type { Pause } from '../pass/stop.ts'

/** Why a run is paused whose code asks for a call that must not repeat with another input. */
export const drifted = ({ path }: Operation): Pause => ({
  is: 'pause',
  code: 'DRIFTED',
  message: `Step "${path}" must not repeat, and the ledger holds what it was called with: the code now calls it with another input. Nothing is served and nothing is called. Put the old code back and resume the run, or cancel it and start a new one.`,
})

/** The note to write about an outcome, if the input given now is not the one it was made from. */
export function driftOf(operation: Operation, line: Line<OutcomeKind>): AnyDraft | undefined {
  const { begun } = operation
  const given = operation.live.input
  // A child's input is recorded where it was started.
  const { record } = isLine(begun, 'child.started') ? begun : line
  const recorded = 'input' in record ? record.input : undefined
  if (given === undefined || typeof recorded !== 'string' || given === recorded) return undefined
  const of = line.entry.seq
  return { ...operation.place, kind: 'input.drifted', record: { of, recorded, given } }
}
