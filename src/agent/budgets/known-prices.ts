/** A budget of money needs prices: an agent whose model has none does not start. */
import type { Run } from '../../run/index.ts'
import type { Agency } from '../loop/agency.ts'
import { halt } from '../loop/halt.ts'
import { priceFor } from '../model/cost.ts'
import { type Model, modelName, modelsOf } from '../model/port.ts'

/** Throws UNKNOWN_PRICE when money is limited and what a model costs is not known. */
export function checkPrices(at: Agency, run: Run): void {
  const { agent } = at
  for (const model of [agent.model, agent.compaction?.model ?? []].flat()) {
    const complaint = unpriced(at, model)
    if (complaint !== undefined) throw halt('UNKNOWN_PRICE', complaint, run.id)
  }
}

/** What is wrong when money is limited and what a model costs is not known. */
export function unpriced(at: Agency, asked: Model): string | undefined {
  const name = modelsOf(asked)
    .map(modelName)
    .find((one) => !priceFor(one, at.agent.prices))
  return name === undefined ? undefined : withoutPrice(at, name)
}

/** What is wrong with a model of this name, whose price is not known, when money is limited. */
export function withoutPrice({ agent, limits, around }: Agency, name: string): string | undefined {
  const limit = 'microUsd' in limits ? 'here' : around.find((one) => 'microUsd' in one.limits)?.run
  if (limit === undefined) return undefined
  const whose =
    limit === 'here'
      ? `Agent "${agent.name}" has a budget of money`
      : `Agent "${agent.name}" spends from the budget of money of run "${limit}" above it`
  return `${whose}, but the price of model "${name}" is not known. Give it with \`prices: { ${JSON.stringify(name)}: { input, output } }\` in dollars per million tokens, or leave \`usd\` out of ${limit === 'here' ? 'the' : 'that'} budget.`
}
