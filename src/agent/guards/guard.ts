/** What a guard is: a name, the positions at which it is asked, and a check that gives a verdict. */
import { EverloopError } from '../../base/errors.ts'
import { type Duration, parseDuration } from '../../base/duration.ts'
import { checkOptions } from '../../base/options.ts'
import { shown } from '../../base/shown.ts'
import type { Taint } from '../../ledger/index.ts'
import type { AgentSettings } from '../settings.ts'
import { type Position, positions, type Subjects } from './position.ts'
import type { GuardVerdict } from './verdict.ts'

/** A call that the agent made before. */
export interface PastCall {
  readonly tool: string
  /** `digestOf` its arguments. */
  readonly digest: string
}

/** How many of the calls before guards are shown. */
export const historyMax = 64

/** What a guard is told besides the subject. */
export interface GuardContext<P extends Position = Position> {
  readonly position: P
  readonly runId: string
  readonly agent: string
  /** Counted from 1. */
  readonly turn: number
  /** Aborted when the guard's time is over, or nobody waits for its verdict any more. */
  readonly signal: AbortSignal
  /** The last calls of this run, 64 at most, oldest first. */
  readonly history: readonly PastCall[]
  /** What of the conversation came from outside; `run`: in which other run it was read. */
  readonly tainted: readonly Taint[]
  /** Asks a model; undefined where guards cannot. */
  readonly judge?:
    | ((
        model: unknown,
        prompt: string,
        signal: AbortSignal,
        settings?: AgentSettings,
      ) => Promise<string>)
    | undefined
}

/** A guard, ready to be given to an agent or a policy. */
export interface Guard {
  readonly name: string
  readonly at: readonly Position[]
  readonly timeoutMs: number
  /** How many characters of streamed text may pass before its verdict; undefined: none. */
  readonly window: number | undefined
  /** It asks a model, so the budget is looked at before it is asked. */
  readonly judges: boolean
  readonly check: (subject: never, context: GuardContext) => unknown
}

/** What `guard` makes a guard of. */
export interface GuardDefinition<P extends Position> {
  /** Its verdicts are recorded under it. */
  readonly name: string
  readonly at: P | readonly P[]
  /** A guard that has not answered by then has denied. Default "10s". */
  readonly timeout?: Duration
  /**
   * Streamed text is held until the verdict. With a window this many characters may be shown before:
   * for guards that look at what is near, and where being late by so much is no harm.
   */
  readonly window?: number
  /**
   * True for a guard whose check calls `judge`: it is not asked before the budget has room for a call of a model.
   * Default false: what it spends is counted all the same, and where the budget is used up it spends nothing and denies.
   */
  readonly judges?: boolean
  readonly check: (
    subject: Subjects[P],
    context: GuardContext<P>,
  ) => GuardVerdict | Promise<GuardVerdict>
}

const brand = Symbol.for('everloop.guard')

/**
 * Defines a guard. Whatever goes wrong in it denies: an error, a timeout, an answer that is no verdict.
 *
 * @example
 * const noWeekends = guard({
 *   name: 'no-weekends',
 *   at: 'call',
 *   check: ({ tool }) => tool.effect === 'once' && isWeekend() ? verdict.ask('At a weekend?') : verdict.allow(),
 * })
 */
export function guard<const P extends Position>(definition: GuardDefinition<P>): Guard {
  checkOptions('guard', definition, ['name', 'at', 'timeout', 'window', 'judges', 'check'])
  const { name, at, timeout = '10s', window, judges = false, check } = definition
  if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name)) {
    throw new EverloopError(
      'BAD_NAME',
      `The name of a guard is 1 to 64 letters, digits, "_", "." and "-", but this is ${shown(name)}.`,
    )
  }
  const bad = (what: string): EverloopError =>
    new EverloopError('BAD_OPTION', `Guard "${name}" ${what}.`)
  const places: readonly unknown[] = Array.isArray(at) ? at : [at]
  if (places.length === 0 || !places.every((place) => (positions as unknown[]).includes(place)))
    throw bad(`needs \`at\`: one or more of ${positions.map((one) => `"${one}"`).join(', ')}`)
  if (typeof check !== 'function') throw bad('needs `check`: a function that returns a verdict')
  if (window !== undefined && !(Number.isInteger(window) && window >= 0))
    throw bad('`window` must be a whole number of characters')
  if (typeof judges !== 'boolean') throw bad('`judges` must be true or false')
  const made: Guard = {
    name,
    at: Object.freeze([...new Set(places)]) as readonly Position[],
    timeoutMs: parseDuration(timeout),
    window,
    judges,
    check: check as unknown as Guard['check'],
  }
  Object.defineProperty(made, brand, { value: true })
  return Object.freeze(made)
}

/** True for guards made by any copy of everloop. */
export const isGuard = (value: unknown): value is Guard =>
  typeof value === 'object' && value !== null && brand in value

/** Throws BAD_OPTION unless these are guards with different names. */
export function checkGuards(guards: unknown, where: string): asserts guards is readonly Guard[] {
  const isList = Array.isArray(guards) && guards.every(isGuard)
  const names = isList ? (guards as readonly Guard[]).map(({ name }) => name) : []
  const double = names.find((name, i) => names.indexOf(name) !== i)
  if (isList && double === undefined) return
  throw new EverloopError(
    'BAD_OPTION',
    double === undefined
      ? `${where} takes a list of guards, made with guard(…) or one of the ready-made ones.`
      : `${where} has two guards called "${double}". Give one of them another name.`,
  )
}
