/**
 * What a guard may say about something. Verdicts are plain data; a guard that returns anything else
 * has denied.
 */

/** What a guard says: made by `verdict`. */
export type GuardVerdict =
  | { readonly is: 'allow' }
  | { readonly is: 'deny'; readonly reason: string }
  | { readonly is: 'fix'; readonly value: unknown; readonly reason?: string }
  | { readonly is: 'retry'; readonly feedback: string; readonly max?: number }
  | { readonly is: 'ask'; readonly prompt: string }
  | { readonly is: 'halt'; readonly reason: string }

/** How often the same guard may send something back, unless it says otherwise. */
export const retriesDefault = 2

/**
 * Makes verdicts: what a guard's check returns.
 *
 * @example
 * guard({
 *   name: 'small',
 *   at: 'call',
 *   check: ({ args }) => (isSmall(args) ? verdict.allow() : verdict.ask('That much?')),
 * })
 */
export const verdict: {
  /** It may go on. */
  allow(): GuardVerdict
  /** It may not; the model is told why. */
  deny(reason: string): GuardVerdict
  /** It may go on with this in its place: a text, messages, arguments or a value. */
  fix(value: unknown, reason?: string): GuardVerdict
  /** The model shall try again, with this feedback, `max` times at most (2 unless given). */
  retry(feedback: string, options?: { readonly max?: number }): GuardVerdict
  /** A person decides. */
  ask(prompt: string): GuardVerdict
  /** The run ends here. */
  halt(reason: string): GuardVerdict
} = Object.freeze({
  allow: () => ({ is: 'allow' as const }),
  deny: (reason: string) => ({ is: 'deny' as const, reason }),
  fix: (value: unknown, reason?: string) => ({
    is: 'fix' as const,
    value,
    ...(reason === undefined ? {} : { reason }),
  }),
  retry: (feedback: string, { max = retriesDefault }: { readonly max?: number } = {}) => ({
    is: 'retry' as const,
    feedback,
    max,
  }),
  ask: (prompt: string) => ({ is: 'ask' as const, prompt }),
  halt: (reason: string) => ({ is: 'halt' as const, reason }),
})

/** The verdict that this is; undefined when it is none. */
export function asVerdict(said: unknown): GuardVerdict | undefined {
  if (typeof said !== 'object' || said === null || !Object.hasOwn(said, 'is')) return undefined
  const { is, reason, value, feedback, max, prompt } = said as Record<string, unknown>
  switch (is) {
    case 'allow':
      return { is }
    case 'deny':
    case 'halt':
      return isText(reason) ? { is, reason } : undefined
    case 'fix':
      if (!Object.hasOwn(said, 'value')) return undefined
      return { is, value, ...(isText(reason) ? { reason } : {}) }
    case 'retry':
      if (!isText(feedback)) return undefined
      return { is, feedback, max: isCount(max) ? max : retriesDefault }
    case 'ask':
      return isText(prompt) ? { is, prompt } : undefined
    default:
      return undefined
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

const isCount = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0
