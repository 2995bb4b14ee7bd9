/** How a child process tells what it measured: one line of JSON, and then it is gone. */
import { writeSync } from 'node:fs'

/** Tells, and dies as by a power cut: nothing is given back or closed. */
export function tellAndDie(value: unknown): never {
  tell(value)
  process.kill(process.pid, 'SIGKILL')
  throw new Error('The process should be dead.')
}

/** Written at once, so that it is out before a kill. */
export const tell = (value: unknown): void => {
  writeSync(1, `${JSON.stringify(value)}\n`)
}
