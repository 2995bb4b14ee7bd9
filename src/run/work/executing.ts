/** A run in hand: what a worker may do to it from outside. */
import type { EverloopError } from '../../base/errors.ts'

export interface Executing {
  onNews(newest: number): void
  /** Nothing new begins; the run is given back when what is busy has ended. */
  yield(): void
  /** Stops at once and writes nothing more. */
  drop(error: EverloopError): void
  readonly isBlocked: boolean
}
