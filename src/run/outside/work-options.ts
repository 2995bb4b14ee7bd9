/** How a process works: how many runs at a time, and until when. */
import { EverloopError } from '../../base/errors.ts'
import { checkCount, checkFunctions, checkOptions } from '../../base/options.ts'

/** How many runs are executed at a time, and until when. */
export interface WorkOptions {
  /** How many runs are executed at a time. Default 16. */
  readonly concurrency?: number
  /** `"idle"`: until no run is held by anyone and none that is served here is due. */
  readonly until?: 'idle' | 'stopped'
  /**
   * Told of a run, a child too, each time that this process has executed it until it ended, waited or was
   * stopped. What it throws, or rejects with, `onTrouble` is told of.
   */
  readonly onExecuted?: (run: string) => void | Promise<void>
}

/** The options with all defaults filled in. */
export type Work = Required<Omit<WorkOptions, 'onExecuted'>> & Pick<WorkOptions, 'onExecuted'>

/** Throws BAD_OPTION. */
export function checkWork(options: WorkOptions): Work {
  checkOptions('work', options, ['concurrency', 'until', 'onExecuted'])
  const { concurrency = 16, until = 'stopped', onExecuted } = options
  checkCount('work({ concurrency })', concurrency, 1)
  if (!['idle', 'stopped'].includes(until)) {
    throw new EverloopError('BAD_OPTION', 'work({ until }) must be "idle" or "stopped".')
  }
  checkFunctions('work', { onExecuted })
  return { concurrency, until, ...(onExecuted ? { onExecuted } : {}) }
}
