/**
 * What a run's entries add up to: the pure fold from which every projection is made.
 *
 * Stores keep three things of it as rows, so that they can find runs without reading ledgers: the
 * run's status, its open scopes, and its open questions. They get them from `effectOf`, one entry
 * at a time, and invariant L12 compares the rows with the fold over all entries.
 */
import type { ErrorData } from '../base/errors.ts'
import { decode } from './codec.ts'
import {
  type Entry,
  type EntryKind,
  isOutcome,
  isWait,
  type OpenScope,
  type Payloads,
  type Taint,
  type WaitKind,
} from './entry.ts'
import { childPath, operationPath } from './path.ts'
import { PathMap } from './path-map.ts'

/** What the ledger says about a run; whether it executes or waits right now is its worker's matter. */
export type RunStatus =
  | { readonly is: 'active' }
  | {
      readonly is: 'paused'
      readonly code: string
      readonly message: string
      readonly detail?: unknown
    }
  | { readonly is: 'completed'; readonly output: unknown }
  | { readonly is: 'failed'; readonly error: ErrorData; readonly cause?: number | undefined }
  | { readonly is: 'cancelled'; readonly reason: string }

/** An operation whose outcome is still to come. */
export interface Wait {
  readonly seq: number
  readonly scope: string
  readonly key: string
  readonly kind: WaitKind
  readonly since: number
  /** The decoded payload of the entry that registered it. */
  readonly record: Payloads[WaitKind]
  /** When it goes on by itself, if ever. */
  readonly due: number | undefined
}

/** True when somebody is asked: what waits is answered under the number of its entry. */
export const isQuestion = ({ kind, record }: Pick<Wait, 'kind' | 'record'>): boolean =>
  kind === 'question.asked' ||
  kind === 'approval.requested' ||
  (kind === 'effect.doubted' && 'prompt' in record)

/** True for kinds of which an entry may ask somebody. */
export const mayAsk = (kind: EntryKind | undefined): boolean =>
  kind === 'question.asked' || kind === 'approval.requested' || kind === 'effect.doubted'

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
  /** What people call the run, as far as it is known from these entries. */
  readonly title: string | undefined
  /** The version of its flow to which it has moved since it was started. */
  readonly version: string | undefined
  /** What has reached the run from outside since it was started. */
  readonly taints: readonly Taint[]
}

/** What one entry does to the projections. What it leaves alone is left out. */
export interface Effect {
  readonly status?: RunStatus
  /** Present and undefined: the cancel is over. */
  readonly cancelling?: string | undefined
  /** Compensation begins: nothing that the code waited for is waited for any more. */
  readonly undoing?: Payloads['run.undoing']
  /** This scope and all inside it close. */
  readonly close?: string
  /** These scopes are open from now on, unless they are already. */
  readonly open?: OpenScope
  /** This scope's first needed entry moves. */
  readonly move?: OpenScope
  /** Scopes open again after a retry. */
  readonly reopen?: readonly OpenScope[]
  /** The operation begins to wait, or goes on waiting in another way. */
  readonly wait?: Wait
  /** The operation waits no more. */
  readonly settle?: string
  /** An answer to this question was refused: it is open again. */
  readonly reask?: string
  /** What the run is called from now on. */
  readonly title?: string
  /** The version of its flow that executes the run from now on. */
  readonly version?: string
  /** This has come from outside. */
  readonly taints?: readonly Taint[]
}

/** A run before its first entry. */
export const emptyState: RunState = {
  status: { is: 'active' },
  cancelling: undefined,
  undoing: undefined,
  scopes: new Map(),
  waits: new Map(),
  title: undefined,
  version: undefined,
  taints: [],
}

/**
 * What this entry does. `record` is its decoded payload, when the caller has it already. Of an
 * erased payload nothing is known but that it was there.
 */
