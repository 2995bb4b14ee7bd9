/**
 * Durations as people write them: "250ms", "10s", "5m", "2h", "30d", "1w", or a number of
 * milliseconds. Months and years are left out on purpose: they have no fixed length.
 */
import { EverloopError } from './errors.ts'

const unitsMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const
type Unit = keyof typeof unitsMs

/** A length of time: `"10s"`, `"1.5h"`, or milliseconds as a number. */
export type Duration = number | `${number}${Unit}` | `${number} ${Unit}`

/** 10,000 years: the last date that is still written with a four-digit year lies before it. */
const durationMsMax = 10_000 * 365.25 * 86_400_000

/**
 * Returns the duration in whole milliseconds. Throws BAD_DURATION for anything that is not one.
 *
 * @example parseDuration('2h') // 7_200_000
 */
export function parseDuration(duration: Duration | string): number {
  if (typeof duration === 'number') {
    if (duration >= 0 && duration <= durationMsMax) return Math.round(duration)
  } else if (typeof duration === 'string') {
    const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)$/.exec(duration.trim())
    if (match) {
      const ms = Number(match[1]) * unitsMs[match[2] as Unit]
      if (ms <= durationMsMax) return Math.round(ms)
    }
  }
  throw new EverloopError(
    'BAD_DURATION',
    `${typeof duration === 'string' ? JSON.stringify(duration) : describe(duration)} is not a duration. Give milliseconds as a number of at least 0, or a text like "250ms", "10s", "5m", "2h", "30d" or "1w"; at most 10,000 years.`,
  )
}

function describe(given: unknown): string {
  return typeof given === 'number' || given === null
    ? String(given)
    : `A value of type ${typeof given}`
}

/** Writes milliseconds the short way: "1.2s", "3m 5s", "60d". */
export function formatDuration(ms: number): string {
  if (Math.round(ms) < 1000) return `${Math.round(ms)}ms`
  // What rounds to 60s is a minute.
  if (ms < 59_950) return `${Math.round(ms / 100) / 10}s`
  const parts: string[] = []
  let left = Math.round(ms / 1000)
  for (const [unit, seconds] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(left / seconds)
    if (count > 0 && parts.length < 2) parts.push(`${count}${unit}`)
    if (parts.length === 2) break
    left -= count * seconds
  }
  return parts.join(' ')
}
