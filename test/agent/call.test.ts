/** Calling models: retries, delays, fallbacks, limits and aborts, on virtual time. */
import type {
  LanguageModelV2,
  LanguageModelV2StreamPart,
  LanguageModelV4,
  LanguageModelV4Prompt,
  LanguageModelV4StreamPart,
} from '@ai-sdk/provider'
import { type ScriptedAnswer, scriptedModel, virtualTime } from 'everloop/testing'
import { describe, expect, test } from 'vitest'
import type { ModelRequest } from '../../src/agent/model/answer.ts'
import { callModel } from '../../src/agent/model/call.ts'
import { retryAfterMs } from '../../src/agent/model/retry-after.ts'
import { callIds } from '../../src/agent/model/call-ids.ts'
import { modelName } from '../../src/agent/model/port.ts'
import { resolveModel } from '../../src/agent/model/resolve.ts'

const prompt: LanguageModelV4Prompt = [{ role: 'user', content: [{ type: 'text', text: 'Hi.' }] }]
const busy: ScriptedAnswer = { error: 'busy', status: 503 }

/** Calls on virtual time, and tells how much of it passed. */
async function called(
  request: Pick<ModelRequest, 'model'> & Partial<ModelRequest>,
): Promise<{ readonly result: unknown; readonly ms: number; readonly told: readonly string[] }> {
  const time = virtualTime()
  const start = time.clock.now()
  const told: string[] = []
  const promise = callModel({
    prompt,
    ports: time,
    ...request,
    onText: (delta) => told.push(delta),
    onRestart: ({ model, error }) => told.push(`[${model}: ${error}]`),
  })
  const result: unknown = await time.runUntil(promise.catch((error: unknown) => error))
  return { result, ms: time.clock.now() - start, told }
}

describe('an answer', () => {
  test('is told word by word and returned as plain data', async () => {
    const model = scriptedModel([{ text: 'Hello there.', reasoning: 'Be polite.' }])
    const { result, told } = await called({ model })
    expect(told).toEqual(['Hello ', 'there.'])
    expect(result).toEqual({
      model: 'scripted/model',
      text: 'Hello there.',
      reasoning: 'Be polite.',
      content: [
        { type: 'reasoning', text: 'Be polite.' },
        { type: 'text', text: 'Hello there.' },
      ],
      finishReason: 'stop',
      rawFinishReason: 'stop',
      usage: {
        input: 15,
        output: 6,
        cachedInput: 0,
        cacheWrite: 0,
        reasoning: 3,
        total: 21,
        raw: expect.anything() as unknown,
      },
      warnings: [],
      attempts: [],
      responseId: 'scripted',
    })
  })

  test('keeps characters whole that are cut between two deltas', async () => {
    const model = streaming(['☔ \uD83D', '\uDE00', ' and \uD83D', 'x'])
    const { result, told } = await called({ model })
    expect(told).toEqual(['☔ ', '😀', ' and ', '\uFFFDx'])
    expect(result).toMatchObject({ text: '☔ 😀 and \uFFFDx' })
  })
})

/** A model that streams these deltas. */
function streaming(deltas: readonly string[]): LanguageModelV4 {
  return {
    ...scriptedModel([]),
    doStream: () =>
      Promise.resolve({
        stream: ReadableStream.from([
          ...deltas.map((delta) => ({ type: 'text-delta' as const, id: '1', delta })),
          {
            type: 'finish' as const,
            finishReason: { unified: 'stop' as const, raw: 'stop' },
            usage: { inputTokens: {}, outputTokens: {} } as never,
          },
        ]),
      }),
  }
}

