/** Where runs of one version of a flow may go on: what `migrate` of later versions comes to. */

/** Where a run goes on when it has ended a turn of a loop. */
export interface Move {
  readonly version: string
  /** Makes the state that the version wants of the one that the loop has. */
  readonly migrate: (state: never) => unknown
}

/** By the loop's name. */
export type Moves = ReadonlyMap<string, Move>

export const noMoves: Moves = new Map()
