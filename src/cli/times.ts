/** Times as people write and read them. */
import { readDate } from '../base/date.ts'
import { formatDuration, parseDuration } from '../base/duration.ts'
import { EverloopError } from '../base/errors.ts'

/** The moment that "2h" (ago) or a date means, in milliseconds since 1970. */
export function parseSince(text: string, now: number): number {
  if (/^\d{4}-\d{2}-\d{2}/.test(text)) {
    const time = readDate(text)
    if (time !== undefined) return time
    throw new EverloopError(
      'BAD_DURATION',
      `"${text}" is no date. Write it like 2026-11-21T08:00:00Z.`,
    )
  }
  try {
    return now - parseDuration(text)
  } catch (cause) {
    throw new EverloopError(
      'BAD_DURATION',
      `"${text}" is no time. Write how long ago, like 30m, 2h or 7d, or a date, like 2026-11-21T08:00:00Z.`,
      { cause },
    )
  }
}

/** "3m 5s ago", "in 2h", "just now"; "now" of what is to come in this moment. */
export function ago(time: number, now: number): string {
  const ms = now - time
  if (Math.abs(ms) < 1000) return ms < 0 ? 'now' : 'just now'
  return ms > 0 ? `${short(ms)} ago` : `in ${short(-ms)}`
}

/** A length of time in whole seconds at least: for people, who do not read tenths. */
export const short = (ms: number): string =>
  formatDuration(Math.max(1000, Math.round(ms / 1000) * 1000))

const two = (part: number): string => String(part).padStart(2, '0')

/** A local date and time: "2026-11-21 08:00:00". */
export function dateTime(time: number): string {
  const date = new Date(time)
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

/** "2026-11-21 08:00:00 (3m 5s ago)". */
export const dateAndAgo = (time: number, now: number): string =>
  `${dateTime(time)} (${ago(time, now)})`

/** A local time of day with milliseconds, for events. */
export function clockTime(time: number): string {
  const date = new Date(time)
  return `${dateTime(time).slice(11)}.${String(date.getMilliseconds()).padStart(3, '0')}`
}
