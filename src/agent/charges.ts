/** What calls cost, and on whose accounts that stands. */
import type { Charge } from '../ledger/index.ts'
import type { ModelAnswer } from './model/answer.ts'
import { priceOf } from './model/cost.ts'
import type { PriceTable } from './model/prices.ts'

/** Prices of the user's own. */
export type Prices = PriceTable['models']

/**
 * What an answer cost, in amounts. Who does not say what it used is not free: then it is estimated
 * from the length of the answer and of what was sent.
 */
export function amountsOf(
  answer: ModelAnswer,
  { prices, sent }: { readonly prices: Prices | undefined; readonly sent: () => number },
): Record<string, number> {
  const { usage } = answer
  const known = { input: usage.input, output: usage.output }
  const isKnown = known.input !== undefined && known.output !== undefined
  const counted = isKnown
    ? usage
    : {
        input: known.input ?? tokensOf(sent()),
        output: known.output ?? tokensOf(answer.text.length + (answer.reasoning ?? '').length) + 1,
      }
  const cost = priceOf(answer.model, counted, prices)
  const tokens = usage.total ?? (counted.input ?? 0) + (counted.output ?? 0)
  return { tokens, ...('microUsd' in cost ? { microUsd: cost.microUsd } : {}) }
}

/** About three characters make a token. */
export const tokensOf = (units: number): number => Math.ceil(units / 3)

/** A charge of these amounts to these accounts. */
export const chargeTo = (
  to: readonly string[],
  amounts: Readonly<Record<string, number>>,
): Charge => ({ to, amounts })
