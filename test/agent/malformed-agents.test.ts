/**
 * Malformed model behaviour through whole agents, over real HTTP and the real provider packages: each
 * class ends in one outcome that is recorded and says what was wrong.
 */
import { describe, expect, test } from 'vitest'
import { agent, conversation, open, tool } from 'everloop'
import { scriptedServer } from 'everloop/testing'
import { z } from 'zod'
import {
  type ExpectedCall,
  malformedClasses,
  type MalformedClass,
  type Outcome,
  outcomeOf,
  type ProviderName,
  saidCalls,
  saidText,
} from './malformed-classes.ts'
import { providers } from './wire.ts'

/** The model says the same again and again: two turns show what it is told. */
async function lifeOf(one: MalformedClass, provider: ProviderName) {
  await using server = await scriptedServer({ script: one.script })
  const asked: string[] = []
  const weather = tool({
    name: 'weather',
    description: 'The weather of a city.',
    input: z.object({ city: z.string() }),
    effect: 'read',
    run: ({ city }) => {
      asked.push(city)
      return 'sunny'
    },
  })
  const model = providers[provider]?.(server.url)
  if (!model) throw new Error(`No provider ${provider}.`)
  const limits = one.limits ? { timeout: one.limits.timeoutMs } : {}
  const forecaster = agent({
    name: 'forecaster',
    model,
    instructions: 'You answer questions.',
    tools: [weather],
    stop: { turns: 2 },
    retry: { attempts: 2, delay: 1, maxDelay: 5 },
    ...limits,
  })
  await using ever = await open({ store: 'memory:', flows: [forecaster], work: {} })
  const run = await ever.start(forecaster, { prompt: 'What is the weather in Ulm and Köln?' })
  const settled = await run.settled()
  const { items } = await conversation(ever, run.id)
  const results = items.filter(({ is }) => is === 'result').length
  return { settled, asked, results, verdict: await ever.verify(run.id) }
}

const isValid = ({ invalid }: ExpectedCall): boolean => invalid === undefined

describe.each(Object.keys(providers) as ProviderName[])('%s', (provider) => {
  test.each(malformedClasses)('$name', async (one) => {
    const expected: Outcome = outcomeOf(one, provider, 'streamed')
    const { settled, asked, results, verdict } = await lifeOf(one, provider)
    expect(verdict).toMatchObject({ ok: true })
    if (expected.is === 'failed') {
      expect(settled).toMatchObject({ status: 'failed', error: { code: 'STEP_FAILED' } })
      const { message } = (settled as { error: { message: string } }).error
      // Agents have one limit for a call; which of several a silent model meets first does not matter.
      expect(message).toContain(one.limits ? 'The model ' : expected.says)
      expect(message).toMatch(/after \d+ attempts?/)
      expect(asked).toEqual([])
      return
    }
    expect(settled.status).toBe('completed')
    const { calls = [] } = expected
    const valid = saidCalls.filter((_, i) => calls[i] && isValid(calls[i]))
    expect(asked.toSorted()).toEqual([...valid, ...valid].map(({ input }) => input.city).toSorted())
    expect(results).toBe(2 * valid.length)
    if (calls.length === 0) {
      const text = expected.text ?? saidText
      expect(settled).toEqual({ status: 'completed', output: text })
    }
  })
})
