/**
 * The ledger's invariants, L1 to L22, in order. Each is a pure predicate over the entries of one
 * run: the unit tests, the simulator, the conformance suite of the stores and `verifyRun` ask the
 * same ones. docs/ledger-format.md lists them for readers in other languages.
 */
import type { Entry } from '../entry.ts'
import { chainInvariants } from './chain-invariants.ts'
import { effectInvariants } from './effect-invariants.ts'
import type { Invariant, Projections, Violation } from './invariant.ts'
import { operationInvariants } from './operation-invariants.ts'
import { projectionInvariant } from './projection-invariant.ts'
import { runInvariants } from './run-invariants.ts'
import { scopeInvariant } from './scope-invariant.ts'
import { textInvariants } from './text-invariants.ts'
import { undoInvariants } from './undo-invariants.ts'

const number = ({ id }: Invariant): number => Number(id.slice(1))

/** All invariants, in order of their numbers. */
export const invariants: readonly Invariant[] = [
  ...chainInvariants,
  ...runInvariants,
  ...operationInvariants,
  ...effectInvariants,
  scopeInvariant,
  ...textInvariants,
  projectionInvariant,
  ...undoInvariants,
].toSorted((a, b) => number(a) - number(b))

/** Everything that is wrong with a whole ledger, and with its rows when they are given. */
export function checkInvariants(entries: readonly Entry[], rows?: Projections): Violation[] {
  return invariants.flatMap((rule) => rule.check(entries, rows))
}
