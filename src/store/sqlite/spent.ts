/** What a run's own entries charged it, as it stands in the run's row: amounts by name, as JSON. */
import { parseJson } from '../../base/parse-json.ts'
import type { Amounts } from '../../ledger/index.ts'

export type Spent = ReadonlyMap<string, number>

export const spentIn = (text: string): Spent =>
  new Map(Object.entries(parseJson(text) as Readonly<Record<string, number>>))

export const spentText = (spent: Spent): string => JSON.stringify(Object.fromEntries(spent))

export function withAmounts(spent: Spent, amounts: Amounts): Spent {
  const sums = new Map(spent)
  for (const [name, amount] of Object.entries(amounts)) {
    sums.set(name, finite((sums.get(name) ?? 0) + amount))
  }
  return sums
}

/** JSON has no Infinity, to which what models say they used may add up. */
const finite = (sum: number): number => Math.max(-Number.MAX_VALUE, Math.min(sum, Number.MAX_VALUE))
