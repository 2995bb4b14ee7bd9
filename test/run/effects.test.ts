/** Steps that must not repeat: what a person says, what the call says late, and what is refused. */
import { describe, expect, test } from 'vitest'
import { done, flow, NotDone, notDone, type Run, type StepOptions } from 'everloop'
import { crashAtEveryCommit, type TestRuntime, testRuntime } from 'everloop/testing'

const kindsOf = async (runtime: TestRuntime, run: { readonly id: string }): Promise<string[]> =>
  (await runtime.ledger(run)).map(({ kind }) => kind).slice(1)

/** Everything that needs no time has happened. */
async function drained(): Promise<void> {
  for (let i = 0; i < 100; i++) await new Promise(setImmediate)
}

/** A call that is in doubt from the first time it is made, and counts how often it is. */
function doubtful(options: Partial<StepOptions> = {}) {
  const world = { calls: 0, keys: new Set<string>() }
  const pay = (run: Run): Promise<string> =>
    run.step(
      'pay',
      { effect: 'once', input: { cents: 5 }, ...options } as StepOptions,
      ({ idempotencyKey }) => {
        world.keys.add(idempotencyKey)
        if (world.calls++ === 0) throw new Error('Connection reset.')
        return 'paid again'
      },
    )
  return { world, pay }
}

