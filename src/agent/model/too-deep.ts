/** How deep a value may be that a model wrote. */

/** The ledger keeps 500 levels, of which records need some. */
export const levelsMax = 200

/** True beyond that. Looked at level by level: recursion would break on a text of nothing but brackets. */
export function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > levelsMax) return true
    level = level.flatMap((one) =>
      typeof one === 'object' && one !== null ? Object.values(one) : [],
    )
  }
  return false
}
