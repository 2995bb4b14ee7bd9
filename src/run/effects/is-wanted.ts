/** Whether something may still be called for an operation. */
import type { Operation } from '../pass/operation.ts'
import type { Recorded } from '../replay/recorded.ts'

/** False once the run is being cancelled, even before its code was told: nothing new is called. */
export const mayCall = (recorded: Recorded, { scope }: Operation): boolean =>
  scope.shielded || recorded.cancelling === undefined

/** True while somebody waits for it, and may go on to do so. */
export const isWanted = (recorded: Recorded, operation: Operation): boolean =>
  operation.isWanted && mayCall(recorded, operation)
