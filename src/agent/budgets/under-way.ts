/** What calls under way will cost at least: it is on no account yet, and counts all the same. */
import type { Amounts } from '../../ledger/index.ts'
import type { Account } from './budget.ts'

export class UnderWay {
  readonly #sums = new Map<string, number>()

  add(amounts: Amounts): void {
    for (const [what, amount] of Object.entries(amounts)) {
      this.#sums.set(what, (this.#sums.get(what) ?? 0) + amount)
    }
  }

  remove(amounts: Amounts): void {
    for (const [what, amount] of Object.entries(amounts)) {
      this.#sums.set(what, (this.#sums.get(what) ?? 0) - amount)
    }
  }

  /** The accounts with this on top. */
  onto(accounts: readonly Account[]): readonly Account[] {
    return accounts.map((account) => {
      const spent: Record<string, number> = { ...account.spent }
      for (const [what, sum] of this.#sums) spent[what] = (spent[what] ?? 0) + sum
      return { ...account, spent }
    })
  }
}
