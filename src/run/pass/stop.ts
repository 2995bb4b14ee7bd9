/** Why a pass comes to its end although the code could go on, and what is written about it. */
import { formatDuration } from '../../base/duration.ts'
import { EverloopError, type ErrorCode, errorCodes } from '../../base/errors.ts'
import { type AnyDraft, decode, type Entry, errorData, type Payloads } from '../../ledger/index.ts'
import { actor } from '../actor.ts'
import type { Item } from './journal.ts'
import type { Operation } from './operation.ts'
import type { Operations } from './operations.ts'
import type { Recorded } from '../replay/recorded.ts'

export type Stop =
  | Pause
  | Yield
  /** Another version is to go on. What comes of that is asked when nothing is busy any more. */
  | { readonly is: 'move'; readonly end: () => Pause | Yield }

/** Another pass may go on at once: the worker stops, or the run moves with what is written last. */
export interface Yield {
  readonly is: 'yield'
  readonly last?: Item
}

export interface Pause {
  readonly is: 'pause'
  readonly code: string
  readonly message: string
  readonly detail?: unknown
  readonly by?: string | undefined
  /** The messages that asked for it. */
  readonly taken?: readonly number[] | undefined
  /** The pass ends with it in any case: the worker stops as well, or the run was about to move. */
  readonly yields?: boolean
}

/** The pause that somebody has asked for. */
export function askedPause({
  by,
  reason,
}: {
  readonly by?: string | undefined
  readonly reason?: string | undefined
}): Pause {
  const why = reason === undefined ? '' : ` Reason: ${reason}`
  return {
    is: 'pause',
    code: 'PAUSED',
    message: `${by ?? 'An operator'} paused the run.${why}`,
    by,
  }
}

/**
 * What comes of a stop when there is one already. Of two pauses the first counts, and the messages of both
 * are taken. A pause that comes while the worker stops is written by this worker, not left to the next
 * one, where a cancel that came behind it would go unseen. It goes before a move, which the next pass makes.
 */
export function joined(first: Stop | undefined, second: Stop): Stop {
  if (!first) return second
  if (first.is !== 'pause') return second.is === 'pause' ? { ...second, yields: true } : first
  if (second.is !== 'pause') return { ...first, yields: true }
  return { ...first, taken: [...new Set([...(first.taken ?? []), ...(second.taken ?? [])])] }
}

/** What is left of a stop when a cancel of this number has come: a pause that was asked for before gives way. */
export function withdrawn(
  stop: Stop | undefined,
  cancel: number,
): { readonly left: Stop | undefined; readonly taken: readonly number[] } {
  if (stop?.is !== 'pause' || stop.code !== 'PAUSED') return { left: stop, taken: [] }
  const { taken = [], yields } = stop
  if (taken.some((pause) => pause > cancel)) return { left: stop, taken: [] }
  return { left: yields ? { is: 'yield' } : undefined, taken }
}

/** How a pass has ended. */
export type PassEnd =
  /** The run was given back: it waits, or another worker may go on. */
  | { readonly is: 'released' }
  /** The run has ended or is paused. */
  | { readonly is: 'ended' }
  /** Somebody else is in charge of the run, or the store has failed. */
  | { readonly is: 'lost'; readonly error: EverloopError }

/** The entry of a pause. */
export const pausedDraft = ({ code, message, detail, by }: Omit<Pause, 'is'>): AnyDraft => ({
  scope: '',
  kind: 'run.paused',
  key: '',
  record: {
    code,
    message,
    ...(detail === undefined ? {} : { detail }),
    ...actor(by),
  },
})

/**
 * The trouble that an entry tells of: a pause that nobody asked for. Whoever only awaits the run's
 * result would hear nothing of it, and wait for ever.
 */
export function troubleIn({ kind, run, payload }: Entry): EverloopError | undefined {
  if (kind !== 'run.paused' || payload === null) return undefined
  return troubleOf(run, decode(payload) as Payloads['run.paused'])
}

/** The same of what is read of a pause. */
export function troubleOf(
  run: string,
  { code, message }: Pick<Pause, 'code' | 'message'>,
): EverloopError | undefined {
  if (code === 'PAUSED') return undefined
  const known = code in errorCodes ? (code as ErrorCode) : 'INTERNAL'
  return new EverloopError(known, `${pausedText(run)}(${code}): ${message}`, { run })
}

/** True for what `troubleOf` has made: other trouble may have the same codes. */
export const tellsOfPause = (error: unknown, run: string): boolean =>
  EverloopError.is(error) && error.message.startsWith(pausedText(run))

const pausedText = (run: string): string => `Run "${run}" is paused `

/** What is said when the code asks for other things than what the ledger holds. */
export const unasked = ({ expected = '' }: Recorded): string =>
  `The ledger holds "${expected}" next, but the code does not ask for it.`

/** Code and ledger do not fit. Both sides are shown; nothing is skipped or repeated. */
export function diverged(what: string, operations: Operations, recorded: Recorded): Pause {
  const open = [...operations]
  const asked = open.slice(0, 50).map(({ path, phase }) => `${path} (${phase})`)
  const other = open.find(({ phase, begun }) => phase === 'parked' && !begun)
  const instead = other ? ` It asks for "${other.path}", which the ledger does not hold.` : ''
  return {
    is: 'pause',
    code: 'DIVERGED',
    message: `${what}${instead} The flow's code no longer fits the run. Put the old code back and resume the run, or cancel it and start a new one.`,
    detail: { asked, recorded: recorded.preview(50) },
  }
}

/**
 * What the code asks for cannot begin in this process: for want of an action, say, that another one has
 * or a deploy may bring. What makes no sense anywhere was refused when it was asked for.
 */
export function unable({ path }: Operation, thrown: unknown): Pause {
  const { code = 'INTERNAL', message } = errorData(thrown)
  return { is: 'pause', code, message: `"${path}" cannot begin: ${message}` }
}

/** What the code opens or reads has not come. */
export const hanging = (ms: number): Pause => ({
  is: 'pause',
  code: 'STALLED',
  message: `The flow has waited for ${formatDuration(ms)} for a resource that it opens (run.resource), or for something that it reads. Give what opens it a timeout of its own, and see to what it waits for; then resume the run.`,
})

/** Nothing that the runtime knows of can bring the run on. */
export const stalled = (ms: number): Pause => ({
  is: 'pause',
  code: 'STALLED',
  message: `The flow has waited for ${formatDuration(ms)} on something that is not an operation of the run. Put the call that it awaits into run.step, then resume the run.`,
})
