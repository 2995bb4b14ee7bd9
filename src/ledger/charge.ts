/**
 * Charges: what an entry says something cost. A charge stands first in its payload, so that it can be
 * found, and taken out, without decoding what follows, which may be long.
 */
import { decode } from './codec.ts'
import type { Charge, Entry } from './entry.ts'

/** Amounts by name. Money (`microUsd`) in millionths of a dollar, time (`timeMs`) in milliseconds. */
export type Amounts = Readonly<Record<string, number>>

const prefix = '{"charge":'

/** An object of texts and numbers, two levels deep at most: no charge ever written is anything else. */
const shape =
  /^\{"charge":(\{(?:[^"{}]|"(?:[^"\\]|\\.)*"|\{(?:[^"{}]|"(?:[^"\\]|\\.)*")*\})*\})(,|\})/

/** What this entry charges, if anything. An erased payload charges nothing that could still be read. */
export function chargeOf({ payload }: Pick<Entry, 'payload'>): Charge | undefined {
  if (!payload?.startsWith(prefix)) return undefined // nearly all
  const text = shape.exec(payload)?.[1]
  const charge = text === undefined ? undefined : decode(text)
  return isCharge(charge) ? charge : undefined
}

/** The same payload without its charge: the outcome is handed over again, not paid for again. */
export const withoutCharge = (payload: string): string =>
  payload.startsWith(prefix)
    ? payload.replace(shape, (_, __, end) => (end === ',' ? '{' : '{}'))
    : payload

/** Where the first field behind the charge begins, if there is a charge. */
export const behindCharge = (payload: string): number =>
  (payload.startsWith(prefix) && shape.exec(payload)?.[0].length) || 1

/** What these entries charge together, by the run whose account it stands on. */
export function chargesOf(entries: Iterable<Pick<Entry, 'payload'>>): ReadonlyMap<string, Amounts> {
  const accounts = new Map<string, Map<string, number>>()
  for (const entry of entries) {
    const charge = chargeOf(entry)
    if (charge) addCharge(accounts, charge)
  }
  return new Map(Array.from(accounts, ([run, sums]) => [run, Object.fromEntries(sums)]))
}

/**
 * The sum with this amount on top. It stays a finite number, in every account alike: what models say they used
 * may add up to more than there is, and neither JSON nor a limit could do anything with Infinity.
 */
export const addedTo = (sum: number | undefined, amount: number): number =>
  Math.max(-Number.MAX_VALUE, Math.min((sum ?? 0) + amount, Number.MAX_VALUE))

/** Adds a charge to the accounts it names, to each once. */
export function addCharge(
  accounts: Map<string, Map<string, number>>,
  { to, amounts }: Charge,
): void {
  for (const run of new Set(to)) {
    const sums = accounts.get(run) ?? new Map<string, number>()
    accounts.set(run, sums)
    for (const [name, amount] of Object.entries(amounts)) {
      sums.set(name, addedTo(sums.get(name), amount))
    }
  }
}

function isCharge(value: unknown): value is Charge {
  if (typeof value !== 'object' || value === null) return false
  const { to, amounts } = value as { readonly to?: unknown; readonly amounts?: unknown }
  return (
    Array.isArray(to) &&
    to.every((run) => typeof run === 'string') &&
    typeof amounts === 'object' &&
    amounts !== null &&
    Object.values(amounts).every((amount) => Number.isFinite(amount))
  )
}
