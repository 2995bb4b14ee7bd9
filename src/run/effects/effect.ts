/**
 * The effect class of a step, with all defaults filled in: what its options mean, and which go together.
 */
import { EverloopError } from '../../base/errors.ts'
import { parseDuration } from '../../base/duration.ts'
import { shown } from '../../base/shown.ts'
import { decode, encode, type Undo } from '../../ledger/index.ts'
import { checkOptions } from '../../base/options.ts'
import type { StepOptions, UndoOption } from '../face.ts'
import { isEffectClass } from './effect-class.ts'
import type { Reconcile } from './finding.ts'

export type StepEffect =
  /** The body may be called again after a crash. With `undo`, that is recorded before. */
  | { readonly is: 'repeatable'; readonly undo: Undo | undefined }
  | {
      readonly is: 'once'
      readonly timeoutMs: number
      readonly settleMs: number
      readonly reconcile: Reconcile | undefined
      readonly undo: Undo | undefined
    }

/** The effect class of a call that must not repeat. */
export type OnceEffect = Extract<StepEffect, { is: 'once' }>

const repeatable: StepEffect = { is: 'repeatable', undo: undefined }

/** Throws BAD_OPTION for options that do not fit together: one that is ignored promises too much. */
export function stepEffectOf(options: StepOptions): StepEffect {
  const { effect, timeout = '1m', settle = '10s', reconcile, undo } = options
  if (effect !== undefined && !isEffectClass(effect)) {
    throw bad(`effect must be "read", "idempotent" or "once", not ${shown(effect)}.`)
  }
  if (effect !== 'once') {
    for (const name of ['reconcile', 'settle'] as const) {
      if (options[name] !== undefined) throw bad(`\`${name}\` needs \`effect: 'once'\`.`)
    }
  }
  if (undo !== undefined && effect !== 'once' && effect !== 'idempotent') {
    throw bad("`undo` needs `effect: 'once'` or `effect: 'idempotent'`.")
  }
  if (effect !== 'once') {
    return undo === undefined ? repeatable : { is: 'repeatable', undo: undoOf(undo) }
  }
  if (reconcile !== undefined && typeof reconcile !== 'function') {
    throw bad('`reconcile` must be a function.')
  }
  return {
    is: 'once',
    timeoutMs: parseDuration(timeout),
    settleMs: parseDuration(settle),
    reconcile: reconcile as Reconcile | undefined,
    undo: undo === undefined ? undefined : undoOf(undo),
  }
}

function undoOf(undo: UndoOption): Undo {
  checkOptions('run.step: `undo`', undo, ['action', 'input'])
  const { action, input } = undo
  const name = typeof action === 'string' ? action : action?.name
  if (typeof name !== 'string' || name === '') {
    throw bad('`undo` takes an action, or the name of one, and its input.')
  }
  // Here and now: it may be no data, and the code may go on changing it while earlier outcomes are handed over.
  return { action: name, ...(input === undefined ? {} : { input: decode(encode(input)) }) }
}

const bad = (what: string): EverloopError => new EverloopError('BAD_OPTION', `run.step: ${what}`)
