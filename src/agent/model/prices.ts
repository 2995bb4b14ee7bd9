/**
 * The price table: what providers say that tokens cost, in US dollars per million, each entry with
 * the page it is from and the day on which that page was seen. Standard service tier, short-lived
 * caches; other tiers, regions and discounts are the user's to say with prices of their own.
 */

export interface Price {
  /** US dollars per million tokens. */
  readonly input: number
  /** Reasoning among them. */
  readonly output: number
  /** Read from a cache. Without it such tokens cost what other input costs. */
  readonly cachedInput?: number
  /** Written to a cache. Without it such tokens cost what other input costs. */
  readonly cacheWrite?: number
  /** The prices of a call whose whole input has more tokens than this, for all its tokens. */
  readonly long?: Omit<Price, 'long'> & { readonly above: number }
}

export interface PriceTable {
  /** The day of the table: kept beside what was computed with it. */
  readonly version: string
  /** By "provider/model"; dated and "latest" versions of a model have its price, if none of their own. */
  readonly models: Readonly<Record<string, Price>>
}

/** Input, output, and what reading from and writing to a cache costs. */
const price = (input: number, output: number, cachedInput: number, cacheWrite?: number): Price => ({
  input,
  output,
  cachedInput,
  ...(cacheWrite === undefined ? {} : { cacheWrite }),
})

const long = (above: number, short: Price, beyond: Price): Price => ({
  ...short,
  long: { above, ...beyond },
})

/** platform.claude.com/docs/en/about-claude/pricing, models overview; Sonnet and Haiku 5.5 as of October 2026. */
const anthropic: Record<string, Price> = {
  'anthropic/claude-fable-5-1': price(10, 50, 0.25, 12.5),
  'anthropic/claude-fable-5': price(10, 50, 1, 12.5),
  'anthropic/claude-opus-5-5': price(4, 20, 0.2, 5),
  'anthropic/claude-opus-5': price(5, 25, 0.5, 6.25),
  'anthropic/claude-opus-4-8': price(5, 25, 0.5, 6.25),
  'anthropic/claude-opus-4-7': price(5, 25, 0.5, 6.25),
  'anthropic/claude-opus-4-6': price(5, 25, 0.5, 6.25),
  'anthropic/claude-opus-4-5': price(5, 25, 0.5, 6.25),
  'anthropic/claude-opus-4-1': price(15, 75, 1.5, 18.75),
  'anthropic/claude-sonnet-5-5': price(2, 10, 0.1, 2.5),
  'anthropic/claude-sonnet-5': price(2, 10, 0.2, 2.5),
  'anthropic/claude-sonnet-4-6': price(3, 15, 0.3, 3.75),
  'anthropic/claude-sonnet-4-5': price(3, 15, 0.3, 3.75),
  'anthropic/claude-haiku-5-5': long(
    100_000,
    price(0.1, 0.5, 0.01, 0.125),
    price(0.5, 2.5, 0.05, 0.625),
  ),
  'anthropic/claude-haiku-4-5': price(1, 5, 0.1, 1.25),
}

/** developers.openai.com/api/docs/pricing as quoted there and by docs.github.com, August to October 2026. */
const openai: Record<string, Price> = {
  'openai/gpt-5.5': long(272_000, price(5, 30, 0.5), price(10, 45, 1)),
  'openai/gpt-5.4': long(272_000, price(2.5, 15, 0.25), price(5, 22.5, 0.5)),
  'openai/gpt-5.4-mini': price(0.75, 4.5, 0.075),
  'openai/gpt-5.4-nano': price(0.2, 1.25, 0.02),
  'openai/gpt-5.3-codex': price(1.75, 14, 0.175),
  'openai/gpt-5.2': price(1.75, 14, 0.175),
  'openai/gpt-5.1': price(1.25, 10, 0.125),
  'openai/gpt-5': price(1.25, 10, 0.125),
  'openai/gpt-5-mini': price(0.25, 2, 0.025),
  'openai/gpt-4.1': price(2, 8, 0.5),
  'openai/gpt-4o': price(2.5, 10, 1.25),
  'openai/gpt-4o-2024-05-13': { input: 5, output: 15 }, // without a discount for what is cached
  'openai/gpt-4o-mini': price(0.15, 0.6, 0.075),
}

/** ai.google.dev/gemini-api/docs/pricing as quoted by docs.github.com, autumn 2026. */
const google: Record<string, Price> = {
  'google/gemini-3.1-pro': long(200_000, price(2, 12, 0.2), price(4, 18, 0.4)),
  'google/gemini-3.5-flash': price(1.5, 9, 0.15),
}

/** The prices that everloop knows. */
export const prices: PriceTable = {
  version: '2026-11-22',
  models: { ...anthropic, ...openai, ...google },
}
