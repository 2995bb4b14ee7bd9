/** What somebody gave that cannot be used, as the message that refuses it tells it. */
import { shortened } from './shortened.ts'

const unitsMax = 200

/** A text in quotes, a number as it is, of everything else what it is: nothing given makes this throw. */
export function shown(given: unknown): string {
  if (typeof given === 'string') return JSON.stringify(shortened(given, unitsMax))
  return typeof given === 'number' || given === null ? String(given) : typeof given
}
