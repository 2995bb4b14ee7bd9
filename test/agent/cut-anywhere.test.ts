/**
 * A stream may be cut at any byte. Whatever the offset, a call ends in the whole answer or in a
 * failure that is worth another attempt: never in a part of the answer, nor in a call with other input.
 */
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { scriptedServer } from 'everloop/testing'
import { expect, test } from 'vitest'
import type { LanguageModel } from '../../src/agent/model/port.ts'
import { call, providers } from './wire.ts'

type Fetch = typeof globalThis.fetch

const withFetch: Readonly<Record<string, (fetch: Fetch) => LanguageModel>> = {
  'openai chat': (fetch) => createOpenAI({ apiKey: 'none', fetch }).chat('gpt-scripted'),
  'openai responses': (fetch) => createOpenAI({ apiKey: 'none', fetch }).responses('gpt-scripted'),
  anthropic: (fetch) => createAnthropic({ apiKey: 'none', fetch })('claude-scripted'),
}

const script = [{ text: 'Köln? ☔', toolCalls: [{ name: 'weather', input: { city: 'Köln' } }] }]

/** What the server sends, byte by byte. */
async function recorded(name: string): Promise<Uint8Array> {
  await using server = await scriptedServer({ script })
  const chunks: Uint8Array[] = []
  const recording: Fetch = async (_, init) => {
    const path =
      name === 'anthropic' ? 'messages' : name === 'openai chat' ? 'chat/completions' : 'responses'
    const response = await fetch(`${server.url}/${path}`, init)
    chunks.push(await response.bytes())
    return new Response(Buffer.concat(chunks), { headers: response.headers })
  }
  const model = withFetch[name]?.(recording)
  if (!model) throw new Error('No such provider.')
  const { error } = await call({ model })
  expect(error).toBeUndefined()
  return Buffer.concat(chunks)
}

test('the providers are those of the other wire tests', () => {
  expect(Object.keys(providers)).toEqual(expect.arrayContaining(Object.keys(withFetch)))
})

test.each(Object.keys(withFetch))('%s', { timeout: 60_000 }, async (name) => {
  const bytes = await recorded(name)
  const outcomes = { whole: 0, failed: 0 }
  const every = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, index) => index * 7)
  for (const length of [...every, bytes.length]) {
    const cut: Fetch = () =>
      Promise.resolve(
        new Response(bytes.slice(0, length), { headers: { 'content-type': 'text/event-stream' } }),
      )
    const model = withFetch[name]?.(cut)
    if (!model) throw new Error('No such provider.')
    const { answer, error } = await call({ model, retry: { attempts: 2, delay: 0 } })
    if (answer) {
      outcomes.whole++
      expect(answer.text, `after ${length} bytes`).toBe('Köln? ☔')
      const calls = answer.content.filter((part) => part.type === 'tool-call')
      expect(calls, `after ${length} bytes`).toMatchObject([
        { id: 'call_1_1', input: { city: 'Köln' } },
      ])
      continue
    }
    outcomes.failed++
    expect(error, `after ${length} bytes`).toMatchObject({
      code: 'MODEL_FAILED',
      attempts: [{}, {}],
    })
  }
  // Only what comes behind the finish may be missing.
  expect(outcomes.failed).toBeGreaterThan(outcomes.whole)
  expect(outcomes.whole).toBeGreaterThan(0)
})
