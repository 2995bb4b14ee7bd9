/** How long a demo takes. */
import { formatDuration, parseDuration } from '../../base/duration.ts'
import { EverloopError } from '../../base/errors.ts'

const timeMsMax = 60_000

/** What was given with `--time`, in milliseconds. Throws BAD_DURATION. */
export function demoTime(given: string): number {
  const ms = parseDuration(given)
  if (ms <= timeMsMax) return ms
  throw new EverloopError('BAD_DURATION', `--time takes at most ${formatDuration(timeMsMax)}.`)
}
