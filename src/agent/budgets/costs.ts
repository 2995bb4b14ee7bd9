/** What calls of models cost: asked for through here, none of them is forgotten. */
import { EverloopError } from '../../base/errors.ts'
import { addedTo, type Amounts, type Charge } from '../../ledger/index.ts'
import type { Agency } from '../loop/agency.ts'
import { withoutPrice } from './known-prices.ts'
import type { ModelAnswer, ModelRequest, Used } from '../model/answer.ts'
import { callModel } from '../model/call.ts'
import { priceOf } from '../model/cost.ts'

/** What calls of models cost together, whatever comes of them: what is refused is not free. */
export class Costs {
  readonly #at: Agency
  readonly #sums: Record<string, number> = {}
  /** The table of prices that the last of them was computed with. */
  prices: string | undefined

  constructor(at: Agency) {
    this.#at = at
  }

  /** What they have cost so far. */
  get amounts(): Amounts {
    return { ...this.#sums }
  }

  /** The same as a charge, when there is something to be charged. */
  get charge(): Charge | undefined {
    if (Object.keys(this.#sums).length === 0) return undefined
    return { to: this.#at.accounts, amounts: this.amounts }
  }

  /** Calls a model, as `callModel` does. Throws UNKNOWN_PRICE for what money is limited for in vain. */
  call(request: Omit<ModelRequest, 'onUsed'>): Promise<ModelAnswer> {
    return callModel({ ...request, onUsed: (used) => this.#add(used, request) })
  }

  #add({ names, usage, units }: Used, { prompt, tools }: Omit<ModelRequest, 'onUsed'>): void {
    const sent = (): number => JSON.stringify([prompt, tools]).length
    // Who does not say what it used is not free.
    const { input = tokensOf(sent()), output = tokensOf(units) + 1, total = input + output } = usage
    const counted = usage.total === undefined ? { input, output } : usage
    const cost = priceOf(names, counted, this.#at.agent.prices)
    if ('microUsd' in cost) this.prices = cost.version
    const amounts = { tokens: total, ...('microUsd' in cost && { microUsd: cost.microUsd }) }
    for (const [what, amount] of Object.entries(amounts)) {
      this.#sums[what] = addedTo(this.#sums[what], amount)
    }
    const complaint = 'unknown' in cost ? withoutPrice(this.#at, names[0] ?? '') : undefined
    if (complaint !== undefined) throw new EverloopError('UNKNOWN_PRICE', complaint)
  }
}

/** About three characters make a token. */
export const tokensOf = (units: number): number => Math.ceil(units / 3)
