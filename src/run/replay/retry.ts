/**
 * Retrying a failed run: which outcomes no longer count, and which scopes are open again.
 *
 * R1 The failure is followed from the run's end down to the outcome it came from; each of these
 *    failures is forgotten, and the scopes they closed are open again.
 * R2 What came behind a failure in its scope, and inside it, may be there only because of it (in a
 *    `catch`, say), so the code may never ask for it again: it no longer stands in the way of a
 *    replay. Failures among it are followed in their turn and happen again.
 * R3 A success that was forgotten is not executed again: when the code asks for it, its outcome is
 *    written down anew, at the place in the ledger where it is asked for now (see repeat.ts). Nor is
 *    the turn of a loop ever forgotten.
 * R4 No loop is opened again that stands in the state of a version from which the run has moved since: the
 *    failure that closed it stays, and so does one behind which such a loop was closed.
 */
import { EverloopError } from '../../base/errors.ts'
import { checkLinks, decode, isWithin, operationPath } from '../../ledger/index.ts'
import type { Entry, OpenScope, Payloads } from '../../ledger/index.ts'
import type { RunRow, Store } from '../../store/store.ts'
import { stateOf } from '../outside/settled.ts'
import { pageAfter } from '../ledger-page.ts'

/** Why a retry could not let the run go on; undefined where it could. */
export async function hindranceOf(
  store: Store,
  { id, code }: RunRow,
): Promise<'late' | 'undone' | undefined> {
  if (code === 'DEADLINE') return 'late'
  return (await stateOf(store, id)).undoing ? 'undone' : undefined
}

/** Throws RUN_STATE when a retry could not let the run go on. */
export async function checkRetry(store: Store, row: RunRow): Promise<void> {
  const { id: run } = row
  const hindrance = await hindranceOf(store, row)
  if (!hindrance) return
  if (hindrance === 'late') {
    throw new EverloopError(
      'RUN_STATE',
      `Run "${run}" failed because its deadline passed; a retry would not give it more time. Start a new run.`,
      { run },
    )
  }
  throw new EverloopError(
    'RUN_STATE',
    `Undoing what run "${run}" did has begun: going on from its failure would build on what may not be there any more. Start a new run.`,
    { run },
  )
}

export interface Forgotten {
  readonly forget: readonly number[]
  readonly reopen: readonly OpenScope[]
}

/**
 * A failure that came from no outcome forgets nothing: the code goes on with all that is recorded.
 * `moved`: the entry with which the run has moved to the version that executes it, if it has.
 */
export async function retryFrom(
  store: Store,
  run: string,
  { cause, moved = 0 }: { readonly cause: number | undefined; readonly moved: number | undefined },
): Promise<Forgotten> {
  const forget = new Set<number>()
  const reopen = new Map<string, number>()
  const followed = new Set<number>()
  const tail = new Tail(store, run)
  const causes = cause === undefined ? [] : [cause]
  for (let seq = causes.pop(); seq !== undefined; seq = causes.pop()) {
    if (followed.has(seq)) continue
    followed.add(seq)
    const entry = await tail.at(seq)
    if (!entry) continue
    const behind = [...openOnly(await tail.behind(seq))].filter(
      ({ kind, key, scope }) =>
        key !== '' && kind !== 'turn.committed' && isWithin(scope, entry.scope),
    )
    const all = [entry, ...behind]
    const old = all.filter((one) => one.seq < moved)
    if (await closedLoops(store, run, old)) continue
    for (const one of all) {
      forget.add(one.seq)
      causes.push(...reopenFailed(one, reopen))
    }
  }
  return {
    forget: [...forget].toSorted((a, b) => a - b),
    reopen: Array.from(reopen, ([path, from]) => ({ path, from })),
  }
}

/** Opens again what this failure closed, if it closed anything. Returns what it came from. */
function reopenFailed({ kind, payload }: Entry, reopen: Map<string, number>): number[] {
  if (kind !== 'scope.failed') return []
  const { cause, scopes } = failureIn(payload)
  for (const { path, from } of scopes) reopen.set(path, Math.min(from, reopen.get(path) ?? from))
  return cause === undefined ? [] : [cause]
}

/** True when one of these closed a loop that had committed turns: one is read from the last whole turn on. */
async function closedLoops(store: Store, run: string, closing: readonly Entry[]): Promise<boolean> {
  const scopes = closing.flatMap(({ kind, payload }) =>
    kind === 'scope.failed' ? failureIn(payload).scopes : [],
  )
  if (scopes.length === 0) return false
  const paths = new Set(scopes.map(({ path }) => path))
  const firsts = await store.entriesAt(run, [...new Set(scopes.map(({ from }) => from))])
  return firsts.some(({ kind, scope }) => kind === 'turn.committed' && paths.has(scope))
}

const failureIn = (payload: string | null): Payloads['scope.failed'] =>
  decode(payload ?? '{}', { resolve: () => undefined }) as Payloads['scope.failed']

/**
 * The entries, newest first, without those that no resume reads: their scope has ended well, or an
 * earlier retry has forgotten them, and what they had closed was opened again by it.
 */
function* openOnly(entries: readonly Entry[]): Generator<Entry> {
  const closed = new Set<string>()
  const gone = new Set<number>()
  for (const entry of entries.toReversed()) {
    const { kind, scope, key, seq } = entry
    if (kind === 'run.retried') for (const other of forgottenBy(entry)) gone.add(other)
    if (gone.has(seq) || (closed.size > 0 && isInside(scope, closed))) continue
    yield entry
    if (kind === 'scope.closed' || kind === 'turn.committed') closed.add(operationPath(scope, key))
  }
}

const forgottenBy = ({ payload }: Entry): readonly number[] =>
  (decode(payload ?? '{"forget":[]}') as Payloads['run.retried']).forget

/** Whether the scope is one of these or lies inside one. */
function isInside(scope: string, scopes: ReadonlySet<string>): boolean {
  for (let end = scope.length; end > 0; end = scope.lastIndexOf('/', end - 1)) {
    if (scopes.has(scope.slice(0, end))) return true
  }
  return false
}

/** The end of a ledger, read further back as it is needed, and each entry once. */
class Tail {
  readonly #store: Store
  readonly #run: string
  /** Behind each other, up to the ledger's end. */
  #entries: readonly Entry[] = []
  #from = Infinity

  constructor(store: Store, run: string) {
    this.#store = store
    this.#run = run
  }

  async at(seq: number): Promise<Entry | undefined> {
    await this.#readFrom(seq)
    return this.#entries[seq - this.#from]
  }

  async behind(seq: number): Promise<readonly Entry[]> {
    await this.#readFrom(seq)
    return this.#entries.slice(seq - this.#from + 1)
  }

  async #readFrom(seq: number): Promise<void> {
    if (seq >= this.#from) return
    const found: Entry[] = []
    for (let after = seq - 1; after < this.#from - 1; after = found.at(-1)?.seq ?? after) {
      const page = await this.#store.entries(this.#run, pageAfter(after, this.#from - 1))
      checkLinks(page)
      // Of most entries nothing but their place counts.
      for (const entry of page) {
        const isRead = entry.kind === 'scope.failed' || entry.kind === 'run.retried'
        found.push(isRead ? entry : { ...entry, payload: null })
      }
      if (page.length === 0) break
    }
    this.#entries = [...found, ...this.#entries]
    this.#from = seq
  }
}
