/**
 * Counts calls outside of the ledger: each one leaves a line when it begins and a line when its work is
 * done, so that "made once" is measured and not taken from the system that claims it.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { ToolContext } from '../../index.ts'
import { leave, readExecutions } from './executions.ts'

export interface Called {
  /** Calls that were begun. */
  readonly begun: string
  /** Calls that have done their work. */
  readonly done: string
  /** How long a call takes at least, so that it can be watched, and killed. */
  readonly paceMs: number
  /** The calls that may end. Without it all may: see `audit.ts`. */
  readonly allowed?: string
}

/** How often a call looks whether it may end. */
const lookMs = 20
/** A demo that says nothing for so long will not come back to it. */
const looksMax = 1000

/** The function of a tool that leaves lines behind. */
export function called<Input, Result>(
  { begun, done, paceMs, allowed }: Called,
  body: (input: Input) => Result | Promise<Result>,
): (input: Input, context: ToolContext) => Promise<Result> {
  return async (input, { call }) => {
    leave(begun, call)
    // Calls of one answer take different times, as calls in the world do.
    await pause(paceMs * (1 + (lengthOf(input) % 7) / 2))
    for (let looks = 0; looks < looksMax && !mayEnd(call, allowed); looks++) await pause(lookMs)
    const result = await body(input)
    leave(done, call)
    return result
  }
}

const mayEnd = (call: string, allowed: string | undefined): boolean =>
  allowed === undefined || readExecutions(allowed).some(({ step }) => step === call)

const lengthOf = (input: unknown): number => (JSON.stringify(input) ?? '').length
