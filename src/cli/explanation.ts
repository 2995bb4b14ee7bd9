/** Why a run is where it is: for people in a sentence, for programs in a word. */
import type { RunInfo } from '../run/index.ts'

export interface Explanation {
  readonly run: string
  readonly status: RunInfo['status']
  /** A stable word for the situation, for programs. */
  readonly reason: string
  readonly sentence: string
  /** What to do, where something can be done. */
  readonly fix?: string
}

/** Makes the explanation of one run. */
export type Is = (reason: string, sentence: string, fix?: string) => Explanation
