/**
 * The run below that a failed run has failed with: of a child that failed or was cancelled. The error names the
 * operation that had started it, and the ledger the run. Undefined where it was none, and where the ledger is broken.
 */
import { checkLinks, decode, type LinkedEntry, type Payloads } from '../ledger/index.ts'
import type { Ever } from '../run/index.ts'
import { stateOf } from '../run/outside/settled.ts'
import { unlessBroken } from './unless-broken.ts'

/** So many entries are held at a time: each may have megabytes. */
const entriesMax = 100

export interface FailedChild {
  readonly id: string
  /** A run that was exported without those below it has no children where it was imported. */
  readonly isHere: boolean
}

export async function failedChild(ever: Ever, run: string): Promise<FailedChild | undefined> {
  const id = await unlessBroken(() => recordedChild(ever, run))
  return id === undefined ? undefined : { id, isHere: (await ever.store.run(id)) !== undefined }
}

async function recordedChild(ever: Ever, run: string): Promise<string | undefined> {
  const { status } = await stateOf(ever.store, run)
  if (status.is !== 'failed') return undefined
  for (let cause = status.cause; cause !== undefined;) {
    const entries = await ever.store.entriesAt(run, [cause])
    checkLinks(entries)
    const [entry] = entries
    if (entry?.kind === 'child.failed') return startedBefore(ever, entry)
    // A scope has failed with what was in it.
    cause = entry?.kind === 'scope.failed' ? causeIn(entry) : undefined
  }
  return undefined
}

const causeIn = ({ payload }: LinkedEntry): number | undefined =>
  recordIn<'scope.failed'>(payload).cause

/** The run that this operation had started last: a retry may start another one. */
async function startedBefore(
  ever: Ever,
  { run, seq, scope, key }: LinkedEntry,
): Promise<string | undefined> {
  for (let end = seq; end > 0; end -= entriesMax) {
    const after = Math.max(0, end - entriesMax)
    const entries = await ever.store.entries(run, { after, limit: end - after })
    checkLinks(entries)
    const started = entries.findLast(
      (entry) => entry.kind === 'child.started' && entry.scope === scope && entry.key === key,
    )
    if (started) return recordIn<'child.started'>(started.payload).run
  }
  return undefined
}

/** Without large values; of an erased entry nothing. */
const recordIn = <K extends keyof Payloads>(payload: string | null): Partial<Payloads[K]> =>
  decode(payload ?? '{}', { resolve: () => undefined }) as Partial<Payloads[K]>
