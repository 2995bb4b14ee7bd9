/** A budget of money needs prices: an agent whose model has none does not start. */
import type { Run } from '../run/index.ts'
import type { Agency } from './agency.ts'
import { halt } from './halt.ts'
import { priceFor } from './model/cost.ts'
import { modelName, modelsOf } from './model/port.ts'

/** Throws UNKNOWN_PRICE when money is limited and what a model costs is not known. */
export function checkPrices({ agent, limits, around }: Agency, run: Run): void {
  const isLimited = [limits, ...around.map((one) => one.limits)].some((one) => 'microUsd' in one)
  if (!isLimited) return
  for (const model of modelsOf(agent.model)) {
    const name = modelName(model)
    if (priceFor(name, agent.prices)) continue
    throw halt(
      'UNKNOWN_PRICE',
      `Agent "${agent.name}" has a budget of money, but the price of model "${name}" is not known. Give it with \`prices: { ${JSON.stringify(name)}: { input, output } }\` in dollars per million tokens, or leave \`usd\` out of the budget.`,
      run.id,
    )
  }
}
