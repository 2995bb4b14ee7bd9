/**
 * Iterations that may wait for months: whoever iterates can end them while they wait. A generator alone
 * does not allow that, as it looks at `return` only after its next item.
 */
import { EverloopError } from '../../base/errors.ts'
import { Following } from '../../base/following.ts'

/** The items until `return` is called or the signal is aborted, whatever is waited for. */
export function endable<T>(
  signal: AbortSignal | undefined,
  iterate: (end: AbortSignal) => AsyncGenerator<T, void>,
): AsyncGenerator<T, void> {
  checkSignal(signal)
  const left = new AbortController()
  const items = signal ? endedBy(signal, left, iterate) : iterate(left.signal)
  const leave = items.return.bind(items)
  items.return = (value) => {
    left.abort()
    return leave(value)
  }
  return items
}

/** Throws BAD_OPTION. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined || signal instanceof AbortSignal) return
  throw new EverloopError('BAD_OPTION', '`signal` takes an AbortSignal, which ends the watching.')
}

/** The items until the signal is aborted: one that outlives many iterations keeps nothing of those that are over. */
async function* endedBy<T>(
  signal: AbortSignal,
  left: AbortController,
  iterate: (end: AbortSignal) => AsyncGenerator<T, void>,
): AsyncGenerator<T, void> {
  const following = new Following(signal, left)
  following.loosen() // what nobody asks for an item any more need not be kept
  try {
    yield* iterate(left.signal)
  } finally {
    following.end()
  }
}

/** Resolves when the promise does or the waiting is to end, whichever comes first. */
export async function orEnd(awaited: Promise<void>, end: AbortSignal | undefined): Promise<void> {
  if (!end) return awaited
  if (end.aborted) return
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  const onEnd = (): void => resolve()
  end.addEventListener('abort', onEnd)
  await Promise.race([awaited, ended])
  end.removeEventListener('abort', onEnd)
}
