/**
 * A limit on how long a call may take. Whoever waits hears that the time is over before whoever was called
 * does: what that one makes of it comes too late.
 */
import { Following } from './following.ts'
import type { Ports } from './ports.ts'

export interface TimeLimit {
  /** For whoever is called: aborted when the time is over, and together with `outer`. */
  readonly signal: AbortSignal
  /** For whoever waits. It is no rejection: the call may throw a TIMEOUT of its own. */
  readonly over: Promise<TimeOver>
  /**
   * Nobody waits any more. What goes on all the same is still aborted together with `outer`, as long as it holds the
   * signal or listens to it: what AbortSignal.any has made of it does neither.
   */
  end(): void
}

/** What came instead of what was waited for. */
export class TimeOver {
  /** What the signal was aborted with. */
  readonly reason: unknown

  constructor(reason: unknown) {
    this.reason = reason
  }
}

interface Limiting {
  readonly outer?: AbortSignal
  /** Made when it is needed. */
  readonly reason?: () => Error
  /** Whoever waits is kept alive by something else, and where that is gone nobody waits. */
  readonly isLoose?: boolean
}

/** Begins now. `ms`: undefined for a call that may take as long as it likes. */
export function timeLimit(
  ports: Pick<Ports, 'setTimer'>,
  ms: number | undefined,
  { outer, reason, isLoose = false }: Limiting = {},
): TimeLimit {
  const controller = new AbortController()
  const following = outer && new Following(outer, controller)
  const { promise: over, resolve } = Promise.withResolvers<TimeOver>()
  const onOver = (): void => {
    const why = reason?.()
    resolve(new TimeOver(why))
    controller.abort(why)
  }
  const timer = ms === undefined ? undefined : ports.setTimer(ms, onOver)
  if (isLoose) timer?.loosen?.()
  return {
    signal: controller.signal,
    over,
    end: () => {
      timer?.cancel()
      following?.loosen()
    },
  }
}