describe('a once step', () => {
  test('is intended, called, and recorded with one outcome', async () => {
    const pay = flow('pay', async (run) =>
      run.step('pay', { effect: 'once', input: { cents: 5 } }, ({ cents }) => cents * 2),
    )
    await using runtime = await testRuntime({ flows: [pay] })
    const run = await runtime.start(pay, undefined)
    expect(await runtime.result(run)).toBe(10)
    const entries = await runtime.ledger(run)
    expect(entries.map(({ kind }) => kind)).toEqual([
      'run.started',
      'effect.intended',
      'step.completed',
      'run.completed',
    ])
    expect(entries[1]?.data).toEqual({
      args: { cents: 5 },
      effect: 'once',
      attempt: 1,
      due: (entries[1]?.time ?? 0) + 70_000,
      input: expect.any(String),
    })
    await runtime.verify()
  })

  test.each([
    ['at once', (): never => raise()],
    ['later', async (): Promise<never> => raise()],
  ])('that throws %s what cannot be looked at is in doubt', async (_, body) => {
    const pay = flow('pay', (run) => run.step('pay', { effect: 'once' }, body))
    await using runtime = await testRuntime({ flows: [pay] })
    const run = await runtime.start(pay, undefined)
    await runtime.advance('5m')
    const kinds = (await runtime.ledger(run)).map(({ kind }) => kind)
    expect(kinds.slice(0, 3)).toEqual(['run.started', 'effect.intended', 'effect.doubted'])
    expect(await runtime.ever.questions({ run: run.id })).toHaveLength(1)
    await runtime.verify()
  })

  test('has one key in all attempts, and another one in another run', async () => {
    const keys: string[] = []
    const pay = flow('pay', async (run) =>
      run.step('pay', { effect: 'once', retry: { attempts: 2 } }, ({ idempotencyKey, attempt }) => {
        keys.push(idempotencyKey)
        if (attempt === 1) throw new NotDone('busy')
      }),
    )
    await using runtime = await testRuntime({ flows: [pay] })
    const run = await runtime.start(pay, undefined)
    await runtime.advance('1m')
    expect(await kindsOf(runtime, run)).toEqual([
      'effect.intended',
      'effect.resolved',
      'step.retrying',
      'effect.intended',
      'step.completed',
      'run.completed',
    ])
    expect(keys).toHaveLength(2)
    expect(new Set(keys).size).toBe(1)
    await runtime.start(pay, undefined)
    expect(new Set(keys).size).toBe(2)
    await runtime.verify()
  })

  test.each([
    [{ effect: 'twice' }, /"once"/],
    [{ reconcile: () => notDone() }, /reconcile/],
    [{ effect: 'idempotent', settle: '1s' }, /settle/],
    [{ effect: 'read', undo: { action: 'a' } }, /undo/],
    [{ effect: 'once', undo: { action: '' } }, /action/],
  ])('refuses %j', async (options, message) => {
    const bad = flow('bad', async (run) => run.step('s', options as StepOptions, () => 1))
    await using runtime = await testRuntime({ flows: [bad] })
    const run = await runtime.start(bad, undefined)
    expect(await runtime.settled(run)).toMatchObject({
      status: 'failed',
      error: { code: 'BAD_OPTION', message: expect.stringMatching(message) },
    })
  })

  test('of which a process dies in each call is a question after the fourth', async () => {
    let calls = 0
    let runtime: TestRuntime
    const pay = flow('pay', async (run) =>
      run.step('pay', { effect: 'once', reconcile: () => notDone() }, () => {
        calls++
        runtime.crash()
        return new Promise(() => {})
      }),
    )
    await using opened = await testRuntime({ flows: [pay] })
    runtime = opened
    const run = await runtime.start(pay, undefined)
    await runtime.advance('1h')
    expect(calls).toBe(4)
    const [question] = await runtime.ever.questions()
    expect(question).toMatchObject({ kind: 'effect', run: run.id })
    expect((await run.status()).status).toBe('waiting')
    await runtime.verify()
  })

  test('whose body returns late in the same process is done', async () => {
    let asked = 0
    const slow = flow('slow', async (run) =>
      run.step(
        'pay',
        { effect: 'once', timeout: '1s', settle: '20s', reconcile: () => (asked++, notDone()) },
        () => new Promise((resolve) => void runtime.time.setTimer(5000, () => resolve('late'))),
      ),
    )
    await using runtime = await testRuntime({ flows: [slow] })
    const run = await runtime.start(slow, undefined)
    expect(await runtime.result(run)).toBe('late')
    expect(asked).toBe(0)
    expect(await kindsOf(runtime, run)).toEqual([
      'effect.intended',
      'effect.doubted',
      'effect.resolved',
      'step.completed',
      'run.completed',
    ])
    await runtime.verify()
  })

  test('that was called with another input than now pauses its run', async () => {
    const version = (cents: number) =>
      flow('pay', async (run) =>
        run.step('pay', { effect: 'once', input: { cents } }, () => {
          if (cents === 5) throw new Error('reset')
          throw new Error('called again')
        }),
      )
    await using runtime = await testRuntime({ flows: [version(5)] })
    const run = await runtime.start(version(5), undefined)
    await runtime.settle()
    await runtime.restart({ flows: [version(6)] })
    await runtime.advance('1m')
    expect(await runtime.settled(run)).toMatchObject({ status: 'paused', code: 'DRIFTED' })
    await runtime.ever.cancel(run.id)
    expect((await runtime.settled(run)).status).toBe('cancelled')
    await runtime.verify()
  })

  test('that was intended is not made by code that says it may repeat', async () => {
    let calls = 0
    const version = (options: StepOptions) =>
      flow('pay', async (run) =>
        run.step('pay', options, () => {
          calls++
          throw new Error('reset')
        }),
      )
    await using runtime = await testRuntime({ flows: [version({ effect: 'once' })] })
    const run = await runtime.start(version({ effect: 'once' }), undefined)
    await runtime.settle()
    await runtime.restart({ flows: [version({})] })
    await runtime.advance('1m')
    expect(await runtime.settled(run)).toMatchObject({
      status: 'paused',
      code: 'DIVERGED',
      message: expect.stringMatching(
        /^At "pay" the ledger holds a call that must not repeat \(effect\.\w+\), but the code asks for a step that may: its `effect` is not "once"\. The flow's code no longer fits/,
      ),
    })
    expect(calls).toBe(1)
  })
})

