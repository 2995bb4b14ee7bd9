/** How long a provider asks to wait, from headers that come in all forms, right and wrong. */

/**
 * Milliseconds, of at least 0; undefined when the headers do not say, or say nonsense. `retry-after-ms`
 * is more exact than `retry-after`, which is a number of seconds or a date.
 */
export function retryAfterMs(headers: unknown, now: number): number | undefined {
  return milliseconds(header(headers, 'retry-after-ms'), 1) ?? wait(headers, now)
}

function wait(headers: unknown, now: number): number | undefined {
  const value = header(headers, 'retry-after')
  if (value === undefined) return undefined
  // Only what looks like a date is one: Date.parse takes "-5" for the year 2001.
  if (/^([a-z]{3,9}, |\d{4}-\d\d-\d\d)/i.test(value)) {
    const at = Date.parse(value)
    return Number.isNaN(at) ? undefined : Math.max(0, at - now)
  }
  return milliseconds(value, 1000)
}

function milliseconds(value: string | undefined, unitMs: number): number | undefined {
  if (value === undefined || !/^\d+(\.\d+)?$/.test(value)) return undefined
  const ms = Math.ceil(Number(value) * unitMs)
  return Number.isFinite(ms) ? ms : undefined
}

/** Providers hand headers over as an object or as `Headers`, in any case. */
function header(headers: unknown, name: string): string | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined
  const pairs = headers instanceof Headers ? [...headers] : Object.entries(headers)
  const value: unknown = pairs.find(([key]) => key.toLowerCase() === name)?.[1]
  const text: unknown = Array.isArray(value) ? value[0] : value
  return typeof text === 'string' || typeof text === 'number' ? String(text).trim() : undefined
}
