/**
 * Rejections that nobody handles: those of a run's code are the run's trouble and must not end the
 * process, in which other runs work; all others stay what they are without everloop.
 */
import { current } from '../current.ts'

let users = 0

/** Listens while at least one worker works. Returns what ends it. */
export function attributeRejections(): () => void {
  if (users++ === 0) process.on('unhandledRejection', onRejection)
  return () => {
    if (--users === 0) process.off('unhandledRejection', onRejection)
  }
}

function onRejection(reason: unknown): void {
  const place = current()
  if (place) place.pass.onRejection(reason)
  // As if nobody listened: Node then throws it as an uncaught exception.
  else if (process.listenerCount('unhandledRejection') === 1) throw reason
}
