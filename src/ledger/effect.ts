/**
 * What one entry does to what its run adds up to. Stores keep rows by it, one entry at a time; the fold
 * over all entries does the same to a state (fold.ts), and invariant L12 compares the two.
 */
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
import { placeOf } from './kinds.ts'
import { childPath, operationPath } from './path.ts'
import type { RunStatus } from './run-status.ts'
import { stateForm } from './state-form.ts'
import { type Wait, waitOf } from './wait.ts'

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
  /** Scopes open again after a retry, and numbers of entries that count as never having come. */
  readonly reopen?: readonly OpenScope[]
  readonly forget?: readonly number[]
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

/** What is shown in the place of a text whose payload was erased. */
export const erased = 'What was said here has been erased.'

/** The record of the entry; of an erased one nothing is known. */
type Read = <K extends keyof Payloads>(kind: K) => Partial<Payloads[K]>

/**
 * What this entry does. `record` is its decoded payload, when the caller has it already. Of an
 * erased payload nothing is known but that it was there.
 */
export function effectOf(entry: Entry, record?: unknown): Effect {
  const { scope, key, seq, kind, payload } = entry
  if (scope === '' && kind === 'step.completed') return { settle: key } // most entries
  const read: Read = <K extends keyof Payloads>(_kind: K) =>
    (record ?? decode(payload ?? '{}', { resolve: () => undefined })) as Payloads[K]
  const open = scope === '' ? {} : { open: { path: scope, from: seq } }
  if (isWait(kind)) return { ...open, wait: waitOf(entry, read(kind) as Payloads[WaitKind]) }
  if (isOutcome(kind)) return { ...open, ...outcomeEffect(entry, read) }
  if (placeOf(kind) === 'run') return { ...open, ...runEffect(kind, read) }
  switch (kind) {
    case 'turn.committed':
      return {
        ...open,
        close: childPath(scope, key),
        ...(isWhole(payload, record) ? { move: { path: scope, from: seq } } : {}),
      }
    case 'approval.changed':
      // An escalation comes by itself: an answer that is on its way already stays the only one.
      return read(kind).escalated ? open : { ...open, reask: operationPath(scope, key) }
    case 'question.refused':
    case 'approval.refused':
    case 'effect.refused':
    case 'approval.voted':
      return { ...open, reask: operationPath(scope, key) }
    default:
      return open
  }
}

/** What the outcome of an operation does. */
function outcomeEffect({ scope, key, kind }: Entry, read: Read): Effect {
  const settle = operationPath(scope, key)
  if (kind === 'note.titled') return { settle, title: read(kind).title ?? erased }
  const closes = kind === 'scope.closed' || kind === 'scope.failed'
  return closes ? { settle, close: childPath(scope, key) } : { settle }
}

/** What an entry does that is of the run as a whole. */
function runEffect(kind: EntryKind, read: Read): Effect {
  switch (kind) {
    case 'run.started':
    case 'run.resumed':
      return { status: { is: 'active' } }
    case 'run.retried': {
      const { reopen = [], forget = [] } = read(kind)
      return { status: { is: 'active' }, cancelling: undefined, reopen, forget }
    }
    case 'run.paused': {
      const { code = 'PAUSED', message = erased, detail } = read(kind)
      return { status: { is: 'paused', code, message, detail } }
    }
    case 'run.cancelling':
      return { status: { is: 'active' }, cancelling: read(kind).reason ?? erased }
    case 'run.migrated':
      return { version: read(kind).version ?? erased }
    case 'run.tainted':
      return { taints: read(kind).taints ?? [{ call: erased, tool: erased }] }
    case 'run.undoing':
      return { undoing: { because: 'failed', ...read(kind) } }
    case 'run.completed':
      return { status: { is: 'completed', output: read(kind).output } }
    case 'run.failed': {
      const { error = { name: 'Error', message: erased }, cause } = read(kind)
      return { status: { is: 'failed', error, cause } }
    }
    case 'run.cancelled':
      return { status: { is: 'cancelled', reason: read(kind).reason ?? erased } }
    default:
      return {}
  }
}

/** True when a turn holds the whole state. */
const isWhole = (payload: string | null, record: unknown): boolean =>
  typeof record === 'object' && record !== null ? 'base' in record : stateForm(payload) === 'base'
