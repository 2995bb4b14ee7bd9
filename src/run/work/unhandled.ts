/**
 * Rejections that nobody handles: those of a run's code are the run's trouble and must not end the
 * process, in which other runs work; all others stay what they are without everloop.
 */
import { current } from '../current.ts'

/** Shared by all copies of everloop in a process: each would tell of the same rejection. */
interface Listening {
  users: number
  readonly listener: (reason: unknown) => void
}

const slot: unique symbol = Symbol.for('everloop.rejections') as never
const shared = globalThis as { [slot]?: Listening }
const listening = (shared[slot] ??= { users: 0, listener: onRejection })

/** Listens while at least one worker works. Returns what ends it. */
export function attributeRejections(): () => void {
  if (listening.users++ === 0) process.on('unhandledRejection', listening.listener)
  return () => {
    if (--listening.users === 0) process.off('unhandledRejection', listening.listener)
  }
}

function onRejection(reason: unknown): void {
  const place = current()
  if (place) place.pass.onRejection(reason)
  // As if nobody listened: Node then throws it as an uncaught exception.
  else if (process.listenerCount('unhandledRejection') === 1) throw reason
}
