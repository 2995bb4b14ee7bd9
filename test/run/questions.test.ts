/** Questions to people: asked once, answered once, checked where it is possible. */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { flow, EverloopError } from 'everloop'
import { crashAtEveryCommit, testRuntime } from 'everloop/testing'

const Verdict = z.object({ publish: z.boolean(), note: z.string().max(10).optional() })

const review = flow('review', async (run) =>
  run.ask('Publish?', { schema: Verdict, timeout: '30d', otherwise: { publish: false } }),
)

describe('a question', () => {
  test('is listed with its prompt and JSON Schema until it is answered', async () => {
    await using runtime = await testRuntime({ flows: [review] })
    const run = await runtime.start(review, undefined, { id: 'r' })
    const [question, ...others] = await runtime.ever.questions()
    expect(others).toEqual([])
    expect(question).toMatchObject({
      id: 'r/2',
      run: 'r',
      kind: 'question',
      prompt: 'Publish?',
      schema: { type: 'object', required: ['publish'] },
      due: (await run.status()).created + 30 * 86_400_000,
    })
    await runtime.ever.answer('r/2', { publish: true }, { by: 'ada' })
    expect(await runtime.ever.questions()).toEqual([])
    expect(await runtime.result(run)).toEqual({ publish: true })
    const answered = (await runtime.ledger(run)).find(({ kind }) => kind === 'question.answered')
    expect(answered?.data).toEqual({ value: { publish: true }, by: 'ada' })
  })

  test('is checked by its JSON Schema in a process that has no flow', async () => {
    await using runtime = await testRuntime({ flows: [review] })
    const run = await runtime.start(review, undefined)
    const { id } = await runtime.question('Publish?')
    await runtime.stop()
    for (const wrong of [{}, { publish: 'yes' }, null, { publish: true, note: 'x'.repeat(11) }]) {
      await expect(runtime.ever.answer(id, wrong)).rejects.toMatchObject({ code: 'BAD_INPUT' })
    }
    await runtime.ever.answer(id, { publish: true, note: 'fine' })
    runtime.addWorker({ flows: [review] })
    expect(await runtime.result(run)).toEqual({ publish: true, note: 'fine' })
  })

  test('is open again when the schema of the flow refuses what its JSON Schema let through', async () => {
    const even = flow('even', async (run) =>
      run.ask('Even?', { schema: z.number().refine((n) => n % 2 === 0, 'not even') }),
    )
    const report = await crashAtEveryCommit(even, undefined, {
      drive: async (runtime, run) => {
        await runtime.settle()
        await runtime.answer('Even?', 3)
        await runtime.answer('Even?', 4)
        const refused = (await runtime.ledger(run)).filter(
          ({ kind }) => kind === 'question.refused',
        )
        expect(refused.map(({ data }) => data)).toEqual([
          { reason: expect.stringContaining('not even') },
        ])
      },
    })
    expect(report.outcomes).toEqual([{ status: 'completed', output: 4 }])
    expect(report.flaws).toEqual([])
  })

  test('answered a second time throws QUESTION_CLOSED, before and after the run went on', async () => {
    await using runtime = await testRuntime({ flows: [review] })
    const run = await runtime.start(review, undefined)
    const { id } = await runtime.question('Publish?')
    await runtime.stop()
    await runtime.ever.answer(id, { publish: true })
    const closed = { code: 'QUESTION_CLOSED' }
    await expect(runtime.ever.answer(id, { publish: false })).rejects.toMatchObject(closed)
    runtime.addWorker()
    expect(await runtime.result(run)).toEqual({ publish: true })
    await expect(runtime.ever.answer(id, { publish: false })).rejects.toMatchObject(closed)
    await expect(runtime.ever.answer(`${run.id}/99`, 1)).rejects.toMatchObject({
      code: 'UNKNOWN_QUESTION',
    })
  })

  test('answered twice at the same moment takes one of the answers', async () => {
    await using runtime = await testRuntime({ flows: [review] })
    const run = await runtime.start(review, undefined)
    const { id } = await runtime.question('Publish?')
    const both = await Promise.allSettled([
      runtime.ever.answer(id, { publish: true, note: 'a' }),
      runtime.ever.answer(id, { publish: true, note: 'b' }),
    ])
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(await runtime.result(run)).toMatchObject({ publish: true })
    await runtime.verify()
  })

  test('that nobody answers ends with `otherwise`, or with EXPIRED, at its deadline', async () => {
    const strict = flow('strict', async (run) =>
      run.ask('Now?', { timeout: '1h' }).catch((error: EverloopError) => error.code),
    )
    await using runtime = await testRuntime({ flows: [review, strict] })
    const lenient = await runtime.start(review, undefined)
    const other = await runtime.start(strict, undefined)
    const { id } = await runtime.question('Publish?')
    await runtime.advance('1h')
    expect(await runtime.result(other)).toBe('EXPIRED')
    await runtime.advance('30d')
    expect(await runtime.result(lenient)).toEqual({ publish: false })
    await expect(runtime.ever.answer(id, { publish: true })).rejects.toThrow(EverloopError)
  })

  test('whose deadline passed while every worker was down takes no answer any more', async () => {
    await using runtime = await testRuntime({ flows: [review] })
    const run = await runtime.start(review, undefined)
    const { id } = await runtime.question('Publish?')
    await runtime.stop()
    await runtime.advance('31d')
    await expect(runtime.ever.answer(id, { publish: true })).rejects.toMatchObject({
      code: 'QUESTION_CLOSED',
    })
    runtime.addWorker()
    expect(await runtime.result(run)).toEqual({ publish: false })
  })

  test('that nobody asked throws UNKNOWN_QUESTION', async () => {
    await using runtime = await testRuntime({ flows: [review] })
    const run = await runtime.start(review, undefined, { id: 'r' })
    for (const id of ['r/3', 'r/1', 'r', 'x/2', 'r/2x']) {
      await expect(runtime.ever.answer(id, { publish: true })).rejects.toMatchObject({
        code: 'UNKNOWN_QUESTION',
      })
    }
    expect((await run.status()).status).toBe('waiting')
  })

  test('in a scope that closes is withdrawn', async () => {
    const racing = flow('racing', async (run) => {
      const first = await run.scope('race', (inner) =>
        Promise.race([inner.ask('Which?'), inner.sleep('1h').then(() => 'time')]),
      )
      await run.signal('go')
      return first
    })
    await using runtime = await testRuntime({ flows: [racing] })
    const run = await runtime.start(racing, undefined)
    const { id } = await runtime.question('Which?')
    await runtime.advance('1h')
    expect(await runtime.ever.questions()).toEqual([])
    await expect(runtime.ever.answer(id, 'x')).rejects.toMatchObject({ code: 'QUESTION_CLOSED' })
    await runtime.signal(run, 'go')
    expect(await runtime.result(run)).toBe('time')
  })

  const says = z.object({ code: z.string().regex(/^yes$/i), sure: z.boolean() })
  test.each<[string, z.ZodType, unknown, unknown]>([
    ['a pattern with a flag', z.string().regex(/^yes$/i), 'YES', 7],
    ['a format', z.url(), 'https://müller.de/a b', 7],
    [
      'a choice by a pattern',
      z.union([says, z.null()]),
      { code: 'Yes', sure: true },
      { code: 'Yes' },
    ],
    [
      'exactly one of two patterns',
      z.xor([z.string().regex(/^a/i), z.string().regex(/^b/i)]),
      'Abc',
      undefined,
    ],
    [
      'names by a pattern',
      z.record(z.string().regex(/^[a-z]+$/i), z.number()),
      { A: 1 },
      { a: '' },
    ],
    [
      'a field called "pattern"',
      z.object({ pattern: z.enum(['a', 'b']), format: z.string().max(2) }),
      { pattern: 'a', format: 'xy' },
      { pattern: 'c', format: 'xyz' },
    ],
  ])(
    'is judged by the run where a JSON Schema says less than code: %s',
    async (_, schema, fits, not) => {
      const asks = flow('asks', async (run) => run.ask('What?', { schema }))
      await using runtime = await testRuntime({ flows: [asks] })
      const run = await runtime.start(asks, undefined)
      const { id } = await runtime.question('What?')
      if (not !== undefined) {
        await expect(runtime.ever.answer(id, not)).rejects.toMatchObject({ code: 'BAD_INPUT' })
      }
      await runtime.ever.answer(id, fits)
      expect(await runtime.result(run)).toEqual(fits)
    },
  )

  test('that only the code can refuse leaves the question open', async () => {
    const asks = flow('asks', async (run) =>
      run.ask('What?', { schema: z.string().regex(/^yes$/i) }),
    )
    await using runtime = await testRuntime({ flows: [asks] })
    const run = await runtime.start(asks, undefined)
    const { id } = await runtime.question('What?')
    await runtime.ever.answer(id, 'no')
    expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
    expect(await runtime.question('What?')).toMatchObject({ id })
    await runtime.ever.answer(id, 'Yes')
    expect(await runtime.result(run)).toBe('Yes')
  })
})
