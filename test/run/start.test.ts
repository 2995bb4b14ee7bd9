/** Starting runs: ids, inputs, delays, deadlines, labels, and finding them again. */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { EverloopError, flow, type ListOptions, type Run, type StartOptions } from 'everloop'
import { type Interceptor, replay, testRuntime } from 'everloop/testing'

const hello = flow('hello', async (run, name: string) => run.step('greet', () => `Hello ${name}`))
const other = flow('other', async (_, name: string) => name)
const waiting = flow('waiting', async (run) => run.signal('go'))

describe('starting a run', () => {
  test('twice under one id with the same input is one run, also when it has ended', async () => {
    await using runtime = await testRuntime({ flows: [hello] })
    const first = await runtime.start(hello, 'Ada', { id: 'one' })
    const second = await runtime.start(hello, 'Ada', { id: 'one' })
    expect(second.id).toBe(first.id)
    expect(await runtime.result(second)).toBe('Hello Ada')
    expect(await runtime.ever.list()).toHaveLength(1)
    expect(await runtime.ledger('one')).toHaveLength(3)
  })

  test('twice under one id with the keys of the input in another order is one run', async () => {
    const greet = flow('greet', async (_, { name, town }: { name: string; town: string }) =>
      Promise.resolve(`${name} of ${town}`),
    )
    await using runtime = await testRuntime({ flows: [greet] })
    await runtime.start(greet, { name: 'Ada', town: 'Ulm' }, { id: 'one' })
    const second = await runtime.ever.start(greet, { town: 'Ulm', name: 'Ada' }, { id: 'one' })
    expect(await runtime.result(second)).toBe('Ada of Ulm')
  })

  test('twice under one id with another version of the flow is the run of the first', async () => {
    const [old, young] = ['1', '2'].map((version) =>
      flow({ name: 'greet', version, run: async () => version }),
    ) as [typeof hello, typeof hello]
    await using runtime = await testRuntime({ flows: [old, young] })
    await runtime.start(old, 'Ada', { id: 'one' })
    const second = await runtime.ever.start(young, 'Ada', { id: 'one' })
    expect(await runtime.result(second)).toBe('1')
  })

  test('many times at once under one id is one run', async () => {
    await using runtime = await testRuntime({ flows: [hello] })
    await Promise.all(
      Array.from({ length: 20 }, () => runtime.ever.start(hello, 'Ada', { id: 'one' })),
    )
    await runtime.settle()
    expect(await runtime.ledger('one')).toHaveLength(3)
  })

  test('under a taken id with another input or flow throws RUN_EXISTS', async () => {
    await using runtime = await testRuntime({ flows: [hello, other] })
    await runtime.start(hello, 'Ada', { id: 'one' })
    const code = { code: 'RUN_EXISTS', run: 'one' }
    await expect(runtime.ever.start(hello, 'Bob', { id: 'one' })).rejects.toMatchObject(code)
    await expect(runtime.ever.start(other, 'Ada', { id: 'one' })).rejects.toMatchObject(code)
  })

  test('by name finds the flow, and throws UNKNOWN_FLOW for one that is not there', async () => {
    await using runtime = await testRuntime({ flows: [hello] })
    const run = await runtime.start('hello', 'Ada' as never)
    expect(await runtime.result(run)).toBe('Hello Ada')
    await expect(runtime.ever.start('helo', 'x' as never)).rejects.toMatchObject({
      code: 'UNKNOWN_FLOW',
    })
  })

  test('with an input that does not fit the schema starts nothing', async () => {
    const strict = flow({ name: 'strict', input: z.object({ n: z.number() }), run: async () => 1 })
    await using runtime = await testRuntime({ flows: [strict] })
    await expect(runtime.ever.start(strict, { n: 'x' } as never)).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: expect.stringContaining('n:'),
    })
    expect(await runtime.ever.list()).toEqual([])
  })

  test('hands the flow what the schema makes of the input, the same after a crash', async () => {
    const withDefault = flow({
      name: 'default',
      input: z.object({ n: z.number().default(7) }),
      run: async (run, { n }) => {
        await run.signal('go')
        return n
      },
    })
    await using runtime = await testRuntime({ flows: [withDefault] })
    const run = await runtime.start(withDefault, {} as never)
    await runtime.signal(run, 'go')
    expect(await runtime.result(run)).toBe(7)
  })

  test('refuses ids, options and inputs that cannot be kept', async () => {
    await using runtime = await testRuntime({ flows: [hello] })
    const start = (options: object): Promise<unknown> =>
      runtime.ever.start(hello, 'x', options as never)
    await expect(start({ id: 'a b' })).rejects.toMatchObject({ code: 'BAD_NAME' })
    await expect(start({ id: '' })).rejects.toMatchObject({ code: 'BAD_NAME' })
    await expect(start({ id: '../x' })).rejects.toMatchObject({ code: 'BAD_NAME' })
    await expect(start({ quue: 'q' })).rejects.toThrow(/Did you mean "queue"/)
    await expect(start({ delay: 'soon' })).rejects.toMatchObject({ code: 'BAD_DURATION' })
    await expect(start({ delay: '1s', at: new Date() })).rejects.toMatchObject({
      code: 'BAD_OPTION',
    })
    await expect(runtime.ever.start(hello, (() => 1) as never)).rejects.toMatchObject({
      code: 'NOT_SERIALISABLE',
    })
    expect(await runtime.ever.list()).toEqual([])
  })

  test('with a delay or a date begins then, not before', async () => {
    await using runtime = await testRuntime({ flows: [hello] })
    const delayed = await runtime.start(hello, 'a', { delay: '2h' })
    const at = new Date(runtime.time.clock.now() + 3 * 3_600_000)
    const dated = await runtime.start(hello, 'b', { at })
    await runtime.advance('119m')
    expect((await delayed.status()).status).toBe('waiting')
    await runtime.advance('1m')
    expect((await delayed.status()).status).toBe('completed')
    expect((await dated.status()).status).toBe('waiting')
    await runtime.advance('1h')
    expect((await dated.status()).status).toBe('completed')
  })

  describe('with a delay', () => {
    const begun: number[] = []
    const late = flow('late', async (run) => {
      const begin = (): number => begun.push(1)
      await run.step('begin', begin)
      return run.signal('go')
    })
    const started = async (options: StartOptions = {}) => {
      begun.length = 0
      const runtime = await testRuntime({ flows: [late] })
      const run = await runtime.start(late, undefined, { delay: '2h', ...options })
      return { runtime, run, ever: runtime.ever }
    }

    test('does not begin because somebody has sent it something, and has it when it begins', async () => {
      const { runtime, run, ever } = await started()
      await using _ = runtime
      await ever.signal(run.id, 'go', 'early')
      await runtime.advance('119m')
      expect(begun).toEqual([])
      expect((await run.status()).status).toBe('waiting')
      await runtime.advance('1m')
      expect(await runtime.result(run)).toBe('early')
      await runtime.verify()
    })

    test.each(['30m', '3h'] as const)(
      'is paused meanwhile, and resumed after %s',
      async (after) => {
        const { runtime, run, ever } = await started()
        await using _ = runtime
        await ever.pause(run.id, 'Wait.', { by: 'ann' })
        await runtime.advance(after)
        expect(await runtime.settled(run)).toMatchObject({ status: 'paused', code: 'PAUSED' })
        await ever.resume(run.id)
        await runtime.settle()
        expect(begun).toEqual(after === '3h' ? [1] : [])
        await runtime.advance('90m')
        expect(begun).toEqual([1])
        await ever.signal(run.id, 'go', 'on')
        expect(await runtime.result(run)).toBe('on')
        await runtime.verify()
      },
    )

    test('is cancelled without being begun, whether it was paused and resumed or not', async () => {
      const { runtime, run, ever } = await started()
      await using _ = runtime
      const second = await runtime.start(late, undefined, { delay: '2h' })
      await ever.pause(second.id)
      await runtime.settle()
      await ever.resume(second.id)
      await runtime.settle()
      for (const { id } of [run, second]) await ever.cancel(id, 'enough')
      const cancelled = { status: 'cancelled', reason: 'enough' }
      expect(await runtime.settled(run)).toEqual(cancelled)
      expect(await runtime.settled(second)).toEqual(cancelled)
      expect(begun).toEqual([])
    })

    test('is over at its deadline, whatever has come for it', async () => {
      const { runtime, run, ever } = await started({ deadline: '1h' })
      await using _ = runtime
      await ever.signal(run.id, 'go', 'early')
      await runtime.advance('1h')
      expect(await runtime.settled(run)).toMatchObject({ error: { code: 'DEADLINE' } })
      expect(begun).toEqual([])
    })
  })

  test('with a deadline fails with DEADLINE when it has not ended by then', async () => {
    let cleaned = false
    const slow = flow('slow', async (run) => {
      try {
        await run.sleep('2h')
      } finally {
        cleaned = await run.cleanup('tidy', (inner) => inner.step('tidy', () => true))
      }
    })
    await using runtime = await testRuntime({ flows: [slow, hello] })
    const run = await runtime.start(slow, undefined, { deadline: '1h' })
    const quick = await runtime.start(hello, 'Ada', { deadline: '1h' })
    await runtime.advance('59m')
    expect((await run.status()).status).toBe('waiting')
    await runtime.advance('1m')
    expect(await runtime.settled(run)).toMatchObject({
      status: 'failed',
      error: { code: 'DEADLINE' },
    })
    expect(cleaned).toBe(true)
    await expect(runtime.result(run)).rejects.toMatchObject({ code: 'DEADLINE' })
    expect(await runtime.result(quick)).toBe('Hello Ada')
  })

  test.each([
    ['a step', (run: Run): Promise<unknown> => run.step('one', () => 1)],
    ['nothing but code', async (): Promise<unknown> => 1],
  ])('whose delay is longer than its deadline never executes %s', async (_, rest) => {
    let executed = false
    const eager = flow('eager', (run) => {
      executed = true
      return rest(run)
    })
    await using runtime = await testRuntime({ flows: [eager] })
    const run = await runtime.start(eager, undefined, { delay: '2h', deadline: '1h' })
    const before = (await run.status()).created
    await runtime.advance('61m')
    expect(await runtime.settled(run)).toMatchObject({ error: { code: 'DEADLINE' } })
    expect(executed).toBe(false)
    expect((await run.status()).updated - before).toBe(60 * 60 * 1000)
    await expect(runtime.ever.retry(run.id)).rejects.toMatchObject({ code: 'RUN_STATE' })
    await runtime.verify()
  })

  test('whose deadline passes before there is a worker executes nothing', async () => {
    let executed = false
    const eager = flow('eager', async () => {
      executed = true
    })
    await using runtime = await testRuntime({ flows: [eager], workers: 0 })
    const run = await runtime.ever.start(eager, undefined, { deadline: '1h' })
    await runtime.advance('5h')
    runtime.addWorker()
    expect(await runtime.settled(run)).toMatchObject({ error: { code: 'DEADLINE' } })
    expect(executed).toBe(false)
  })

  test('that is paused when its deadline passes fails with DEADLINE when it is resumed', async () => {
    await using runtime = await testRuntime({ flows: [waiting] })
    const run = await runtime.start(waiting, undefined, { deadline: '1h' })
    await runtime.ever.pause(run.id)
    await runtime.advance('2h')
    expect((await run.status()).status).toBe('paused')
    await runtime.ever.resume(run.id)
    expect(await runtime.settled(run)).toMatchObject({ error: { code: 'DEADLINE' } })
  })

  test('fails with DEADLINE when its code comes to the end only in a take-over after it', async () => {
    let isOut = true
    const onCall: Interceptor = async ({ args }, proceed) => {
      if (isOut && JSON.stringify(args).includes('"run.completed"')) {
        throw new EverloopError('STORE_UNAVAILABLE', 'The store cannot be reached.')
      }
      return proceed()
    }
    await using runtime = await testRuntime({ flows: [hello], onCall })
    const run = await runtime.ever.start(hello, 'Ada', { deadline: '1h' })
    await runtime.runUntil(() => runtime.troubles.length > 0)
    runtime.crash()
    isOut = false
    runtime.time.leap(runtime.time.clock.now() + 60 * 60 * 1000)
    expect(await runtime.settled(run)).toMatchObject({ error: { code: 'DEADLINE' } })
    expect((await runtime.ledger(run)).map(({ kind }) => kind)).toContain('step.completed')
    await runtime.verify()
    const { store, time } = runtime
    expect(await replay(run.id, { store, time, flows: [hello] })).toEqual({ flaws: [] })
  })

  test('ends as it did when it is driven once more, though its end was written behind the deadline', async () => {
    const closing = flow('closing', async (run) => {
      const close = (): void => runtime.time.leap(runtime.time.clock.now() + 60 * 60 * 1000)
      await run.resource('slow to close', async () => 'open', close)
      return 'in time'
    })
    await using runtime = await testRuntime({ flows: [closing], lease: '2h' })
    const run = await runtime.ever.start(closing, undefined, { deadline: '1h' })
    expect(await runtime.result(run)).toBe('in time')
    const { store, time } = runtime
    expect(await replay(run.id, { store, time, flows: [closing] })).toEqual({ flaws: [] })
  })

  test('ends as it did when it is driven once more after the deadline', async () => {
    await using runtime = await testRuntime({ flows: [hello] })
    const run = await runtime.start(hello, 'Ada', { deadline: '1h' })
    expect(await runtime.result(run)).toBe('Hello Ada')
    await runtime.advance('2h')
    const { store, time } = runtime
    expect(await replay(run.id, { store, time, flows: [hello] })).toEqual({ flaws: [] })
  })
})