describe('a person who is asked', () => {
  test('is told what is known, and may say that it was done', async () => {
    const { world, pay } = doubtful()
    const shop = flow('shop', pay)
    await using runtime = await testRuntime({ flows: [shop] })
    const run = await runtime.start(shop, undefined, { id: 'r' })
    await runtime.advance('1m')
    const [question] = await runtime.ever.questions()
    expect(question?.prompt).toMatch(/^Did "pay" happen\? It was called at \d{4}-.*\{"cents":5\}/)
    expect(question).toMatchObject({ kind: 'effect', schema: { required: ['verdict'] } })
    const id = question?.id ?? ''
    for (const wrong of [{}, { verdict: 'maybe' }, { verdict: 'retry', result: 1 }, 'done']) {
      await expect(runtime.ever.answer(id, wrong)).rejects.toMatchObject({ code: 'BAD_INPUT' })
    }
    await runtime.ever.answer(id, { verdict: 'done', result: 'ok' }, { by: 'ada' })
    expect(await runtime.result(run)).toBe('ok')
    expect(world.calls).toBe(1)
    const resolved = (await runtime.ledger(run)).find(({ kind }) => kind === 'effect.resolved')
    expect(resolved?.data).toEqual({ attempt: 1, verdict: 'done', via: 'person', by: 'ada' })
    expect(await runtime.ever.questions()).toEqual([])
    await runtime.verify()
  })

  test('may say that it did not happen: it is called again', async () => {
    const { world, pay } = doubtful()
    const shop = flow('shop', pay)
    await using runtime = await testRuntime({ flows: [shop] })
    const run = await runtime.start(shop, undefined)
    await runtime.advance('1m')
    const [question] = await runtime.ever.questions()
    await runtime.ever.answer(question?.id ?? '', { verdict: 'retry' })
    expect(await runtime.result(run)).toBe('paid again')
    expect(world).toMatchObject({ calls: 2, keys: { size: 1 } })
    await runtime.verify()
  })

  test('is not listened to when the run is cancelled in the same breath', async () => {
    const { world, pay } = doubtful()
    const shop = flow('shop', async (run) => Promise.all([pay(run), run.signal('go')]))
    const gate = Promise.withResolvers<void>()
    await using runtime = await testRuntime({
      flows: [shop],
      // While this is being written, both come, and are written together.
      onCall: async ({ method, args }, proceed) => {
        const { entries = [] } = (args[0] ?? {}) as { entries?: readonly { kind: string }[] }
        const isGo = method === 'append' && entries.some(({ kind }) => kind === 'signal.received')
        if (isGo) await gate.promise
        return proceed()
      },
    })
    const run = await runtime.start(shop, undefined)
    await runtime.advance('1m')
    const [first] = await runtime.ever.questions()
    await runtime.ever.signal(run.id, 'go')
    await drained()
    await runtime.ever.answer(first?.id ?? '', { verdict: 'retry' })
    await drained()
    await runtime.ever.cancel(run.id, 'enough')
    await drained()
    gate.resolve()
    expect((await runtime.settled(run)).status).toBe('cancelled')
    expect(world.calls).toBe(1)
    await runtime.verify()
  })

  test('may let it fail, and is asked again when the run is retried', async () => {
    const { world, pay } = doubtful()
    const shop = flow('shop', async (run) => run.scope('s', pay))
    await using runtime = await testRuntime({ flows: [shop] })
    const run = await runtime.start(shop, undefined)
    await runtime.advance('1m')
    const [first] = await runtime.ever.questions()
    await runtime.ever.answer(
      first?.id ?? '',
      { verdict: 'fail', reason: 'no idea' },
      { by: 'bob' },
    )
    expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
    expect(await run.result().catch((error: unknown) => String(error))).toMatch(/bob.*no idea/)
    await runtime.ever.retry(run.id)
    await runtime.settle()
    expect(world.calls).toBe(1)
    const [second] = await runtime.ever.questions()
    expect(second?.id).not.toBe(first?.id)
    await runtime.ever.answer(second?.id ?? '', { verdict: 'retry' })
    expect(await runtime.result(run)).toBe('paid again')
    expect(world.calls).toBe(2)
    await runtime.verify()
  })

  test('holds its scope when it is asked again and something else fails', async () => {
    const { world, pay } = doubtful()
    const both = flow('both', (run) =>
      run.all('both', [
        pay,
        (branch) => branch.step('bad', () => Promise.reject(new Error('no paper'))),
      ]),
    )
    await using runtime = await testRuntime({ flows: [both] })
    const run = await runtime.start(both, undefined)
    await runtime.advance('1m')
    const [first] = await runtime.ever.questions()
    await runtime.ever.answer(first?.id ?? '', { verdict: 'fail' })
    expect((await runtime.settled(run)).status).toBe('failed')
    await runtime.ever.retry(run.id)
    await runtime.settle()
    expect((await runtime.settled(run)).status).toBe('waiting')
    const [second] = await runtime.ever.questions()
    await runtime.ever.answer(second?.id ?? '', { verdict: 'done', result: 'paid' })
    expect((await runtime.settled(run)).status).toBe('failed')
    expect(world.calls).toBe(1)
    await runtime.verify()
  })

  test('is asked again of a call beside the failure that the retry goes back to', async () => {
    const { world, pay } = doubtful()
    let isBad = true
    const slow = flow('slow', async (run) => {
      const both = await Promise.allSettled([
        run.step('bad', () => (isBad ? Promise.reject(new Error('bad')) : 'good')),
        run.sleep('1m').then(() => pay(run)),
      ])
      for (const one of both) if (one.status === 'rejected') throw one.reason
      return both.map((one) => (one as { value: unknown }).value)
    })
    await using runtime = await testRuntime({ flows: [slow] })
    const run = await runtime.start(slow, undefined)
    await runtime.advance('5m')
    const [first] = await runtime.ever.questions()
    await runtime.ever.answer(first?.id ?? '', { verdict: 'fail' })
    expect((await runtime.settled(run)).status).toBe('failed')
    isBad = false
    await runtime.ever.retry(run.id)
    await runtime.advance('5m')
    expect(world.calls).toBe(1)
    const [second] = await runtime.ever.questions()
    await runtime.ever.answer(second?.id ?? '', { verdict: 'done', result: 'paid' })
    expect(await runtime.result(run)).toEqual(['good', 'paid'])
    await runtime.verify()
  })

  test('is asked again of a call whose first attempt came before the failure that the retry goes back to', async () => {
    const attempts: number[] = []
    let isBad = true
    const slow = flow('slow', async (run) => {
      const both = await Promise.allSettled([
        run.step('pay', { effect: 'once', retry: { attempts: 5, delay: '5m' } }, ({ attempt }) => {
          attempts.push(attempt)
          if (attempt === 1) throw new NotDone('The desk was closed.')
          if (attempt === 2) throw new Error('Connection reset.')
          return 'paid again'
        }),
        run
          .sleep('1m')
          .then(() => run.step('bad', () => (isBad ? Promise.reject(new Error('bad')) : 'good'))),
      ])
      for (const one of both.toReversed()) if (one.status === 'rejected') throw one.reason
      return both.map((one) => (one as { value: unknown }).value)
    })
    await using runtime = await testRuntime({ flows: [slow] })
    const run = await runtime.start(slow, undefined)
    await runtime.advance('10m')
    const [first] = await runtime.ever.questions()
    await runtime.ever.answer(first?.id ?? '', { verdict: 'fail' })
    expect((await runtime.settled(run)).status).toBe('failed')
    isBad = false
    await runtime.ever.retry(run.id)
    await runtime.advance('1h')
    expect(attempts).toEqual([1, 2])
    const [second] = await runtime.ever.questions()
    await runtime.ever.answer(second?.id ?? '', { verdict: 'retry' })
    expect(await runtime.result(run)).toEqual(['paid again', 'good'])
    expect(attempts).toEqual([1, 2, 3])
    await runtime.verify()
  })

  test('is asked again after an answer that the holder refuses', async () => {
    const { pay } = doubtful()
    const shop = flow('shop', pay)
    await using runtime = await testRuntime({ flows: [shop] })
    const run = await runtime.start(shop, undefined, { id: 'r' })
    await runtime.advance('1m')
    const [question] = await runtime.ever.questions()
    const name = question?.id ?? ''
    // Past the check of `answer`, as another client of the store could.
    const payload = '{"value":{"verdict":"maybe"},"by":"eve"}'
    await runtime.store.deliver({ run: 'r', kind: 'answer', name, payload })
    await runtime.settle()
    expect((await runtime.ever.questions()).map(({ id }) => id)).toEqual([name])
    expect((await kindsOf(runtime, run)).at(-1)).toBe('effect.refused')
    await runtime.ever.answer(name, { verdict: 'done', result: 1 })
    expect(await runtime.result(run)).toBe(1)
    await runtime.verify()
  })
})