describe('a failure', () => {
  test('is tried again with a growing delay, and the restart is told', async () => {
    const model = scriptedModel([busy, busy, busy, { text: 'Here.' }])
    const { result, ms, told } = await called({ model })
    expect(result).toMatchObject({ text: 'Here.', attempts: [{ status: 503 }, {}, {}] })
    // 1, 2 and 4 seconds, each spread by a quarter.
    expect(ms).toBeGreaterThanOrEqual(5250)
    expect(ms).toBeLessThanOrEqual(7000)
    expect(told).toHaveLength(4)
    expect(told[0]).toBe('[scripted/model: HTTP 503: busy]')
  })

  test('waits as long as the provider asks, but no longer than we do', async () => {
    const after = (value: string): ScriptedAnswer => ({
      error: 'slow down',
      status: 429,
      headers: { 'Retry-After': value },
    })
    const model = scriptedModel([after('7'), after('99999'), { text: 'Here.' }])
    const { result, ms } = await called({ model, retry: { maxDelay: '20s' } })
    expect(result).toMatchObject({ text: 'Here.' })
    expect(ms).toBe(27_000)
  })

  test('waits as long as the first delay says, where that is longer than waits are by themselves', async () => {
    const model = scriptedModel([busy, busy, { text: 'Here.' }])
    const { result, ms } = await called({ model, retry: { delay: '10m' } })
    expect(result).toMatchObject({ text: 'Here.' })
    expect(ms).toBeGreaterThanOrEqual(15 * 60_000)
    expect(ms).toBeLessThanOrEqual(20 * 60_000)
  })

  test('of a rate limit passes, whatever it recommends to buy', async () => {
    const error = 'Rate limit reached. Add a payment method at https://a.example/account/billing.'
    const model = scriptedModel([{ error, status: 429 }, { text: 'Here.' }])
    expect((await called({ model })).result).toMatchObject({ text: 'Here.' })
  })

  test.each([
    [{ message: 'Overloaded', type: 'overloaded_error' }, true],
    [{ error: { message: 'no such model', type: 'invalid_request_error' } }, false],
    [new TypeError('fetch failed'), true],
    [Object.assign(new Error('no key'), { name: 'AI_LoadAPIKeyError' }), false],
    ['a text', true],
    [null, true],
  ])('within a stream, %j, is judged by its words', async (reported, again) => {
    const model: LanguageModelV4 = {
      ...scriptedModel([]),
      doStream: () =>
        Promise.resolve({ stream: ReadableStream.from([{ type: 'error', error: reported }]) }),
    }
    const { result } = await called({ model, retry: { attempts: 2, delay: 0 } })
    expect(result).toHaveProperty('attempts.length', again ? 2 : 1)
  })

  test('that lasts is not tried again', async () => {
    const model = scriptedModel([{ error: 'no such field', status: 400 }])
    const { result, ms } = await called({ model })
    expect(result).toMatchObject({ code: 'MODEL_FAILED', status: 400, attempts: [{}] })
    expect(ms).toBe(0)
  })

  test('goes on to the next model, at once', async () => {
    const first = scriptedModel([{ error: 'no', status: 404 }], { name: 'first' })
    const second = scriptedModel([{ text: 'Here.' }], { name: 'second' })
    const { result, ms, told } = await called({ model: [first, second] })
    expect(result).toMatchObject({
      model: 'scripted/second',
      text: 'Here.',
      attempts: [{ model: 'scripted/first', status: 404 }],
    })
    expect(ms).toBe(0)
    expect(told).toEqual(['[scripted/second: HTTP 404: no]', 'Here.'])
  })

  test('of one that asks for too much patience goes on to the next model', async () => {
    const tired: ScriptedAnswer = { error: 'no', status: 429, headers: { 'retry-after': '3600' } }
    const { result, ms } = await called({
      model: [scriptedModel([tired]), scriptedModel([{ text: 'Here.' }])],
    })
    expect(result).toMatchObject({ text: 'Here.' })
    expect(ms).toBe(0)
  })

  test('of all is told with all attempts, and without secrets', async () => {
    const key = 'sk-proj-0123456789abcdef'
    const model = scriptedModel(() => ({ error: `bad key ${key}, Bearer ${key}`, status: 500 }))
    const { result } = await called({ model, retry: { attempts: 3, delay: '1ms' } })
    expect(result).toMatchObject({ code: 'MODEL_FAILED', name: 'ModelError', status: 500 })
    expect(result).toHaveProperty('attempts.length', 3)
    expect(`${String(result)}${JSON.stringify(result)}`).not.toContain('0123456789')
    expect(String(result)).toContain('[secret]')
  })

  test('a refusal is an answer: nobody else is asked', async () => {
    const model = scriptedModel([{ text: 'I will not.', finishReason: 'content-filter' }])
    const other = scriptedModel([{ text: 'I will.' }])
    const { result } = await called({ model: [model, other] })
    expect(result).toMatchObject({ code: 'MODEL_REFUSED', usage: { output: 3 } })
    expect(String(result)).toContain('I will not.')
    expect(other.requests).toEqual([])
  })

  test('an exhausted script says so itself', async () => {
    const { result } = await called({ model: [scriptedModel([]), scriptedModel([])] })
    expect(result).toMatchObject({ code: 'SCRIPT_EXHAUSTED' })
    expect(String(result)).toContain('The script has 0 answers, and request 1 came: "Hi."')
  })
})

