/**
 * What a model call used, in one shape for all providers. Law (property-tested): what is known adds
 * up. Tokens that were read from a cache or written to one are part of the input, reasoning is part
 * of the output, and where a provider's own numbers disagree the larger reading is taken, so that a
 * budget is never spent unseen.
 */
import type { Usage } from './answer.ts'
import { plain } from './plain.ts'

/** A count is a whole number of at least 0. Texts, fractions, NaN and negative numbers are unknown. */
function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

const countOrNull = (value: unknown): number | null | undefined =>
  count(value) ?? (value === undefined ? undefined : null)

interface Given {
  /** Null: something stands there, but it is no count, so that nothing next to it can be trusted. */
  readonly total: number | null | undefined
  readonly uncached: number | undefined
  readonly cached: number | undefined
  readonly written: number | undefined
  readonly output: number | null | undefined
  readonly text: number | undefined
  readonly reasoning: number | undefined
}

/** The usage that a model object reported, of any specification; anything may stand there. */
export function usageOf(reported: unknown, provider: string, metadata?: unknown): Usage {
  const fields = record(reported)
  const older = typeof fields['inputTokens'] !== 'object'
  const given = older ? givenV2(fields, provider, metadata) : givenV4(fields)
  const raw = plain('raw' in fields ? fields['raw'] : reported)
  return { ...consistent(given), ...(raw === undefined || raw === null ? {} : { raw }) }
}

function givenV4(fields: Record<string, unknown>): Given {
  const input = record(fields['inputTokens'])
  const output = record(fields['outputTokens'])
  return {
    total: countOrNull(input['total']),
    uncached: count(input['noCache']),
    cached: count(input['cacheRead']),
    written: count(input['cacheWrite']),
    output: countOrNull(output['total']),
    text: count(output['text']),
    reasoning: count(output['reasoning']),
  }
}

/** V2 passed on what each provider said: Anthropic counts cached tokens beside the input. */
function givenV2(fields: Record<string, unknown>, provider: string, metadata: unknown): Given {
  const input = count(fields['inputTokens'])
  const cached = count(fields['cachedInputTokens'])
  const beside = provider.startsWith('anthropic')
  const written = beside
    ? count(record(record(metadata)['anthropic'])['cacheCreationInputTokens'])
    : undefined
  return {
    total: beside ? undefined : input,
    uncached: beside ? input : undefined,
    cached,
    written,
    output: count(fields['outputTokens']),
    text: undefined,
    reasoning: count(fields['reasoningTokens']),
  }
}

function consistent(given: Given): Usage {
  const { cached, written, reasoning } = given
  const parts = (given.uncached ?? 0) + (cached ?? 0) + (written ?? 0)
  const input =
    given.total === null || (given.total === undefined && given.uncached === undefined)
      ? undefined
      : Math.max(given.total ?? 0, parts)
  const output =
    given.output === null || (given.output === undefined && given.text === undefined)
      ? undefined
      : Math.max(given.output ?? 0, (given.text ?? 0) + (reasoning ?? 0))
  const total = input === undefined || output === undefined ? undefined : input + output
  return known({ input, output, cachedInput: cached, cacheWrite: written, reasoning, total })
}

/** Without the fields that are undefined, which would be kept in the ledger as such. */
function known(usage: Usage): Usage {
  const fields: { -readonly [K in keyof Usage]: unknown } = {}
  for (const key of Object.keys(usage) as (keyof Usage)[]) {
    if (usage[key] !== undefined) fields[key] = usage[key]
  }
  return fields as Usage
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
