/**
 * What a run's entries add up to: the pure fold from which every projection is made.
 *
 * Stores keep what finds runs without reading ledgers as rows: the run's status, title and version, its
 * open scopes, and its open questions. They get them from `effectOf`, one entry at a time, and
 * invariant L12 compares the rows with the fold over all entries.
 */
import { effectOf } from './effect.ts'
import type { Entry, Payloads, Taint } from './entry.ts'
import { isWithin, operationPath } from './path.ts'
import { PathMap } from './path-map.ts'
import { isEnd, type RunStatus } from './run-status.ts'
import type { Wait } from './wait.ts'

/** The fold of a run's entries. */
export interface RunState {
  readonly status: RunStatus
  /** The reason of a cancel that has been taken and not ended the run yet. */
  readonly cancelling: string | undefined
  /** Why compensation has begun. What a run has begun to undo is not executed again. */
  readonly undoing: Payloads['run.undoing'] | undefined
  /** First needed entry by path; scope "" is always open and not listed. */
  readonly scopes: ReadonlyMap<string, number>
  /** By operation path. */
  readonly waits: ReadonlyMap<string, Wait>
  /** What was waited for when something around it failed, and is again after a retry: times alone. */
  readonly interrupted: ReadonlyMap<string, Wait>
  /** What people call the run, as far as it is known from these entries. */
  readonly title: string | undefined
  /** The version of its flow to which it has moved since it was started. */
  readonly version: string | undefined
  /** What has reached the run from outside since it was started. */
  readonly taints: readonly Taint[]
}

/** A run before its first entry. */
export const emptyState: RunState = {
  status: { is: 'active' },
  cancelling: undefined,
  undoing: undefined,
  scopes: new Map(),
  waits: new Map(),
  interrupted: new Map(),
  title: undefined,
  version: undefined,
  taints: [],
}

/** The state after these entries, given the state before them. */
export function fold(before: RunState, entries: readonly Entry[]): RunState {
  const state = foldingOf(before)
  entries.forEach((entry) => advance(state, entry))
  return state
}

/** A state that takes entries one at a time. Whoever makes it is the only one to hold it. */
export interface Folding extends RunState {
  status: RunStatus
  cancelling: string | undefined
  undoing: RunState['undoing']
  title: RunState['title']
  version: RunState['version']
  taints: RunState['taints']
  readonly scopes: PathMap<number>
  readonly waits: PathMap<Wait>
  readonly interrupted: Map<string, Wait>
}

/** A copy of the state that can advance. */
export const foldingOf = ({
  status,
  cancelling,
  undoing,
  scopes,
  waits,
  interrupted,
  title,
  version,
  taints,
}: RunState): Folding => ({
  status,
  cancelling,
  undoing,
  scopes: new PathMap(scopes),
  waits: new PathMap(waits),
  interrupted: new Map(interrupted),
  title,
  version,
  taints,
})

/** Takes one more entry in. `record` as in `effectOf`. */
export function advance(state: Folding, entry: Entry, record?: unknown): void {
  const { scopes, waits } = state
  const effect = effectOf(entry, record)
  state.status = effect.status ?? state.status
  if ('cancelling' in effect) state.cancelling = effect.cancelling
  state.undoing = effect.undoing ?? state.undoing
  state.title = effect.title ?? state.title
  state.version = effect.version ?? state.version
  if (effect.taints) state.taints = [...state.taints, ...effect.taints]
  if (effect.open && !scopes.has(effect.open.path)) scopes.set(effect.open.path, effect.open.from)
  if (effect.settle !== undefined) waits.delete(effect.settle)
  if (effect.wait) waits.set(operationPath(entry.scope, entry.key), effect.wait)
  if (entry.kind === 'scope.failed' || entry.kind === 'run.failed') interrupt(state, effect.close)
  if (effect.close !== undefined) {
    scopes.deleteWithin(effect.close)
    waits.deleteWithin(effect.close)
  }
  if (effect.move) scopes.set(effect.move.path, effect.move.from)
  effect.reopen?.forEach(({ path, from }) => scopes.set(path, from))
  if (isEnd(state.status.is) || effect.undoing) waits.clear()
  if (effect.forget) goOn(state, effect.forget)
}

/** Due times stand, whatever fails around them: a retry waits for them, and begins to wait for all else anew. */
function interrupt({ waits, interrupted }: Folding, scope = ''): void {
  for (const [path, wait] of waits) {
    const isTime = wait.kind === 'timer.set' || wait.kind === 'step.retrying'
    if (isTime && isWithin(wait.scope, scope)) interrupted.set(path, wait)
  }
}

/** Waits again for times of scopes that are open, but for those that the retry has forgotten. */
function goOn({ waits, interrupted, scopes }: Folding, forgotten: readonly number[]): void {
  for (const [path, wait] of interrupted) {
    const isOpen = wait.scope === '' || scopes.has(wait.scope)
    if (isOpen && !forgotten.includes(wait.seq)) waits.set(path, wait)
  }
  interrupted.clear()
}
