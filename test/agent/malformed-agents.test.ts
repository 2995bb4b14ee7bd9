/**
 * Malformed model behaviour through whole agents, over real HTTP and the real provider packages: each
 * class ends in one outcome that is recorded and says what was wrong.
 */
import { describe, expect, test } from 'vitest'
import { agent, conversation, guard, open, tool, verdict } from 'everloop'
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

/** Guards that must see the whole of an answer hold back what is streamed. */
const holding = guard({ name: 'holding', at: 'answer', check: () => verdict.allow() })

/** The model says the same again and again: two turns show what it is told. After a failure it recovers. */
async function lifeOf(one: MalformedClass, provider: ProviderName, how: 'shown' | 'held') {
  const { script } = one
  let isWell = false
  await using server = await scriptedServer({
    script:
      typeof script === 'function'
        ? (request) => (isWell ? { text: saidText } : script(request))
        : script,
  })
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
  const limits = one.limits ? { silence: one.limits.silenceMs } : {}
  const forecaster = agent({
    name: 'forecaster',
    model,
    instructions: 'You answer questions.',
    tools: [weather],
    guards: how === 'held' ? [holding] : [],
    stop: { turns: 2 },
    retry: { attempts: 2, delay: 1, maxDelay: 5 },
    ...limits,
  })
  await using ever = await open({ store: 'memory:', flows: [forecaster], work: {} })
  const run = await ever.start(forecaster, { prompt: 'What is the weather in Ulm and Köln?' })
  const settled = await run.settled()
  const { items } = await conversation(ever, run.id)
  const results = items.filter(({ is }) => is === 'result').length
  const verified = await ever.verify(run.id)
  if (settled.status !== 'failed') return { settled, asked, results, verified }
  isWell = true
  const again = await ever.start(forecaster, { prompt: 'And now?' })
  return { settled, asked, results, verified, again: await again.settled() }
}

const isValid = ({ invalid }: ExpectedCall): boolean => invalid === undefined

const wires = (Object.keys(providers) as ProviderName[]).flatMap((provider) =>
  (['shown', 'held'] as const).map((how) => ({ provider, how })),
)

describe.each(wires)('$provider, $how', ({ provider, how }) => {
  test.each(malformedClasses)('$name', async (one) => {
    const expected: Outcome = outcomeOf(one, provider)
    const { settled, asked, results, verified, again } = await lifeOf(one, provider, how)
    expect(verified).toMatchObject({ ok: true })
    if (expected.is === 'failed') {
      expect(settled).toMatchObject({ status: 'failed', error: { code: 'STEP_FAILED' } })
      const { message } = (settled as { error: { message: string } }).error
      expect(message).toContain(expected.says)
      expect(message).toMatch(/after \d+ attempts?/)
      expect(message.length).toBeLessThan(1000)
      expect(JSON.stringify(settled)).not.toContain('sk-test')
      expect(asked).toEqual([])
      expect(again).toEqual({ status: 'completed', output: saidText })
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