describe('limits', () => {
  test('a model that never answers is left behind, whether it minds or not', async () => {
    const deaf: LanguageModelV4 = {
      ...scriptedModel([]),
      doStream: () => Promise.withResolvers<never>().promise,
    }
    for (const model of [deaf, scriptedModel([{ hang: true }])]) {
      const retry = { attempts: 1 }
      const unheard = await called({ model, retry, silenceMs: 1000 })
      expect(String(unheard.result)).toContain('The model sent nothing for 1s.')
      expect(unheard.ms).toBe(1000)
    }
    const long = await called({ model: deaf, retry: { attempts: 1 }, timeoutMs: 5000 })
    expect(String(long.result)).toContain('The model took longer than 5s.')
    expect(long.ms).toBe(5000)
  })

  test('silence is counted from what came last, and the stream is told', async () => {
    const time = virtualTime()
    const start = time.clock.now()
    const left: unknown[] = []
    const dripping = new ReadableStream<LanguageModelV4StreamPart>({
      start(controller) {
        for (const ms of [800, 1600, 2400]) {
          const part = { type: 'text-delta', id: '0', delta: `${ms}` } as const
          time.setTimer(ms, () => controller.enqueue(part))
        }
      },
      cancel: (reason) => void left.push(reason),
    })
    const late = new ReadableStream<LanguageModelV4StreamPart>({
      cancel: (reason) => void left.push(reason),
    })
    const streams = [dripping, late]
    const model: LanguageModelV4 = {
      ...scriptedModel([]),
      doStream: async () => {
        const stream = streams.shift() ?? late
        // Nobody waits for this one any more when it comes.
        if (stream === late) await new Promise<void>((go) => void time.setTimer(1500, go))
        return { stream }
      },
    }
    const retry = { attempts: 2, delay: 0 }
    const asked = { model, prompt, retry, ports: time, silenceMs: 1000 }
    const result = await time.runUntil(callModel(asked).catch((error: unknown) => error))
    expect(String(result)).toContain('The model sent nothing for 1s.')
    // A silence is noticed within an eighth of what it may last.
    const tookMs = time.clock.now() - start
    expect(tookMs).toBeGreaterThanOrEqual(2400 + 1000 + 1000)
    expect(tookMs).toBeLessThanOrEqual(2400 + 1000 + 1000 + 125)
    await time.advance(1000)
    expect(left).toEqual([undefined, undefined])
    expect(time.timers).toEqual([])
  })

  test('silence is not counted by a clock, which may be set', async () => {
    for (const jumpMs of [-3_600_000, 3_600_000]) {
      const time = virtualTime()
      let setMs = 0
      const ports = {
        clock: { now: () => time.clock.now() + setMs },
        monotonic: time.monotonic.bind(time),
        busy: time.busy.bind(time),
        setTimer: time.setTimer.bind(time),
        afterMicrotasks: time.afterMicrotasks.bind(time),
        nextTurn: time.nextTurn.bind(time),
        randomBytes: time.randomBytes.bind(time),
      }
      const parts = new ReadableStream<LanguageModelV4StreamPart>({
        start(controller) {
          for (const ms of [800, 1600]) {
            const part = { type: 'text-delta', id: '0', delta: `${ms}` } as const
            time.setTimer(ms, () => controller.enqueue(part))
          }
          time.setTimer(900, () => (setMs = jumpMs))
        },
      })
      const model: LanguageModelV4 = {
        ...scriptedModel([]),
        doStream: async () => ({ stream: parts }),
      }
      const start = time.clock.now()
      const asked = { model, prompt, retry: { attempts: 1 }, ports }
      const call = callModel({ ...asked, silenceMs: 1000 }).catch((error: unknown) => error)
      expect(String(await time.runUntil(call))).toContain('The model sent nothing for 1s.')
      expect(time.clock.now() - start).toBeGreaterThanOrEqual(2600)
      expect(time.clock.now() - start).toBeLessThanOrEqual(2600 + 125)
    }
  })

  test('what is aborted throws what it was aborted with, at any moment', async () => {
    const reason = new Error('stop')
    for (const answer of [{ hang: true } as const, busy]) {
      const time = virtualTime()
      const start = time.clock.now()
      const controller = new AbortController()
      const model = scriptedModel(() => answer)
      time.setTimer(100, () => controller.abort(reason))
      const promise = callModel({ model, prompt, ports: time, signal: controller.signal })
      expect(await time.runUntil(promise.catch((error: unknown) => error))).toBe(reason)
      expect(time.clock.now() - start).toBe(100)
      expect(model.requests).toHaveLength(1)
      expect(time.timers).toEqual([])
    }
    const early = { model: scriptedModel([]), signal: AbortSignal.abort(reason) }
    expect((await called(early)).result).toBe(reason)
  })

  test('an answer without end is cut off and not asked for again', async () => {
    const model = streaming(Array.from({ length: 9 }, () => 'x'.repeat(1024 * 1024)))
    const { result } = await called({ model })
    expect(result).toMatchObject({ code: 'MODEL_FAILED', attempts: [{}] })
    expect(String(result)).toContain('characters')
  })

  test.each([
    ['attempts', { attempts: 0 }],
    ['factor', { factor: 0.5 }],
    ['tries', { tries: 3 }],
  ])('a wrong policy is refused: %s', async (field, retry) => {
    const { result } = await called({ model: scriptedModel([]), retry: retry as never })
    expect(result).toMatchObject({ code: 'BAD_OPTION' })
    expect(String(result)).toContain(field)
  })
})

