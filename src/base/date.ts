/**
 * Dates as people write them: in ISO 8601, and nothing else that JavaScript would make a date of, such as
 * "tomorrow 5", which it takes for a day in 2001.
 */

const iso = /^([+-]?\d{4,6}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?))?$/

/**
 * Returns milliseconds since 1970, or undefined for what is no date. A day alone begins in UTC; a time without
 * an offset is local, as it is for `Date`.
 *
 * @example readDate('2026-11-21T08:00:00Z') // 1_795_248_000_000
 */
export function readDate(text: string): number | undefined {
  const [, day = '', time] = iso.exec(text) ?? []
  const at = Date.parse(time === undefined ? day : `${day}T${time}`)
  return isDay(day) && !Number.isNaN(at) ? at : undefined
}

/** False for the 31st of February, which JavaScript takes for a day in March. */
function isDay(day: string): boolean {
  const at = Date.parse(day)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(day)
}
