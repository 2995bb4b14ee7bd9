/** What a queue may be limited to. */
import { EverloopError } from '../../base/errors.ts'

/** Throws BAD_OPTION unless a queue can be limited to this. */
export function checkQueueLimit(concurrency: number | null): void {
  if (concurrency === null || (Number.isInteger(concurrency) && concurrency >= 0)) return
  throw new EverloopError(
    'BAD_OPTION',
    'The concurrency of a queue must be a whole number of at least 0, or null for no limit.',
  )
}
