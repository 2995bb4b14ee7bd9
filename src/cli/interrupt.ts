/**
 * Ctrl-C and SIGTERM. The first lets the command end in good order; the second ends the process at
 * once, but not before what was printed has left it.
 */
import { exitCodes } from './exit.ts'
import { flush } from './output.ts'

/** Thrown where a command stops because it was told to. */
export class Interrupted extends Error {
  readonly exitCode: number

  constructor(signal: NodeJS.Signals) {
    super(`Interrupted by ${signal}.`)
    this.exitCode = signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated
  }
}

/** Calls the body with a signal that is aborted, with an `Interrupted`, at the first Ctrl-C. */
export async function interruptible<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const onSignal = (name: NodeJS.Signals): void => {
    const interrupted = new Interrupted(name)
    if (!controller.signal.aborted) {
      controller.abort(interrupted)
      return
    }
    void flush().then(() => process.exit(interrupted.exitCode))
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  try {
    return await body(controller.signal)
  } finally {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}

/** Rejects when the signal is aborted, else settles as the promise does. */
export async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
