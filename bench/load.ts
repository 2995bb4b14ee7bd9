/**
 * How much of everything a case does: as much as is measured, or with `--smoke` as little as still executes
 * all of its code, which tells whether it works and nothing about speed.
 */
const variable = 'EVERLOOP_BENCH_SMOKE'

const isSmoke = process.env[variable] === '1'

export const load = (measured: number, least: number): number => (isSmoke ? least : measured)

/** For this process's children, which are those that execute cases. */
export function smoke(): void {
  process.env[variable] = '1'
}
