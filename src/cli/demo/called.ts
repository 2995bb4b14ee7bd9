/**
 * Counts calls outside of the ledger: each one leaves a line when it begins and a line when its work is
 * done, so that "made once" is measured and not taken from the system that claims it.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { ToolContext } from '../../index.ts'
import { leave } from './executions.ts'

export interface Called {
  /** Calls that were begun. */
  readonly begun: string
  /** Calls that have done their work. */
  readonly done: string
  /** How long a call takes at least, so that it can be watched, and killed. */
  readonly paceMs: number
}

/** The function of a tool that leaves lines behind. */
export function called<Input, Result>(
  { begun, done, paceMs }: Called,
  body: (input: Input) => Result | Promise<Result>,
): (input: Input, context: ToolContext) => Promise<Result> {
  return async (input, { call }) => {
    leave(begun, call)
    // Calls of one answer take different times, as calls in the world do.
    await pause(paceMs * (1 + (lengthOf(input) % 7) / 2))
    const result = await body(input)
    leave(done, call)
    return result
  }
}

const lengthOf = (input: unknown): number => (JSON.stringify(input) ?? '').length