export function effectOf(entry: Entry, record?: unknown): Effect {
  const { scope, key, seq, kind } = entry
  if (scope === '' && kind === 'step.completed') return { settle: key } // most entries
  const read = <K extends keyof Payloads>(_kind: K): Partial<Payloads[K]> =>
    (record ?? decode(entry.payload ?? '{}', { resolve: () => undefined })) as Payloads[K]
  const open = scope === '' ? {} : { open: { path: scope, from: seq } }
  if (isWait(kind)) return { ...open, wait: waitOf(entry, read(kind) as Payloads[WaitKind]) }
  if (isOutcome(kind)) {
    const closes = kind === 'scope.closed' || kind === 'scope.failed'
    return {
      ...open,
      settle: operationPath(scope, key),
      ...(kind === 'note.titled' ? { title: read(kind).title ?? erased } : {}),
      ...(closes ? { close: childPath(scope, key) } : {}),
    }
  }
  switch (kind) {
    case 'run.started':
    case 'run.resumed':
      return { status: { is: 'active' } }
    case 'run.retried':
      return {
        status: { is: 'active' },
        cancelling: undefined,
        reopen: read('run.retried').reopen ?? [],
      }
    case 'run.paused': {
      const { code = 'PAUSED', message = erased, detail } = read('run.paused')
      return { status: { is: 'paused', code, message, detail } }
    }
    case 'run.cancelling':
      return { status: { is: 'active' }, cancelling: read('run.cancelling').reason ?? erased }
    case 'run.migrated':
      return { version: read('run.migrated').version ?? erased }
    case 'run.tainted':
      return { taints: read('run.tainted').taints ?? [{ call: erased, tool: erased }] }
    case 'run.undoing':
      return { undoing: { because: 'failed', ...read('run.undoing') } }
    case 'run.completed':
      return { status: { is: 'completed', output: read('run.completed').output } }
    case 'run.failed': {
      const { error = { name: 'Error', message: erased }, cause } = read('run.failed')
      return { status: { is: 'failed', error, cause } }
    }
    case 'run.cancelled':
      return { status: { is: 'cancelled', reason: read('run.cancelled').reason ?? erased } }
    case 'turn.committed':
      return {
        ...open,
        close: childPath(scope, key),
        ...(isWhole(entry, record) ? { move: { path: scope, from: seq } } : {}),
      }
    case 'approval.changed':
      // An escalation comes by itself: an answer that is on its way already stays the only one.
      return read('approval.changed').escalated
        ? open
        : { ...open, reask: operationPath(scope, key) }
    case 'question.refused':
    case 'approval.refused':
    case 'effect.refused':
    case 'approval.voted':
      return { ...open, reask: operationPath(scope, key) }
    default:
      return open
  }
}

/** What is shown in the place of a text whose payload was erased. */
export const erased = 'What was said here has been erased.'

/** True when a turn holds the whole state. Its payload begins with it, so that none is decoded. */
function isWhole({ payload }: Entry, record: unknown): boolean {
  if (typeof record === 'object' && record !== null) return 'base' in record
  return payload?.startsWith('{"base":') ?? false
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
}

/** A copy of the state that can advance. */
export const foldingOf = ({
  status,
  cancelling,
  undoing,
  scopes,
  waits,
  title,
  version,
  taints,
}: RunState): Folding => ({
  status,
  cancelling,
  undoing,
  scopes: new PathMap(scopes),
  waits: new PathMap(waits),
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
  if (effect.close !== undefined) {
    scopes.deleteWithin(effect.close)
    waits.deleteWithin(effect.close)
  }
  if (effect.move) scopes.set(effect.move.path, effect.move.from)
  effect.reopen?.forEach(({ path, from }) => scopes.set(path, from))
  if (isEnd(state.status.is) || effect.undoing) waits.clear()
}

/** True when a run in this status has ended. A failed run can be retried all the same. */
export const isEnd = (is: RunStatus['is']): boolean =>
  is === 'completed' || is === 'failed' || is === 'cancelled'

function waitOf(entry: Entry, record: Payloads[WaitKind]): Wait {
  const { seq, scope, key, time } = entry
  const due = 'due' in record ? record.due : undefined
  return { seq, scope, key, kind: entry.kind as WaitKind, since: time, record, due }
}
