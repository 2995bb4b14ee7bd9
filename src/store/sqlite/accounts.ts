/**
 * What entries charge. What a run charges itself stands in its row, which each append writes anyway: a row
 * elsewhere would be one more page to write. What it charges others, such as the run that started it, stands in
 * a table, and so does what it charged itself before version 7 of the schema.
 */
import { parseJson } from '../../base/parse-json.ts'
import { addedTo, type Charge, chargeOf, type Entry } from '../../ledger/index.ts'
import type { Connection } from './driver.ts'
import { toStored } from './stored-text.ts'
import * as sql from './write-statements.ts'

/** What a run's own entries charged it, and the same as its row has it: JSON, by name of the amount. */
export interface Spent {
  readonly sums: ReadonlyMap<string, number>
  readonly text: string
}

/** What a damaged row does not tell is missing in the account, where `verify` finds it. */
export function spentIn(text: string): Spent {
  const sums = Object.entries(read(text) ?? {}).filter(([, sum]) => Number.isFinite(sum))
  return { sums: new Map(sums as [string, number][]), text }
}

function read(text: string): object | undefined {
  try {
    const value = parseJson(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

export const chargesIn = (entries: readonly Entry[]): readonly Charge[] =>
  entries.flatMap((entry) => chargeOf(entry) ?? [])

/** What the run has spent with these charges of its own. */
export function spentWith(
  { id, spent }: { readonly id: string; readonly spent: Spent },
  charges: readonly Charge[],
): Spent {
  const own = charges.filter(({ to }) => to.includes(id))
  if (own.length === 0) return spent
  const sums = new Map(spent.sums)
  for (const { amounts } of own) {
    for (const [name, amount] of Object.entries(amounts)) {
      sums.set(name, addedTo(sums.get(name), amount))
    }
  }
  return { sums, text: JSON.stringify(Object.fromEntries(sums)) }
}

/** Writes what the run charges others, to each once. */
export function chargeOthers(db: Connection, run: string, charges: readonly Charge[]): void {
  for (const { to, amounts } of charges) {
    for (const other of new Set(to)) {
      if (other === run) continue
      for (const [name, amount] of Object.entries(amounts)) {
        db.run(sql.charge, toStored(other), toStored(name), amount)
      }
    }
  }
}
