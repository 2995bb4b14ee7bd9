/** What calls cost, and on whose accounts that stands. */
import type { Charge } from '../ledger/index.ts'
import type { ModelAnswer } from './model/answer.ts'
import { priceOf } from './model/cost.ts'
import type { PriceTable } from './model/prices.ts'

/** Prices of the user's own. */
export type Prices = PriceTable['models']

/** What an answer cost, in amounts. */
export function amountsOf(answer: ModelAnswer, prices: Prices | undefined): Record<string, number> {
  const { usage } = answer
  const cost = priceOf(answer.model, usage, prices)
  const tokens = usage.total ?? ((usage.input ?? 0) + (usage.output ?? 0) || estimated(answer))
  return { tokens, ...('microUsd' in cost ? { microUsd: cost.microUsd } : {}) }
}

/** Who does not say what it used is not free: about three characters make a token. */
const estimated = ({ text, reasoning = '' }: ModelAnswer): number =>
  Math.ceil((text.length + reasoning.length) / 3) + 1

/** A charge of these amounts to these accounts. */
export const chargeTo = (
  to: readonly string[],
  amounts: Readonly<Record<string, number>>,
): Charge => ({ to, amounts })