describe('models', () => {
  test.each([
    ['openai/gpt-5', 'openai/gpt-5'],
    ['https://key:secret@host/v1#llama', 'openai-compatible/llama'],
  ])('%s is called %s', (model, name) => expect(modelName(model)).toBe(name))

  test.each([
    ['openai/gpt-5', 'openai/gpt-5'],
    ['anthropic/claude-haiku-4-5', 'anthropic/claude-haiku-4-5'],
    ['http://127.0.0.1:1/v1#llama', 'openai-compatible/llama'],
  ])('%s is resolved', async (text, name) => {
    expect(modelName(await resolveModel(text))).toBe(name)
  })

  test.each(['gpt-5', 'nobody/model', '/model', 'toString/x', ''])('%s is not', async (text) => {
    await expect(resolveModel(text)).rejects.toMatchObject({ code: 'UNKNOWN_MODEL' })
  })

  test('a default provider of the process comes first', async () => {
    const model = scriptedModel([])
    const globals = globalThis as { AI_SDK_DEFAULT_PROVIDER?: unknown }
    globals.AI_SDK_DEFAULT_PROVIDER = { languageModel: (id: string) => (id === 'a/b' ? model : 1) }
    try {
      expect(await resolveModel('a/b')).toBe(model)
      await expect(resolveModel('c/d')).rejects.toMatchObject({ code: 'UNKNOWN_MODEL' })
    } finally {
      delete globals.AI_SDK_DEFAULT_PROVIDER
    }
  })

  test('what is no model is refused', async () => {
    for (const model of [[], {}, 7, [''], { specificationVersion: 'v1' }]) {
      const { result } = await called({ model: model as never })
      expect(result).toMatchObject({ code: 'BAD_OPTION' })
    }
  })

  test('a model of specification 2 is asked in its own words', async () => {
    const asked: unknown[] = []
    const older: LanguageModelV2 = {
      specificationVersion: 'v2',
      provider: 'older.chat',
      modelId: 'one',
      supportedUrls: {},
      doGenerate: () => Promise.reject(new Error('not asked')),
      doStream: (options) => {
        asked.push(options.prompt)
        return Promise.resolve({
          stream: ReadableStream.from<LanguageModelV2StreamPart>([
            { type: 'text-start', id: '0' },
            { type: 'text-delta', id: '0', delta: 'Yes.' },
            { type: 'text-end', id: '0' },
            {
              type: 'finish',
              finishReason: 'stop',
              usage: { inputTokens: 3, outputTokens: 1, totalTokens: 4 },
            },
          ]),
        })
      },
    }
    const { result } = await called({
      model: older,
      prompt: [
        {
          role: 'user',
          content: [{ type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'aGk=' } }],
        },
        {
          role: 'tool',
          content: [
            {
              type: 'tool-result',
              toolCallId: '1',
              toolName: 'a',
              output: { type: 'execution-denied', reason: 'too dear' },
            },
          ],
        },
      ],
    })
    expect(result).toMatchObject({ model: 'older/one', text: 'Yes.', usage: { total: 4 } })
    expect(asked).toMatchObject([
      [
        { content: [{ data: 'aGk=' }] },
        { content: [{ output: { type: 'error-text', value: 'The call was denied: too dear' } }] },
      ],
    ])
  })
})

