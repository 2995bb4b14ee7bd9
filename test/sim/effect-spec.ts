/**
 * How a call that changes the outside world goes, as data: what becomes of its attempts, what can be
 * found out about it, and how it is undone.
 */
import type { Chance } from './chance.ts'

/** What becomes of an attempt. "After" is after its request was sent: then it happens. */
export type Manner =
  | 'returns'
  | 'throws before'
  | 'throws NotDone'
  | 'throws after'
  | 'hangs before'
  | 'hangs after'
  /** Returns when its time has been over for a while. */
  | 'returns late'

/** How something is undone. */
export interface UndoSpec {
  readonly ms: number
  /** How many attempts fail. */
  readonly fails: number
  /** They do so by never ending. */
  readonly hangs: boolean
}

export function writeUndo(chance: Chance): UndoSpec {
  return {
    ms: chance.between(0, 400),
    fails: chance.weighted([
      [6, 0],
      [2, 1],
      [1, Infinity],
    ]),
    hangs: chance.roll(0.2),
  }
}

export interface EffectSpec {
  readonly effect: 'read' | 'idempotent' | 'once'
  /** Time until the request is sent, until it lands, and from there until its reply. */
  readonly ms: number
  readonly travelMs: number
  readonly afterMs: number
  /** What becomes of the first attempts; the others return. */
  readonly manner: Manner
  readonly fails: number
  readonly attempts: number
  readonly delayMs: number
  readonly timeoutMs: number
  readonly settleMs: number
  readonly reconcile: 'asks' | 'cannot tell' | 'throws' | 'is missing'
  /** A person who is asked may let it fail. */
  readonly mayFail: boolean
  readonly undo: UndoSpec | undefined
  /** The body ends when its signal is aborted. */
  readonly heeds: boolean
}

/** Events may come so much later than they are due, see scheduler.ts. */
const slackMs = 100

export function writeEffect(chance: Chance, oncePossible = true): EffectSpec {
  const effect = chance.weighted([
    [1, 'read'],
    [3, 'idempotent'],
    [oncePossible ? 6 : 0, 'once'],
  ] as const)
  const settleMs = chance.between(400, 6000)
  const attempts = chance.roll(0.4) ? chance.between(2, 3) : 1
  const manner = chance.weighted<Manner>([
    [8, 'returns'],
    [1, 'throws before'],
    [1, 'throws NotDone'],
    [1.5, 'throws after'],
    [0.7, 'hangs before'],
    [1.2, 'hangs after'],
    [effect === 'once' ? 1 : 0, 'returns late'],
  ])
  return {
    effect,
    ms: chance.weighted([
      [4, chance.between(0, 30)],
      [2, chance.between(30, 900)],
    ]),
    // What may be repeated with its key happens when it is sent.
    travelMs: effect === 'once' ? chance.below(settleMs - slackMs) : 0,
    afterMs: chance.between(0, 300),
    manner,
    fails: manner === 'returns' ? 0 : chance.roll(0.25) ? Infinity : chance.between(1, attempts),
    attempts,
    delayMs: chance.between(10, 3000),
    timeoutMs: chance.between(1500, 9000),
    settleMs,
    reconcile: chance.weighted([
      [6, 'asks'],
      [1.5, 'cannot tell'],
      [1, 'throws'],
      [2, 'is missing'],
    ] as const),
    mayFail: chance.roll(0.2),
    undo: effect !== 'read' && chance.roll(0.4) ? writeUndo(chance) : undefined,
    heeds: chance.roll(0.6),
  }
}

/** What a call that happened returns. */
export const effectValue = (path: string): string => `effect of ${path}`
