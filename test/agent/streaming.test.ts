/** Text of answers as it comes: to anybody, from any cursor, across restarts, and past no guard. */
import { expect, test } from 'vitest'
import { agent, guard, type StreamItem, verdict } from 'everloop'
import { scriptedModel, testRuntime } from 'everloop/testing'

const words = 'One two three four five six seven eight nine ten.'

/** The text that a subscriber shows in the end: of each path what came since it began anew. */
function shownOf(items: readonly StreamItem[]): string {
  let text = ''
  for (const item of items) {
    if (item.type === 'restarted') text = ''
    if (item.type === 'text') text += item.text
  }
  return text
}

/** A model that says half of its words, then waits for the test. */
function halting(then: 'goes on' | 'is cut') {
  const gate = Promise.withResolvers<void>()
  const inner = scriptedModel(() => ({ text: words }))
  let calls = 0
  const model: typeof inner = {
    ...inner,
    doStream: async (call) => {
      const { stream, ...rest } = await inner.doStream(call)
      const isFirst = calls++ === 0
      let deltas = 0
      const halted = stream.pipeThrough(
        new TransformStream({
          async transform(part, controller) {
            if (isFirst && part.type === 'text-delta' && ++deltas === 6) {
              await gate.promise
              if (then === 'is cut') return controller.error(new Error('cut'))
            }
            controller.enqueue(part)
          },
        }),
      )
      return { ...rest, stream: halted }
    },
  }
  return { model, release: gate.resolve }
}

/** Reads on until the condition holds, and remembers where. */
async function reading(
  stream: AsyncIterable<StreamItem>,
  until: (items: readonly StreamItem[]) => boolean,
): Promise<StreamItem[]> {
  const items: StreamItem[] = []
  for await (const item of stream) {
    items.push(item)
    if (until(items)) break
  }
  return items
}

test('text is shown before the answer is whole, to several, and goes on behind a cursor', async () => {
  const { model, release } = halting('goes on')
  const talker = agent({ name: 'talker', model })
  await using runtime = await testRuntime({ flows: [talker] })
  const run = await runtime.ever.start(talker, { prompt: 'Count.' })
  const half = (items: readonly StreamItem[]): boolean => shownOf(items).includes('five')
  const both = Promise.all([reading(run.stream(), half), reading(run.stream(), half)])
  const [first, second] = await runtime.runUntil(both)
  expect(shownOf(first)).toBe(shownOf(second))
  expect(shownOf(first)).not.toContain('ten')
  const rest = reading(run.stream({ from: first.at(-1)?.cursor ?? '' }), () => false)
  release()
  const items = await runtime.runUntil(rest)
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: words })
  // No entry twice, none left out, whatever text was shown in between.
  const seqs = [...first, ...items].flatMap((item) =>
    item.type === 'entry' ? [item.event.seq] : [],
  )
  expect(seqs).toEqual(seqs.map((_, i) => i + 1))
  expect(`${shownOf(first)}${shownOf(items)}`.length).toBeLessThanOrEqual(words.length)
})

test('a scripted model that is paced is seen to speak, in the time of the runtime', async () => {
  const talker = agent({
    name: 'talker',
    model: scriptedModel([{ text: words }, { text: words }], { pace: '1s' }),
  })
  await using runtime = await testRuntime({ flows: [talker] })
  const run = await runtime.ever.start(talker, { prompt: 'Count.' })
  const before = runtime.time.clock.now()
  const items = await runtime.runUntil(reading(run.stream(), () => false))
  const texts = items.flatMap((item) => (item.type === 'text' ? [item.text] : []))
  expect(texts.slice(0, 3)).toEqual(['One ', 'two ', 'three '])
  expect(runtime.time.clock.now() - before).toBeGreaterThanOrEqual(10_000)
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: words })
})

test('what a dead process has shown is void, and its successor shows the whole', async () => {
  const { model } = halting('goes on')
  const talker = agent({ name: 'talker', model })
  await using runtime = await testRuntime({ flows: [talker] })
  const run = await runtime.ever.start(talker, { prompt: 'Count.' })
  const half = await runtime.runUntil(
    reading(run.stream(), (items) => shownOf(items).includes('five')),
  )
  const rest = reading(run.stream({ from: half.at(-1)?.cursor ?? '' }), () => false)
  runtime.crash()
  await runtime.settle()
  const items = await runtime.runUntil(rest)
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: words })
  const all = [...half, ...items]
  const ends = all.findLast((item) => item.type === 'entry' && item.event.path === 'turns/1/=model')
  expect(ends).toMatchObject({
    event: { data: { value: { answer: { content: [{ type: 'text', text: words }] } } } },
  })
  expect(['', words]).toContain(shownOf(items.some(({ type }) => type === 'text') ? all : []))
})

test('an attempt of the model that was cut is void too', async () => {
  const { model, release } = halting('is cut')
  const talker = agent({ name: 'talker', model, retry: { attempts: 2, delay: 1 } })
  await using runtime = await testRuntime({ flows: [talker] })
  const run = await runtime.ever.start(talker, { prompt: 'Count.' })
  const half = await runtime.runUntil(
    reading(run.stream(), (items) => shownOf(items).includes('five')),
  )
  const rest = reading(run.stream({ from: half.at(-1)?.cursor ?? '' }), () => false)
  release()
  await runtime.settle()
  const items = await runtime.runUntil(rest)
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: words })
  const texts = items.filter(({ type }) => type === 'text')
  if (texts.length > 0) expect(shownOf([...half, ...items])).toBe(words)
})

test('nothing of a cut attempt is shown in the next one, not even what might have become a secret', async () => {
  const gate = Promise.withResolvers<void>()
  const part = (delta: string): object => ({ type: 'text-delta', id: '1', delta })
  let attempts = 0
  const model = scriptedModel([])
  model.doStream = () => {
    const isFirst = attempts++ === 0
    const texts = isFirst ? ['sesame'] : ['One ', 'two ']
    const stream = new ReadableStream({
      async pull(controller) {
        const text = texts.shift()
        if (text !== undefined) return controller.enqueue(part(text))
        if (!isFirst) await gate.promise
        controller.error(new Error('cut'))
      },
    })
    return Promise.resolve({ stream })
  }
  const talker = agent({ name: 'talker', model, retry: { attempts: 2, delay: 1 } })
  const secrets = { KEY: 'sesame-open-the-door' }
  await using runtime = await testRuntime({ flows: [talker], secrets })
  const run = await runtime.ever.start(talker, { prompt: 'Count.' })
  const items = await runtime.runUntil(reading(run.stream(), (all) => shownOf(all).includes('two')))
  gate.resolve()
  expect(shownOf(items)).toBe('One two ')
  await runtime.settled(run)
})

test('a guard on the answer holds the text, or lets pass what its window allows', async () => {
  for (const window of [undefined, 8]) {
    const { model, release } = halting('goes on')
    const seen = guard({
      name: 'seen',
      at: 'answer',
      ...(window === undefined ? {} : { window }),
      check: () => verdict.allow(),
    })
    const talker = agent({ name: 'talker', model, guards: [seen] })
    await using runtime = await testRuntime({ flows: [talker] })
    const run = await runtime.ever.start(talker, { prompt: 'Count.' })
    const all = reading(run.stream(), () => false)
    release()
    await runtime.settle()
    const items = await runtime.runUntil(all)
    expect(await runtime.settled(run)).toEqual({ status: 'completed', output: words })
    expect(shownOf(items).length).toBeLessThanOrEqual(window ?? 0)
  }
})
