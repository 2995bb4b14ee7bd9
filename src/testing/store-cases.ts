/**
 * The conformance suite of stores: what store.ts promises, as data. Whoever writes a store runs
 * these with whatever test runner they have; a case passes when its promise resolves.
 *
 * @example
 * for (const { name, run } of storeCases) test(name, () => run(newBed()))
 */
import { accountCases } from './store-cases-accounts.ts'
import { alikeCases } from './store-cases-alike.ts'
import { appendCases } from './store-cases-appends.ts'
import { chunkCases } from './store-cases-chunks.ts'
import { claimCases } from './store-cases-claims.ts'
import { importCases } from './store-cases-imports.ts'
import { messageCases } from './store-cases-messages.ts'
import { projectionCases } from './store-cases-projections.ts'
import { readCases } from './store-cases-reads.ts'
import { runCases } from './store-cases-runs.ts'
import { sessionCases } from './store-cases-sessions.ts'
import { transactionCases } from './store-cases-transactions.ts'
import { valueCases } from './store-cases-values.ts'
import { wakeCases } from './store-cases-wakes.ts'
import type { StoreCase } from './store-bed.ts'

export type { StoreBed, StoreCase, StoreClock } from './store-bed.ts'

/** All cases. They share nothing: each needs a bed of its own. */
export const storeCases: readonly StoreCase[] = [
  ...runCases,
  ...appendCases,
  ...valueCases,
  ...messageCases,
  ...wakeCases,
  ...claimCases,
  ...sessionCases,
  ...projectionCases,
  ...accountCases,
  ...chunkCases,
  ...transactionCases,
  ...importCases,
  ...readCases,
  ...alikeCases,
]
