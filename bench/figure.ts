/** What a case hands back: figures with their spread over the rounds, and the limits they must keep. */

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export type Limit = { readonly most: number } | { readonly least: number }

export interface Figure {
  readonly what: string
  readonly unit: 'ms' | 'µs' | 'x' | '/s' | 'bytes' | 'count'
  readonly spread: Spread
  /** What the median must keep; figures without one are there to be read. */
  readonly limit?: Limit | undefined
}

/** One subject of measurement, in a file of its own. */
export interface Case {
  readonly name: string
  readonly says: string
  readonly run: (options: { readonly rounds: number }) => Promise<readonly Figure[]>
}

/** Median, least and most. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const [min = Number.NaN] = sorted
  return { median: quantile(sorted, 0.5), min, max: sorted.at(-1) ?? Number.NaN }
}

/** The value below which this part of the values lies; they must be in order. */
function quantile(sorted: readonly number[], part: number): number {
  const at = (sorted.length - 1) * part
  const low = sorted[Math.floor(at)] ?? Number.NaN
  const high = sorted[Math.ceil(at)] ?? Number.NaN
  return low + (high - low) * (at - Math.floor(at))
}

export const median = (values: readonly number[]): number => spread(values).median

export function figure(
  what: string,
  unit: Figure['unit'],
  values: readonly number[],
  limit?: Limit,
): Figure {
  return { what, unit, spread: spread(values), limit }
}

/** How long the event loop was held up, beside the bare rounds. */
export const delayFigures = (
  what: string,
  own: readonly { readonly delayMs: number }[],
  bare: readonly { readonly delayMs: number }[],
): Figure[] => [
  figure(
    `${what}: event loop delay p99`,
    'ms',
    own.map(({ delayMs }) => delayMs),
    { most: 10 },
  ),
  figure(
    `${what}: bare event loop delay p99`,
    'ms',
    bare.map(({ delayMs }) => delayMs),
  ),
]

/** Round by round, so that what disturbs one round disturbs both of its halves. */
export const ratios = (above: readonly number[], below: readonly number[]): number[] =>
  above.map((value, i) => value / (below[i] ?? Number.NaN))

export const keeps = ({ spread: { median: value }, limit }: Figure): boolean =>
  limit === undefined || ('most' in limit ? value <= limit.most : value >= limit.least)
