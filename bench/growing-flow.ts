/** A loop whose state grows by 2 KB a turn, in the variants that states of agents come in. */
import type { Flow } from '../src/index.ts'
import { textOf } from './bare.ts'
import { flow } from './subject.ts'

export const units = 2000
/** What is rewritten each turn in the variant `rewritten`. */
export const rewrittenUnits = 1000

/**
 * `literal`: a text made in the turn is appended. `step`: a step's value is. `rewritten`: as
 * `literal`, and a second field gets another text each turn.
 */
export const variants = ['literal', 'step', 'rewritten'] as const
export type Variant = (typeof variants)[number]

interface Item {
  readonly text: string
}

interface State {
  readonly items: readonly Item[]
  readonly summary?: string
}

/** What the measuring does in a turn; nothing of it is part of the turn's cost. */
export interface Hooks {
  /** The body has begun. The turn goes on when this resolves; `undefined` ends the loop. */
  begun(turn: number): Promise<'on' | 'end'>
  /** The body is about to return; the user's own copying took so long. */
  ending(turn: number, copyMs: number): void
}

const first: State = { items: [] }

export const growing = (variant: Variant, hooks: Hooks): Flow<null, number> =>
  flow('growing', (root, _input: null) =>
    root.loop('turns', { state: first }, async (run, state) => {
      const { turn } = run
      if ((await hooks.begun(turn)) === 'end') return run.done(turn)
      const text = textOf(turn, units)
      const item = variant === 'step' ? await run.step('answer', () => ({ text })) : { text }
      const start = performance.now()
      const items = [...state.items, item]
      const copyMs = performance.now() - start
      const next =
        variant === 'rewritten' ? { items, summary: textOf(turn, rewrittenUnits) } : { items }
      hooks.ending(turn, copyMs)
      return run.next(next)
    }),
  )