test('a crash at any commit makes no call twice, and each doubt is resolved by reconcile', async () => {
  const happened = new Set<string>()
  let calls = 0
  const trip = flow('trip', async (run) => {
    const booked = await run.map('book', ['a', 'b', 'c'], (branch, name) =>
      branch.step(
        'book',
        {
          effect: 'once',
          input: name,
          timeout: '5s',
          settle: '1s',
          reconcile: (input) => (happened.has(input) ? done(`${input}!`) : notDone()),
        },
        (input) => {
          calls++
          if (happened.has(input)) throw new Error(`booked ${input} twice`)
          happened.add(input)
          return `${input}!`
        },
      ),
    )
    return booked.join(' ')
  })
  const report = await crashAtEveryCommit(trip, undefined, {
    prepare: () => happened.clear(),
    drive: (runtime) => runtime.advance('5m'),
  })
  expect(report.outcomes).toEqual([{ status: 'completed', output: 'a! b! c!' }])
  expect(report.flaws).toEqual([])
  expect(calls).toBeGreaterThan(report.boundaries)
})

/** Throws what refuses to be looked at. */
function raise(): never {
  const refuse = (): never => {
    throw new Error('Hands off.')
  }
  throw new Proxy({}, { get: refuse, has: refuse, getPrototypeOf: refuse })
}
