/**
 * Each class of malformed behaviour ends in one explained outcome, over the wire and through the real
 * provider packages.
 */
import { scriptedServer } from 'everloop/testing'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { ModelAnswer } from '../../src/agent/model/answer.ts'
import { ModelError } from '../../src/agent/model/model-error.ts'
import { parseStructured } from '../../src/agent/model/structured.ts'
import { decode, encode } from '../../src/ledger/index.ts'
import {
  malformedClasses,
  type MalformedClass,
  type Outcome,
  outcomeOf,
  type ProviderName,
  saidCalls,
  saidObject,
  saidText,
} from './malformed-classes.ts'
import { call, providers } from './wire.ts'

test('there are at least 28 classes, each with its own name', () => {
  const names = new Set(malformedClasses.map(({ name }) => name))
  expect(names.size).toBe(malformedClasses.length)
  expect(names.size).toBeGreaterThanOrEqual(28)
})

const names = Object.keys(providers) as ProviderName[]

describe.each(names)('%s', (provider) => {
  test.each(malformedClasses)('$name', async (one) => {
    const { called, requests } = await outcome(one, provider)
    const expected = outcomeOf(one, provider)
    if (expected.is === 'failed') {
      const { error } = called
      if (!(error instanceof ModelError)) throw new Error('Expected to fail.', { cause: called })
      expect(error.code).toBe('MODEL_FAILED')
      expect(error.message).toContain(expected.says)
      expect(error.attempts).toHaveLength(expected.attempts)
      expect(requests).toBe(one.name === 'redirect' ? 1 : expected.attempts)
      expect(JSON.stringify(error)).not.toContain('sk-test')
      expect(error.message.length).toBeLessThan(1000)
      return
    }
    expect(called.error).toBeUndefined()
    if (!called.answer) throw new Error('No answer.')
    checkAnswer(called.answer, expected)
    // It can be kept, and comes back the same.
    expect(decode(encode(called.answer))).toEqual(called.answer)
    expect(called.text).toBe(called.answer.text)
  })
})

async function outcome(one: MalformedClass, provider: ProviderName) {
  await using server = await scriptedServer({ script: one.script })
  const model = providers[provider]?.(server.url)
  if (!model) throw new Error('No such provider.')
  const called = await call({ model, ...one.limits })
  return { called, requests: server.requests.length }
}

function checkAnswer(answer: ModelAnswer, expected: Extract<Outcome, { is: 'answer' }>): void {
  const calls = answer.content.filter((part) => part.type === 'tool-call')
  expect(answer.text).toBe(expected.text ?? (expected.calls ? '' : saidText))
  expect(answer.finishReason).toBe(expected.finishReason ?? 'stop')
  expect(answer.attempts).toHaveLength(expected.failedAttempts ?? 0)
  const ours = answer.warnings.filter((warning) => !warning.startsWith('compatibility:'))
  expect(ours).toEqual(expected.warnings ?? [])
  expect(calls).toHaveLength(expected.calls?.length ?? 0)
  for (const [index, { id, name, invalid }] of (expected.calls ?? []).entries()) {
    const found = calls[index]
    if (id instanceof RegExp) expect(found?.id).toMatch(id)
    else expect(found?.id).toBe(id ?? `call_1_${index + 1}`)
    expect(found?.name).toBe(name ?? 'weather')
    if (invalid === undefined) {
      expect(found).not.toHaveProperty('invalid')
      expect(found?.input).toEqual(saidCalls[index]?.input)
    } else {
      expect(found?.invalid?.slice(0, invalid.length)).toBe(invalid)
      expect(found).not.toHaveProperty('input')
    }
  }
  expect(new Set(calls.map(({ id }) => id)).size).toBe(calls.length)
}

test('what stands in a code fence is read as structured output', async () => {
  const fence = malformedClasses.find(({ name }) => name === 'code-fence')
  const answer = fence && (await outcome(fence, 'openai chat')).called.answer
  const schema = z.object({ city: z.string(), degrees: z.number() })
  expect(await parseStructured(answer?.text ?? '', schema)).toEqual({ ok: true, value: saidObject })
})
