/**
 * Retrying a failed run: which outcomes no longer count, and which scopes are open again.
 *
 * R1 The failure is followed from the run's end down to the outcome it came from; each of these
 *    failures is forgotten, and the scopes they closed are open again.
 * R2 What the code did because of a failure (in a `catch` or `finally`, say) is forgotten with it:
 *    everything recorded behind the failure in its scope, and inside scopes that ended there.
 * R3 Branches that had completed stay done; branches that failed as well are tried again.
 */
import { checkLinks, childPath, decode, isWithin } from '../ledger/index.ts'
import type { Entry, OpenScope, Payloads } from '../ledger/index.ts'
import type { Store } from '../store/store.ts'

export interface Forgotten {
  readonly forget: readonly number[]
  readonly reopen: readonly OpenScope[]
}

/** How many entries are read at a time. */
const pageMax = 1000

/** A failure that came from no outcome forgets nothing: the code goes on with all that is recorded. */
export async function retryFrom(
  store: Store,
  run: string,
  cause: number | undefined,
): Promise<Forgotten> {
  const forget = new Set<number>()
  const reopen = new Map<string, number>()
  const causes = cause === undefined ? [] : [cause]
  for (let seq = causes.pop(); seq !== undefined; seq = causes.pop()) {
    if (forget.has(seq)) continue
    const entry = await entryAt(store, run, seq)
    if (!entry) continue
    forget.add(seq)
    if (entry.kind === 'scope.failed') causes.push(...reopenFailed(entry, reopen))
    const later = await behind(store, run, seq)
    for (const other of later) {
      if (other.scope !== entry.scope || other.key === '') continue
      const closed = closedBy(other)
      if (closed !== undefined && isBranch(other)) {
        // A sibling that failed too has a failure of its own to follow.
        if (other.kind === 'scope.failed') causes.push(other.seq)
        continue
      }
      forget.add(other.seq)
      if (closed === undefined) continue
      reopen.set(closed, 1)
      for (const inner of later) if (isWithin(inner.scope, closed)) forget.add(inner.seq)
    }
  }
  return {
    forget: [...forget].toSorted((a, b) => a - b),
    reopen: Array.from(reopen, ([path, from]) => ({ path, from })),
  }
}

/** Opens again what this failure closed. Returns what it came from. */
function reopenFailed(entry: Entry, reopen: Map<string, number>): number[] {
  const { cause, scopes } = decode(entry.payload ?? '{}') as Payloads['scope.failed']
  for (const { path, from } of scopes) reopen.set(path, Math.min(from, reopen.get(path) ?? from))
  return cause === undefined ? [] : [cause]
}

/** The scope that the entry closed, if it did. */
const closedBy = ({ kind, scope, key }: Entry): string | undefined =>
  kind === 'scope.closed' || kind === 'scope.failed' ? childPath(scope, key) : undefined

/** Branches have numbers for keys: they began before the first of them failed. */
const isBranch = ({ key }: Entry): boolean => /^\d+$/.test(key)

async function entryAt(store: Store, run: string, seq: number): Promise<Entry | undefined> {
  const entries = await store.entriesAt(run, [seq])
  checkLinks(entries)
  return entries[0]
}

/** All entries behind a number. A run that has failed has few behind its failure. */
async function behind(store: Store, run: string, seq: number): Promise<Entry[]> {
  const found: Entry[] = []
  for (let after = seq; ; after = found.at(-1)?.seq ?? after) {
    const page = await store.entries(run, { after, limit: pageMax })
    checkLinks(page)
    found.push(...page)
    if (page.length < pageMax) return found
  }
}
