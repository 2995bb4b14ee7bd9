/**
 * Functions of an agent's author that its loop waits for: each has its time, and is named when that is over. What has
 * a limit of its own does without: guards, models, `reconcile`, `undo`, and tools that were given one.
 */
import { formatDuration } from '../base/duration.ts'
import { EverloopError } from '../base/errors.ts'
import type { Ports } from '../base/ports.ts'
import { timeLimit, TimeOver } from '../base/time-limit.ts'
import { isPromiseLike } from '../run/promise-like.ts'

/** Shorter than the minute after which a run is paused in which nothing gets on: that tells nobody's name. */
const usualMs = 50_000

/** What the function returns. Throws what it throws, and TIMEOUT. `what`: the function, in words. */
export async function inTime<T>(
  ports: Pick<Ports, 'setTimer'>,
  { what, ms = usualMs }: { readonly what: string; readonly ms?: number | undefined },
  call: () => T | PromiseLike<T>,
): Promise<T> {
  const called = call()
  if (!isPromiseLike(called)) return called
  // The worker is what lives: once it has stopped, the rest of the time must not keep its process.
  const limit = timeLimit(ports, ms, { isLoose: true })
  try {
    const returned = await Promise.race([called, limit.over])
    if (!(returned instanceof TimeOver)) return returned
  } finally {
    limit.end()
  }
  throw new EverloopError(
    'TIMEOUT',
    `${what} took longer than ${formatDuration(ms)}. Give what it waits for a timeout of its own.`,
  )
}
