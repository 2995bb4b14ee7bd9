/** What calls used and cost: laws over any usage, and the shapes in which providers report it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { priceFor, priceOf } from '../../src/agent/model/cost.ts'
import { type Price, prices } from '../../src/agent/model/prices.ts'
import { usageOf } from '../../src/agent/model/usage.ts'

const count = fc.option(
  fc.oneof(
    fc.nat(1_000_000),
    fc.constantFrom<unknown>(-1, 1.5, NaN, Infinity, '12', null, {}, true),
  ),
  { nil: undefined },
)

const reported = fc.record({
  inputTokens: fc.record({ total: count, noCache: count, cacheRead: count, cacheWrite: count }),
  outputTokens: fc.record({ total: count, text: count, reasoning: count }),
})

const older = fc.record({
  inputTokens: count,
  outputTokens: count,
  totalTokens: count,
  reasoningTokens: count,
  cachedInputTokens: count,
})

describe('usage', () => {
  test('what is known adds up, and nothing is negative', () => {
    fc.assert(
      fc.property(fc.oneof(reported, older, fc.anything()), fc.string(), (given, provider) => {
        const { input, output, cachedInput, cacheWrite, reasoning, total } = usageOf(
          given,
          provider,
        )
        for (const one of [input, output, cachedInput, cacheWrite, reasoning, total]) {
          if (one !== undefined) expect(Number.isSafeInteger(one) && one >= 0).toBe(true)
        }
        if (input !== undefined)
          expect(input).toBeGreaterThanOrEqual((cachedInput ?? 0) + (cacheWrite ?? 0))
        if (output !== undefined) expect(output).toBeGreaterThanOrEqual(reasoning ?? 0)
        expect(total).toBe(input === undefined || output === undefined ? undefined : input + output)
      }),
    )
  })

  test('cached and uncached tokens are the input', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.nat(1e6), fc.nat(1e6), (noCache, cacheRead, cacheWrite) => {
        const total = noCache + cacheRead + cacheWrite
        const usage = usageOf(
          {
            inputTokens: { total, noCache, cacheRead, cacheWrite },
            outputTokens: { total: 0, text: 0, reasoning: 0 },
          },
          'any',
        )
        expect(usage).toMatchObject({ input: total, cachedInput: cacheRead, cacheWrite })
      }),
    )
  })

  test.each([
    {
      name: 'OpenAI counts reasoning in the output and cached tokens in the input',
      given: {
        inputTokens: { total: 100, noCache: 60, cacheRead: 40, cacheWrite: undefined },
        outputTokens: { total: 30, text: 20, reasoning: 10 },
        raw: { prompt_tokens: 100, completion_tokens: 30 },
      },
      usage: { input: 100, output: 30, cachedInput: 40, reasoning: 10, total: 130 },
    },
    {
      name: 'Anthropic counts cache reads and writes beside the input, its package adds them',
      given: {
        inputTokens: { total: 100, noCache: 10, cacheRead: 60, cacheWrite: 30 },
        outputTokens: { total: 30, text: undefined, reasoning: undefined },
      },
      usage: { input: 100, output: 30, cachedInput: 60, cacheWrite: 30, total: 130 },
    },
    {
      name: 'some count reasoning beside the output',
      given: {
        inputTokens: { total: 100 },
        outputTokens: { total: 30, text: 30, reasoning: 50 },
      },
      usage: { input: 100, output: 80, reasoning: 50, total: 180 },
    },
    {
      name: 'V2 of Anthropic leaves the adding to us',
      provider: 'anthropic.messages',
      given: { inputTokens: 10, outputTokens: 5, totalTokens: 15, cachedInputTokens: 60 },
      metadata: { anthropic: { cacheCreationInputTokens: 30 } },
      usage: { input: 100, output: 5, cachedInput: 60, cacheWrite: 30, total: 105 },
    },
    {
      name: 'V2 of OpenAI has added already',
      provider: 'openai.chat',
      given: { inputTokens: 100, outputTokens: 5, totalTokens: 105, cachedInputTokens: 60 },
      usage: { input: 100, output: 5, cachedInput: 60, total: 105 },
    },
    { name: 'nothing', given: undefined, usage: {} },
  ])('$name', ({ given, provider = 'any', metadata, usage }) => {
    const { raw, ...counts } = usageOf(given, provider, metadata)
    expect(counts).toEqual(usage)
    expect(raw).toEqual(given && 'raw' in given ? given.raw : plainOf(given))
  })

  test('what a provider says sets no prototype', () => {
    const { raw } = usageOf(JSON.parse('{"raw":{"__proto__":{"input":1},"output":2}}'), 'any')
    expect(Object.getPrototypeOf(raw)).toBe(Object.prototype)
    expect(raw).toEqual({ output: 2 })
  })

  const plainOf = (given: unknown): unknown =>
    given === undefined ? undefined : (JSON.parse(JSON.stringify(given)) as unknown)
})

const rates = fc.record(
  {
    input: fc.double({ min: 0, max: 100, noNaN: true }),
    output: fc.double({ min: 0, max: 100, noNaN: true }),
    cachedInput: fc.double({ min: 0, max: 100, noNaN: true }),
    cacheWrite: fc.double({ min: 0, max: 100, noNaN: true }),
  },
  { requiredKeys: ['input', 'output'] },
)

const microUsd = (price: Price, usage: Parameters<typeof priceOf>[1]): number => {
  const cost = priceOf('own/model', usage, { 'own/model': price })
  if (!('microUsd' in cost)) throw new Error(cost.unknown)
  return cost.microUsd
}

describe('money', () => {
  test('each token is priced once', () => {
    const price = { input: 3, output: 15, cachedInput: 0.3, cacheWrite: 3.75 }
    // 50 at 3, 40 at 0.3, 10 at 3.75, 30 at 15 micro-dollars; reasoning is among the 30.
    const usage = { input: 100, output: 30, cachedInput: 40, cacheWrite: 10, reasoning: 20 }
    expect(microUsd(price, usage)).toBe(Math.ceil(150 + 12 + 37.5 + 450))
  })

  test('reasoning and where tokens came from change nothing when the rates are equal', () => {
    fc.assert(
      fc.property(
        rates,
        fc.nat(1e6),
        fc.nat(1e6),
        fc.nat(1e6),
        fc.nat(1e6),
        (price, a, b, c, d) => {
          const flat = { ...price, cachedInput: price.input, cacheWrite: price.input }
          const plain = microUsd(flat, { input: a + b + c, output: d })
          const split = microUsd(flat, {
            input: a + b + c,
            cachedInput: b,
            cacheWrite: c,
            output: d,
            reasoning: d,
          })
          expect(split).toBe(plain)
        },
      ),
    )
  })

  test('is never rounded down, never by more than a micro-dollar and a rate by a millionth', () => {
    fc.assert(
      fc.property(rates, fc.nat(1e6), fc.nat(1e6), (price, input, output) => {
        const exact = input * price.input + output * price.output
        const cost = microUsd(price, { input, output })
        expect(cost).toBeGreaterThanOrEqual(exact - 1e-3)
        expect(cost).toBeLessThan(exact + 1 + (input + output) * 1e-6 + 1e-3)
      }),
    )
  })

  test('decimals do not add a micro-dollar', () => {
    expect(microUsd({ input: 0.1, output: 0.2 }, { input: 30, output: 10 })).toBe(5)
    expect(microUsd({ input: 0.075, output: 0.6 }, { input: 1_000_000, output: 0 })).toBe(75_000)
    expect(microUsd({ input: 0.1, output: 0 }, { input: 1, output: 0 })).toBe(1)
  })

  test('a long input makes all tokens of the call dearer', () => {
    const price = { input: 1, output: 1, long: { above: 100, input: 2, output: 3 } }
    expect(microUsd(price, { input: 100, output: 10 })).toBe(110)
    expect(microUsd(price, { input: 101, output: 10 })).toBe(232)
  })

  test('what is not known has no price', () => {
    expect(priceOf('nobody/model', { input: 1, output: 1 })).toEqual({
      unknown: expect.stringContaining('nobody/model') as string,
    })
    expect(priceOf('openai/gpt-5', { input: 1 })).toHaveProperty('unknown')
    expect(priceFor('nobody/model')).toBeUndefined()
  })

  test.each([
    ['openai/gpt-5', 'openai/gpt-5'],
    ['openai/gpt-5-2026-08-07', 'openai/gpt-5'],
    ['openai/gpt-5-mini', 'openai/gpt-5-mini'],
    ['openai/gpt-5-mini-2026-08-07', 'openai/gpt-5-mini'],
    ['anthropic/claude-sonnet-4-5-20250929', 'anthropic/claude-sonnet-4-5'],
    ['anthropic/claude-haiku-4-5@20251001', 'anthropic/claude-haiku-4-5'],
    ['anthropic/claude-opus-4-5-latest', 'anthropic/claude-opus-4-5'],
  ])('%s has the price of %s', (model, known) => {
    expect(priceFor(model)?.price).toBe(prices.models[known])
  })

  test('a dated version that costs something else has its own price', () => {
    const usage = { input: 1000, cachedInput: 500, output: 1000 }
    expect(priceOf('openai/gpt-4o-2024-05-13', usage)).toMatchObject({ microUsd: 20_000 })
    expect(priceOf('openai/gpt-4o-2024-08-06', usage)).toMatchObject({ microUsd: 11_875 })
  })

  test.each(['openai/gpt-5-pro', 'openai/gpt-5.9', 'openai/gpt-50', 'anthropic/claude-opus-5-9'])(
    'the price of %s is not taken from a relative',
    (model) => expect(priceFor(model)).toBeUndefined(),
  )

  test('own prices come first', () => {
    const own = { 'openai/gpt-5': { input: 1, output: 2 } }
    expect(priceOf('openai/gpt-5', { input: 1, output: 1 }, own)).toEqual({
      microUsd: 3,
      version: 'own',
    })
  })

  test('cheaper tiers of the table are not dearer than the input', () => {
    for (const [model, price] of Object.entries(prices.models)) {
      expect(price.cachedInput ?? 0, model).toBeLessThanOrEqual(price.input)
      expect(price.output, model).toBeGreaterThan(price.input)
      if (price.long) expect(price.long.input, model).toBeGreaterThan(price.input)
    }
  })
})
