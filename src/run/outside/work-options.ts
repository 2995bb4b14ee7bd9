/** How a process works: how many runs at a time, and until when. */
import { EverloopError } from '../../base/errors.ts'
import { checkCount, checkOptions } from '../../base/options.ts'

/** How many runs are executed at a time, and until when. */
export interface WorkOptions {
  /** How many runs are executed at a time. Default 16. */
  readonly concurrency?: number
  /** `"idle"`: until no run is held by anyone and none that is served here is due. */
  readonly until?: 'idle' | 'stopped'
}

/** The options with all defaults filled in. Throws BAD_OPTION. */
export function checkWork(options: WorkOptions): Required<WorkOptions> {
  checkOptions('work', options, ['concurrency', 'until'])
  const { concurrency = 16, until = 'stopped' } = options
  checkCount('work({ concurrency })', concurrency, 1)
  if (!['idle', 'stopped'].includes(until)) {
    throw new EverloopError('BAD_OPTION', 'work({ until }) must be "idle" or "stopped".')
  }
  return { concurrency, until }
}