describe('what providers ask to wait', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  test.each([
    [{ 'retry-after': '5' }, 5000],
    [{ 'Retry-After': '0.5' }, 500],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after-ms': '250', 'retry-after': '5' }, 250],
    [{ 'retry-after-ms': 'x', 'retry-after': '5' }, 5000],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:00:10 GMT' }, 10_000],
    [{ 'retry-after': 'Thu, 01 Jan 1970 00:00:10 GMT' }, 0],
    [{ 'retry-after': '2026-01-01T00:00:01Z' }, 1000],
    [{ 'retry-after': '-5' }, undefined],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': 'Monday, whenever' }, undefined],
    [{ 'retry-after': '5, 10' }, undefined],
    [{ 'retry-after': '' }, undefined],
    [{ 'retry-after': '9'.repeat(400) }, undefined],
    [{ 'retry-after': ['5'] }, 5000],
    [new Headers({ 'retry-after': '5' }), 5000],
    [{}, undefined],
    [undefined, undefined],
    ['retry-after: 5', undefined],
  ])('%j', (headers, ms) => expect(retryAfterMs(headers, now)).toBe(ms))
})

describe('ids of calls', () => {
  test('are unique, bounded, printable, and the same for the same answer', () => {
    const given = ['a', 'a', '', undefined, 7, 'a_2', 'ü b\n', 'x'.repeat(500), 'x'.repeat(500)]
    const ids = callIds(given).map(({ id }) => id)
    expect(ids.slice(0, 7)).toEqual(['a', 'a_2', 'call_3', 'call_4', 'call_5', 'a_2_2', '__b_'])
    expect(new Set(ids).size).toBe(given.length)
    for (const id of ids) expect(id).toMatch(/^[!-~]{1,150}$/)
    expect(callIds(given).map(({ id }) => id)).toEqual(ids)
  })
})
