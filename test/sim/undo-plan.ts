/**
 * What a run has to undo, and in which order: written a second time, apart from src/ledger/undo.ts,
 * so that the simulator notices when the two disagree.
 */
import { operationPath } from '../../src/ledger/index.ts'
import type { Entry } from '../../src/ledger/index.ts'
import { recordOf } from './record-of.ts'

/** Something that is undone when the run ends badly. */
export interface Planned {
  /** Number of the entry that registered it. */
  readonly of: number
  readonly path: string
  /** It has happened, or it may have. */
  readonly is: 'sure' | 'perhaps'
}

interface Registered {
  readonly of: number
  /** Number of the operation's last entry, up to its success. */
  order: number
  /** Of calls: what is known of the last one, and whether an earlier one may have happened. */
  call?: {
    readonly is: 'open' | 'over' | 'done'
    readonly mayHave: boolean
    readonly once: boolean
  }
}

/** The plan as it was when the run began to undo, in its order. */
export function planOf(entries: readonly Entry[]): readonly Planned[] {
  const registered = new Map<string, Registered>()
  for (const entry of entries) {
    if (entry.kind === 'run.undoing') break
    follow(registered, entry)
  }
  return Array.from(registered)
    .filter(([, { call }]) => !call || call.is !== 'over' || call.mayHave)
    .toSorted(([, a], [, b]) => b.order - a.order)
    .map(([path, { of, call }]) => ({
      of,
      path,
      is: !call || call.is === 'done' ? 'sure' : 'perhaps',
    }))
}

function follow(registered: Map<string, Registered>, entry: Entry): void {
  const { kind, seq } = entry
  const path = operationPath(entry.scope, entry.key)
  const known = registered.get(path)
  if (kind === 'undo.registered') {
    if (!known) registered.set(path, { of: seq, order: seq })
    return
  }
  if (known?.call?.is === 'done') return
  if (kind === 'effect.intended') {
    const { undo, effect } = recordOf(entry, kind)
    if (!undo && !known) return
    const mayHave = known?.call?.mayHave ?? false
    const call = { is: 'open', mayHave, once: effect === 'once' } as const
    registered.set(path, { of: known?.of ?? seq, order: seq, call })
    return
  }
  const call = known?.call
  if (!known || !call) return
  if (!kind.startsWith('effect.') && !kind.startsWith('step.')) return
  known.order = seq
  if (kind === 'step.completed') known.call = { ...call, is: 'done' }
  else if (kind === 'effect.resolved') {
    const isNot = recordOf(entry, kind).verdict === 'notDone'
    known.call = { ...call, is: 'over', mayHave: call.mayHave || !isNot }
  } else if (kind === 'step.failed' || kind === 'step.retrying') {
    const { error } = recordOf(entry, kind)
    const mayHave = call.mayHave || (call.is === 'open' && error.code !== 'NOT_DONE')
    const isOpen = kind === 'step.retrying' && !call.once
    known.call = { ...call, is: isOpen ? 'open' : 'over', mayHave }
  }
}
