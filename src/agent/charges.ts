/** On whose accounts stands what calls cost, and by which prices. */
import type { Charge } from '../ledger/index.ts'
import type { PriceTable } from './model/prices.ts'
import type { Amounts } from './state.ts'

/** Prices of the user's own. */
export type Prices = PriceTable['models']

/** A charge of these amounts to these accounts. */
export const chargeTo = (to: readonly string[], amounts: Amounts): Charge => ({ to, amounts })
