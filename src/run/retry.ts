/** Retrying a failed run: which outcomes no longer count, and which scopes are open again. */
import { checkLinks, decode } from '../ledger/index.ts'
import type { OpenScope, Payloads } from '../ledger/index.ts'
import type { Store } from '../store/store.ts'

/**
 * Follows the failure from the run's end down to the step it came from. A failure that came from no
 * outcome forgets nothing: the code is executed again with all that is recorded.
 */
export async function retryFrom(
  store: Store,
  run: string,
  cause: number | undefined,
): Promise<{ readonly forget: readonly number[]; readonly reopen: readonly OpenScope[] }> {
  const forget: number[] = []
  const reopen: OpenScope[] = []
  let at = cause
  while (at !== undefined) {
    const entries = await store.entriesAt(run, [at])
    checkLinks(entries)
    const [entry] = entries
    if (!entry) break
    forget.push(at)
    if (entry.kind !== 'scope.failed') break
    const { cause: inner, scopes } = decode(entry.payload ?? '{}') as Payloads['scope.failed']
    reopen.push(...scopes)
    at = inner
  }
  return { forget, reopen }
}
