/**
 * From usage to money, in whole micro-dollars (a millionth of a dollar). Each token is priced once:
 * input that was neither read from a cache nor written to one, cached input, cache writes, output.
 * Reasoning is output and has no price of its own. The sum is exact and rounded up once per call, so
 * that no part of a budget is spent unseen. Where something is not known, the result says so.
 */
import type { Usage } from './answer.ts'
import { prices, type Price, type PriceTable } from './prices.ts'

export type Cost =
  | { readonly microUsd: number; readonly version: string }
  /** Why there is no figure. */
  | { readonly unknown: string }

/**
 * What a call of this model ("provider/model") cost; of several names for it, the first that has a price
 * counts. Prices of the user's own are asked first.
 *
 * @example priceOf('openai/gpt-5', { input: 1000, output: 200 }) // { microUsd: 3250, version: … }
 */
export function priceOf(
  model: string | readonly string[],
  usage: Usage,
  own?: Readonly<Record<string, Price>>,
): Cost {
  const found = priceFor(model, own)
  const [called] = [model].flat()
  if (!found) return { unknown: `The price of ${called} is not known. Give it with \`prices\`.` }
  const { input, output, cachedInput = 0, cacheWrite = 0 } = usage
  if (input === undefined || output === undefined) {
    return { unknown: `${called} did not say how many tokens it used.` }
  }
  const { long, ...short } = found.price
  const price = long && input > long.above ? long : short
  const uncached = Math.max(0, input - cachedInput - cacheWrite)
  const sum =
    amount(uncached, price.input) +
    amount(cachedInput, price.cachedInput ?? price.input) +
    amount(cacheWrite, price.cacheWrite ?? price.input) +
    amount(output, price.output)
  return { microUsd: Number((sum + 999_999n) / 1_000_000n), version: found.version }
}

/** The price of a model, if there is one. A money budget refuses to start without. */
export function priceFor(
  model: string | readonly string[],
  own?: Readonly<Record<string, Price>>,
): { readonly price: Price; readonly version: string } | undefined {
  const tables: readonly PriceTable[] = [
    ...(own === undefined ? [] : [{ version: 'own', models: own }]),
    prices,
  ]
  for (const { version, models } of tables) {
    for (const called of [model].flat()) {
      const name = Object.keys(models)
        .filter((known) => isVersionOf(called, known))
        .toSorted((a, b) => b.length - a.length)[0]
      const price = name === undefined ? undefined : models[name]
      if (price) return { price, version }
    }
  }
  return undefined
}

/** "openai/gpt-5" prices "openai/gpt-5-2026-08-07", but neither "openai/gpt-5-mini" nor "openai/gpt-5.4". */
function isVersionOf(model: string, known: string): boolean {
  if (!model.startsWith(known)) return false
  return /^(?:[-@:](?:latest|\d{8}|\d{4}(?:-?\d\d){0,2}))?$/.test(model.slice(known.length))
}

/** Millionths of a micro-dollar: whole numbers, as prices have at most six decimals. */
const amount = (tokens: number, usdPerMillion: number): bigint =>
  BigInt(tokens) * BigInt(Math.ceil(Number((usdPerMillion * 1_000_000).toFixed(3))))