describe('finding runs', () => {
  test('lists by status, flow, labels, queue and id, the newest first', async () => {
    await using runtime = await testRuntime({ flows: [hello, waiting] })
    await runtime.start(hello, 'a', { id: 'a-1', labels: { team: 'x' } })
    await runtime.start(hello, 'b', { id: 'a-2', labels: { team: 'y' }, queue: 'slow' })
    await runtime.start(waiting, undefined, { id: 'b-1', labels: { team: 'x' } })
    const ids = async (options: object): Promise<string[]> =>
      (await runtime.ever.list(options)).map(({ id }) => id)
    expect(await ids({})).toEqual(['b-1', 'a-2', 'a-1'])
    expect(await ids({ flow: 'waiting' })).toEqual(['b-1'])
    expect(await ids({ labels: { team: 'x' } })).toEqual(['b-1', 'a-1'])
    expect(await ids({ queue: 'slow' })).toEqual(['a-2'])
    expect(await ids({ id: 'a-' })).toEqual(['a-2', 'a-1'])
    expect(await ids({ status: 'completed' })).toEqual(['a-2', 'a-1'])
    expect(await ids({ limit: 2 })).toEqual(['b-1', 'a-2'])
    expect(await ids({ limit: 2, before: 'a-2' })).toEqual(['a-1'])
  })

  test('by a status that there is', async () => {
    await using runtime = await testRuntime({ flows: [hello] })
    for (const status of ['done', ['active', 'done']]) {
      await expect(runtime.ever.list({ status: status as never })).rejects.toMatchObject({
        code: 'BAD_OPTION',
        message: expect.stringMatching(
          /"done".*active, ready, running, waiting, paused, completed, failed, cancelled/,
        ),
      })
    }
  })

  test('by what shows on each run alone, too, over several pages', async () => {
    await using runtime = await testRuntime({ flows: [hello, waiting], workers: 0 })
    const { ever } = runtime
    for (const id of ['w-1', 'w-2']) await ever.start(waiting, undefined, { id })
    const worker = runtime.addWorker()
    await runtime.settle()
    await worker.stop()
    for (let i = 1; i <= 600; i++) await ever.start(hello, 'a', { id: `h-${i}` })
    const ids = async (options: ListOptions): Promise<string[]> =>
      (await ever.list(options)).map(({ id }) => id)
    expect(await ids({ status: 'waiting' })).toEqual(['w-2', 'w-1'])
    expect(await ids({ status: ['waiting', 'completed'], limit: 1 })).toEqual(['w-2'])
    expect(await ids({ status: 'waiting', before: 'w-2' })).toEqual(['w-1'])
    expect(await ids({ status: 'ready', limit: 2 })).toEqual(['h-600', 'h-599'])
    expect(await ids({ status: 'ready', limit: Infinity })).toHaveLength(600)
    expect(await ids({ status: ['ready', 'waiting'], limit: 1000 })).toEqual(
      await ids({ status: 'active', limit: 1000 }),
    )
    expect(await ids({ status: 'ready', limit: 0 })).toEqual([])
    expect(await ids({ status: 'running' })).toEqual([])
  })

  test('that were told to go on by what they were, and by what they are', async () => {
    const fails = flow('fails', () => {
      throw new Error('bad')
    })
    await using runtime = await testRuntime({ flows: [fails, waiting] })
    const { ever } = runtime
    for (const id of ['f-1', 'f-2']) await runtime.start(fails, undefined, { id })
    for (const id of ['p-1', 'p-2']) await runtime.start(waiting, undefined, { id })
    for (const id of ['p-1', 'p-2']) await ever.pause(id)
    await runtime.settle()
    await runtime.stop()
    await ever.retry('f-1')
    await ever.resume('p-1')
    const ids = async (status: ListOptions['status']): Promise<string[]> =>
      (await ever.list({ status: status ?? [] })).map(({ id }) => id)
    expect(await ids('failed')).toEqual(['f-2', 'f-1'])
    expect(await ids('paused')).toEqual(['p-2', 'p-1'])
    expect(await ids('ready')).toEqual(['p-1', 'f-1'])
    expect(await ids(['ready', 'failed'])).toEqual(['p-1', 'f-2', 'f-1'])
  })

  test.each<[string, unknown, RegExp]>([
    ['a limit below 0', { limit: -1 }, /limit.*-1/],
    ['half a run', { limit: 2.5 }, /limit.*2\.5/],
    ['a limit that is a text', { limit: '3' }, /limit.*"3"/],
    ['a time that is none', { since: NaN }, /since.*NaN/],
    ['a time that is a text', { since: '5' }, /since.*"5"/],
    ['an id that is a number', { id: 5 }, /id.*5/],
    ['a flow that is the function', { flow: hello }, /flow/],
    ['a label that is a number', { labels: { k: 1 } }, /label "k".*1/],
    ['a label that is none', { labels: { k: undefined } }, /label "k".*undefined/],
    ['a status that is a number', { status: 5 }, /status.*5/],
    ['a text for labels', { labels: 'k=1' }, /labels.*"k=1"/],
  ])('by what makes sense, and so not by %s', async (_, options, message) => {
    await using runtime = await testRuntime({ flows: [hello] })
    await expect(runtime.ever.list(options as never)).rejects.toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringMatching(message),
    })
  })

  test('takes no limit for open questions either that is none', async () => {
    await using runtime = await testRuntime({ flows: [hello] })
    const { ever } = runtime
    for (const asked of [ever.questions({ limit: -1 }), ever.approvals.list({ limit: NaN })]) {
      await expect(asked).rejects.toMatchObject({ code: 'BAD_OPTION' })
    }
    await expect(ever.questions({ ruin: 'r' } as never)).rejects.toThrow(/Did you mean "run"/)
    expect(await ever.questions({ limit: Infinity })).toEqual([])
    expect(await ever.list({ limit: 0 })).toEqual([])
  })

  test('hands out labels that are the caller’s own', async () => {
    await using runtime = await testRuntime({ flows: [hello] })
    const run = await runtime.start(hello, 'a', { labels: { team: 'x' } })
    Object.assign((await run.status()).labels, { team: 'y', more: 'z' })
    const [info] = await runtime.ever.list({ labels: { team: 'x' } })
    expect(info?.labels).toEqual({ team: 'x' })
  })

  test('by the beginning of an id, unless several have it', async () => {
    await using runtime = await testRuntime({ flows: [hello] })
    await runtime.start(hello, 'a', { id: 'ticket-1' })
    await runtime.start(hello, 'b', { id: 'ticket-22' })
    expect(await runtime.ever.resolve('ticket-2')).toBe('ticket-22')
    expect(await runtime.ever.resolve('ticket-1')).toBe('ticket-1')
    await expect(runtime.ever.resolve('ticket')).rejects.toMatchObject({ code: 'AMBIGUOUS_ID' })
    await expect(runtime.ever.resolve('x')).rejects.toMatchObject({ code: 'UNKNOWN_RUN' })
    await expect(runtime.ever.get('x')).rejects.toMatchObject({ code: 'UNKNOWN_RUN' })
  })

  test('by the beginning of an id, which means the run and not its children', async () => {
    const kid = flow('kid', async (run) => run.step('s', () => 1))
    const parent = flow('parent', async (run) => {
      await run.child(kid, undefined)
      return run.child(kid, undefined)
    })
    await using runtime = await testRuntime({ flows: [parent, kid] })
    await runtime.result(await runtime.start(parent, undefined, { id: 'family-1' }))
    expect(await runtime.ever.list({ id: 'fam' })).toHaveLength(3)
    expect(await runtime.ever.resolve('fam')).toBe('family-1')
    await runtime.start(hello, 'a', { id: 'famous' })
    await expect(runtime.ever.resolve('fam')).rejects.toMatchObject({ code: 'AMBIGUOUS_ID' })
  })

  test('by the beginning of an id that hundreds of its children have too', async () => {
    const kid = flow('kid', (run) => run.signal('go'))
    const parent = flow('parent', (run) =>
      run.map('kids', Array.from({ length: 501 }), (branch) => branch.child(kid, undefined)),
    )
    await using runtime = await testRuntime({ flows: [parent, kid] })
    await runtime.settled(await runtime.start(parent, undefined, { id: 'family-1' }))
    expect(await runtime.ever.list({ id: 'fam', limit: 3000 })).toHaveLength(502)
    expect(await runtime.ever.resolve('fam')).toBe('family-1')
  })

  test('tells what a waiting run waits for', async () => {
    const all = flow('all', async (run) =>
      Promise.all([
        run.signal('go', { timeout: '1h' }),
        run.ask('Sure?'),
        run.sleep('2d'),
        run.child(waiting, undefined),
      ]),
    )
    await using runtime = await testRuntime({ flows: [all, waiting] })
    const run = await runtime.start(all, undefined, { id: 'all' })
    const settled = await runtime.settled(run)
    if (settled.status !== 'waiting') throw new Error(settled.status)
    expect(settled.on.map(({ kind, what, path }) => [kind, what, path])).toEqual([
      ['signal', 'go', 'go'],
      ['question', 'Sure?', expect.stringMatching(/^question /)],
      ['timer', expect.any(String), 'sleep'],
      ['child', expect.stringMatching(/^all\./), 'waiting'],
    ])
    expect(settled.on[0]?.due).toBe((settled.on[0]?.since ?? 0) + 3_600_000)
  })
})
