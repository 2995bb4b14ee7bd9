/**
 * What has become of a run that another one had started, when a retry of that one asks for it again.
 *
 * R5 What a child has done is not done again because its parent failed: a child that has failed goes on from its
 *    own failure, as the same run and in its own version, and the output of one that has completed is taken. Another
 *    run is started for one that has ended and cannot go on, because it was cancelled, say, and for one that is asked
 *    for with another input: only where that repeats nothing, or a person has agreed to it.
 */
import { EverloopError } from '../../base/errors.ts'
import { childNamed, fieldsOf, operationPath, readEntry, Undoables } from '../../ledger/index.ts'
import type { Entry, Taint } from '../../ledger/index.ts'
import type { Message, RunRow, Store } from '../../store/store.ts'
import { ledgerPages } from '../ledger-page.ts'
import { hasEnded } from '../outside/run-info.ts'
import { endOf, stateOf } from '../outside/settled.ts'
import { hindranceOf } from './retry.ts'

/** Where it stands. */
type Standing =
  /** `ending`: it was cancelled or is being undone, and may still do something. */
  | { readonly is: 'gone' | 'ending' | 'failed' | 'under way' }
  | {
      readonly is: 'completed'
      readonly output: unknown
      readonly taints: readonly Taint[]
    }

/** `stale`: what it has told its parent that is not news any more, by number. */
export type EarlierChild = Standing & { readonly stale: readonly number[] }

interface Wanted {
  readonly parent: string
  readonly run: string
}

/** Looks at the run. Throws BROKEN_CHAIN. */
export async function earlierChild(store: Store, wanted: Wanted): Promise<EarlierChild> {
  for (;;) {
    const stale = await toldBy(store, wanted)
    const standing = await standingOf(store, wanted.run)
    // What ends while it is being looked at says so, and whoever drops that would wait for it for ever.
    if ((await toldBy(store, wanted)).length === stale.length) return { ...standing, stale }
  }
}

const toldBy = async (store: Store, { parent, run }: Wanted): Promise<readonly number[]> =>
  (await store.messages(parent, []))
    .filter(({ kind, name }) => kind === 'child' && name === run)
    .map(({ number }) => number)

/** Where the run stands, for another one that has started it. Throws BROKEN_CHAIN. */
export async function standingOf(store: Store, run: string): Promise<Standing> {
  const row = await store.run(run)
  switch (row?.status) {
    case undefined:
      return { is: 'gone' } // imported without the runs below it

    case 'active':
    case 'paused': {
      const { cancelling, undoing } = await stateOf(store, run)
      const isEnding = cancelling !== undefined || undoing !== undefined
      return { is: isEnding || isCancelled(await store.messages(run, [])) ? 'ending' : 'under way' }
    }
    case 'failed': {
      if (await hindranceOf(store, row)) return { is: 'gone' }
      const asked = await store.messages(run, [])
      const retry = asked.findLastIndex(({ kind }) => kind === 'retry')
      if (retry === -1) return { is: 'failed' }
      // The retry overrules a cancel before it, and not one behind it.
      return { is: isCancelled(asked.slice(retry)) ? 'ending' : 'under way' }
    }
    case 'completed': {
      await checkKept(store, row)
      const end = await endOf(store, row)
      if (end?.status !== 'completed') return { is: 'gone' }
      const { taints } = await stateOf(store, run)
      const told = taints.map((taint) => ({ run, ...taint }))
      return { is: 'completed', output: end.output, taints: told }
    }
    case 'cancelled':
      return { is: 'gone' }
  }
}

const isCancelled = (asked: readonly Message[]): boolean =>
  asked.some(({ kind }) => kind === 'cancel')

/** The runs that this one has started, without those in whose place others have come. Throws BROKEN_CHAIN. */
export async function latestChildren(store: Store, run: string): Promise<ReadonlySet<string>> {
  const latest = new Map<string, string>()
  for await (const page of ledgerPages(store, run)) {
    for (const entry of page) {
      const child = entry.kind === 'child.started' ? childNamed(readEntry(entry)) : undefined
      if (child !== undefined) latest.set(pathOf(entry), child)
    }
  }
  return new Set(latest.values())
}

/** What another run would do again, with keys of its own. */
const acts: readonly Entry['kind'][] = ['effect.intended', 'undo.registered', 'child.started']

/** Whether the run has done anything of that kind. Throws BROKEN_CHAIN. */
export async function hasActed(store: Store, run: string): Promise<boolean> {
  for await (const page of ledgerPages(store, run)) {
    if (page.some((entry) => acts.includes(entry.kind) || isTransacted(entry))) return true
  }
  return false
}

/**
 * Whether another run would do again what this one, which has ended, or one below it has done and not undone: calls
 * that must not be repeated, transactions, and what was to be undone. Also where one below has not ended: it may still do it.
 * Throws BROKEN_CHAIN.
 */
export async function leavesDone(store: Store, run: string): Promise<boolean> {
  const row = await store.run(run)
  if (!row || !hasEnded(row, store.clock.now())) return true // nobody knows
  const undoables = new Undoables()
  const called = new Set<string>()
  const below = new Set<string>()
  for await (const page of ledgerPages(store, run)) {
    for (const entry of page) {
      undoables.see(entry)
      if (isCall(entry) || isTransacted(entry)) called.add(pathOf(entry))
      else if (wasNotDone(entry)) called.delete(pathOf(entry))
      else if (entry.kind === 'child.started') {
        const child = childNamed(readEntry(entry))
        if (child === undefined) return true // erased
        below.add(child)
      }
    }
  }
  for (const { path, state } of undoables.list()) {
    if (state !== 'undone') return true
    called.delete(path)
  }
  if (called.size > 0) return true
  for (const child of below) if (await leavesDone(store, child)) return true
  return false
}

const pathOf = ({ scope, key }: Entry): string => operationPath(scope, key)

/** A call that must not be repeated: of an idempotent one, what undoes it counts. */
const isCall = (entry: Entry): boolean =>
  entry.kind === 'effect.intended' &&
  fieldsOf(readEntry(entry), 'effect.intended')?.effect !== 'idempotent'

/** Rows of the user's were committed with it. Ledgers from before do not say so. */
const isTransacted = (entry: Entry): boolean =>
  entry.kind === 'step.completed' &&
  entry.payload?.includes('"transacted"') === true &&
  fieldsOf(readEntry(entry), 'step.completed')?.transacted === true

/** It says that the call which was intended there has surely not happened. */
const wasNotDone = (entry: Entry): boolean =>
  entry.kind === 'effect.resolved' &&
  fieldsOf(readEntry(entry), 'effect.resolved')?.verdict === 'notDone'

/** Nobody may go on with an output that is not known any more. Throws BROKEN_CHAIN. */
async function checkKept(store: Store, { id: run, seq }: RunRow): Promise<void> {
  const [entry] = await store.entriesAt(run, [seq])
  if (entry?.payload !== null) return
  throw new EverloopError(
    'BROKEN_CHAIN',
    `What run "${run}" has come to was erased. Cancel the run that asks for it.`,
    { run },
  )
}
