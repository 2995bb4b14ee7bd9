/** Prices of the user's own: what is misspelt in them would be money that nobody counts. */
import { EverloopError } from '../../base/errors.ts'
import { isObject } from '../../base/is-object.ts'
import { checkOptions } from '../../base/options.ts'
import type { PriceTable } from './prices.ts'

const rates = ['input', 'output', 'cachedInput', 'cacheWrite'] as const

/** Throws BAD_OPTION. */
export function checkPrices(models: PriceTable['models']): void {
  if (!isObject(models)) {
    throw new EverloopError('BAD_OPTION', 'agent.prices takes an object of prices by model.')
  }
  for (const [model, price] of Object.entries(models)) {
    const where = `prices["${model}"]`
    checkOptions(where, price, [...rates, 'long'])
    const { long, ...short } = price
    checkRates(where, short, ['input', 'output'])
    if (long === undefined) continue
    checkOptions(`${where}.long`, long, [...rates, 'above'])
    checkRates(`${where}.long`, long, ['input', 'output', 'above'])
  }
}

function checkRates(where: string, given: object, required: readonly string[]): void {
  for (const field of new Set([...required, ...Object.keys(given)])) {
    const value = (given as Readonly<Record<string, unknown>>)[field]
    if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) continue
    if (value === undefined && !required.includes(field)) continue
    const unit = field === 'above' ? 'tokens' : 'US dollars per million tokens'
    throw new EverloopError(
      'BAD_OPTION',
      `${where}.${field} must be a number of at least 0, in ${unit}.`,
    )
  }
}
