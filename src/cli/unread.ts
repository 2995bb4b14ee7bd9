/**
 * What becomes of a command that cannot print any more: its reader is gone, or the disk of its log is full.
 * One that shows something has been seen enough of, by `head`, say, and ends, or says what it could not
 * write. One that executes runs goes on with them: were it to end, what is under way would be done again, or
 * be in doubt, for want of a log.
 */
import { EverloopError } from '../base/errors.ts'
import { exitCodes } from './exit.ts'

let isExecuting = false

/** From now on this process executes runs. */
export function goOnUnread(): void {
  isExecuting = true
}

/** Listens for what goes wrong when something is printed. `tell` says it, and returns the exit code. */
export function heedReaders(tell: (error: EverloopError) => number): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (isExecuting) return
      if (error.code === 'EPIPE') process.exit(process.exitCode ?? exitCodes.ok)
      const message = `What this command prints cannot be written: ${error.message}.`
      process.exit(tell(new EverloopError('BAD_OPTION', message, { cause: error })))
    })
  }
}
