/** How long an answer is, in characters of its texts and of the inputs of its calls, and may be. */
import { AttemptFailure } from './failure.ts'

/** More characters than this are no answer but a fault; the ledger keeps 64 MiB at most. */
const answerUnitsMax = 8 * 1024 * 1024

/** Throws an AttemptFailure for what is too long to be an answer. */
export function checkUnits(units: number): void {
  if (units <= answerUnitsMax) return
  throw new AttemptFailure(`The answer has more than ${answerUnitsMax} characters.`, {
    again: false,
  })
}

/** The characters of a text, or of what stands in its place: some providers decode inputs for us. */
export function unitsOf(said: unknown): number {
  if (typeof said === 'string') return said.length
  if (said === undefined) return 0
  try {
    return JSON.stringify(said).length
  } catch {
    return 0 // no JSON, so it will be no input either
  }
}
