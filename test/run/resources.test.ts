/**
 * Resources that hang: the run that opened one must not hold its worker, nor be out of reach. And
 * resources that are opened side by side: which is faster must not be seen.
 */
import { describe, expect, test } from 'vitest'
import { flow, type Run } from 'everloop'
import { testRuntime, type TestRuntime, type Trouble } from 'everloop/testing'

const never = (): Promise<never> => new Promise(() => {})

const quick = flow('quick', (run) => run.step('s', () => 'done'))

/** Opens what is never open, behind a step. */
const hangs = (run: Run): Promise<unknown> =>
  run.scope('opens', async (inner) => {
    await inner.step('first', () => 1)
    await inner.resource('db', never, () => {})
  })

/** Messages of what the workers were told of a run. */
const told = (troubles: readonly Trouble[], id: string): string[] =>
  troubles.filter(({ run }) => run === id).map(({ error }) => (error as Error).message)

test('an open that never settles ends as STALLED, and the worker has room again', async () => {
  const hanging = flow('hanging', (run) => run.resource('db', never, () => {}))
  await using runtime = await testRuntime({ flows: [hanging, quick], concurrency: 1 })
  const run = await runtime.start(hanging, undefined)
  expect(await runtime.settled(run)).toMatchObject({
    status: 'paused',
    code: 'STALLED',
    message: expect.stringContaining('for a resource that it opens'),
  })
  expect(told(runtime.troubles, run.id).join()).toContain('"db"')
  expect(await runtime.result(await runtime.start(quick, undefined))).toBe('done')
  await runtime.verify()
})

test('a close that never settles does not keep the run, and is told of', async () => {
  const closed: string[] = []
  const leaving = flow('leaving', async (run) => {
    for (const name of ['a', 'b', 'c']) {
      const close = (): unknown => (name === 'b' ? never() : closed.push(name))
      await run.resource(name, () => name, close)
    }
    return run.step('s', () => 'done')
  })
  await using runtime = await testRuntime({ flows: [leaving], concurrency: 1 })
  const run = await runtime.start(leaving, undefined)
  expect(await runtime.result(run)).toBe('done')
  expect(closed).toEqual(['c', 'a'])
  expect(told(runtime.troubles, run.id)).toEqual([expect.stringContaining('"b"')])
  await runtime.verify()
})

test('a resource whose open is late is closed all the same, and not handed to an ended pass', async () => {
  const lines: string[] = []
  let opened: (it: string) => void = () => {}
  const late = flow('late', async (run) => {
    const open = (): Promise<string> => new Promise((resolve) => (opened = resolve))
    await run.resource('db', open, (it) => void lines.push(`close ${it}`))
    lines.push('went on')
  })
  await using runtime = await testRuntime({ flows: [late] })
  const run = await runtime.start(late, undefined)
  expect((await run.status()).status).toBe('paused')
  opened('db')
  await runtime.time.settle()
  expect(lines).toEqual(['close db'])
})

test('a cancel reaches a run that hangs in an open', async () => {
  const lines: string[] = []
  const hanging = flow('hanging', async (run) => {
    try {
      await run.resource('db', never, () => {})
    } finally {
      await run.cleanup('tidy', (inner) => inner.step('tidy', () => lines.push('tidied')))
    }
  })
  await using runtime = await testRuntime({ flows: [hanging] })
  const run = await runtime.ever.start(hanging, undefined)
  await runtime.time.settle()
  expect((await run.status()).status).toBe('running')
  await runtime.ever.cancel(run.id, 'Enough.')
  await runtime.time.advance('30s')
  expect(await runtime.settled(run)).toMatchObject({ status: 'cancelled' })
  expect(lines).toEqual(['tidied'])
  await runtime.verify()
})

test('a cancel reaches a run that was paused because it hangs in an open', async () => {
  const hanging = flow('hanging', (run) => run.resource('db', never, () => {}))
  await using runtime = await testRuntime({ flows: [hanging] })
  const run = await runtime.start(hanging, undefined)
  expect((await run.status()).status).toBe('paused')
  await runtime.ever.cancel(run.id, 'Enough.')
  await runtime.settle()
  expect(await runtime.settled(run)).toMatchObject({ status: 'cancelled' })
  await runtime.verify()
})

test('a cancel reaches a hanging open past an outcome that came before it', async () => {
  let finish: (it: string) => void = () => {}
  const both = flow('both', (run) =>
    Promise.all([
      run.step('slow', () => new Promise<string>((resolve) => (finish = resolve))),
      hangs(run),
    ]),
  )
  await using runtime = await testRuntime({ flows: [both] })
  const run = await runtime.ever.start(both, undefined)
  await runtime.time.settle()
  finish('slow')
  await runtime.time.settle()
  await runtime.ever.cancel(run.id, 'Enough.')
  await runtime.time.advance('30s')
  expect(await runtime.settled(run)).toMatchObject({ status: 'cancelled' })
  await runtime.verify()
})

test('a pause and a worker that stops reach a run that hangs in an open', async () => {
  const hanging = flow('hanging', (run) => run.resource('db', never, () => {}))
  await using runtime = await testRuntime({ flows: [hanging] })
  const run = await runtime.ever.start(hanging, undefined)
  await runtime.time.settle()
  await runtime.ever.pause(run.id)
  await runtime.time.advance('20s')
  expect(await runtime.settled(run)).toMatchObject({ status: 'paused', code: 'PAUSED' })
})

test('a quick open is waited for before a cancel that came meanwhile is told', async () => {
  const lines: string[] = []
  let opened: (it: string) => void = () => {}
  const opening = flow('opening', async (run) => {
    const open = (): Promise<string> => new Promise((resolve) => (opened = resolve))
    lines.push(await run.resource('db', open, () => {}))
    await run.step('never', () => lines.push('executed'))
  })
  await using runtime = await testRuntime({ flows: [opening] })
  const run = await runtime.ever.start(opening, undefined)
  await runtime.time.settle()
  await runtime.ever.cancel(run.id, 'Enough.')
  await runtime.time.advance('1s')
  opened('db')
  await runtime.settle()
  expect(await runtime.settled(run)).toMatchObject({ status: 'cancelled' })
  expect(lines).toEqual(['db'])
})

test('no step is tried again while a hanging open keeps a cancel that is recorded from the code', async () => {
  const tried: number[] = []
  const both = flow('both', (run) =>
    Promise.all([
      run.step('flaky', { retry: { attempts: 9, delay: '1s' } }, ({ attempt }) => {
        tried.push(attempt)
        throw new Error('not yet')
      }),
      hangs(run),
    ]),
  )
  await using runtime = await testRuntime({ flows: [both] })
  const run = await runtime.ever.start(both, undefined)
  await runtime.time.settle()
  await runtime.ever.cancel(run.id, 'Enough.')
  await runtime.time.advance('3s')
  const kinds = async (): Promise<string[]> => (await runtime.ledger(run)).map(({ kind }) => kind)
  expect(await kinds()).toContain('run.cancelling')
  expect(tried).toEqual([1])
  await runtime.time.advance('30s')
  expect(await runtime.settled(run)).toMatchObject({ status: 'cancelled' })
  expect(tried).toEqual([1])
  await runtime.verify()
})

test('an open that hangs before a timer that is due already ends as STALLED too', async () => {
  let passes = 0
  const sleeping = flow('sleeping', async (run) => {
    const isFirst = ++passes === 1
    await run.resource(
      'db',
      () => (isFirst ? 'db' : never()),
      () => {},
    )
    await run.sleep('1h')
  })
  await using runtime = await testRuntime({ flows: [sleeping] })
  const run = await runtime.start(sleeping, undefined)
  await runtime.advance('2h')
  expect(passes).toBe(2)
  expect(await runtime.settled(run)).toMatchObject({ status: 'paused', code: 'STALLED' })
})

describe('resources that are opened side by side', () => {
  /** Resources whose opening the test ends, by name. */
  const doors = (): {
    readonly via: (run: Run, name: string) => Promise<string>
    readonly open: (runtime: TestRuntime, ...names: readonly string[]) => Promise<void>
  } => {
    const opening = new Map<string, () => void>()
    const open = (name: string): Promise<string> =>
      new Promise((resolve) => opening.set(name, () => resolve(name)))
    return {
      via: (run, name) => run.resource(name, () => open(name), ignore),
      open: async ({ time }, ...names) => {
        await time.settle()
        for (const name of names) {
          opening.get(name)?.()
          await time.settle()
        }
      },
    }
  }
  const ignore = (): void => {}

  test('are handed over in the order in which they were asked for', async () => {
    const { via, open } = doors()
    const racing = flow('racing', async (run) => {
      const first = await Promise.race([via(run, 'a'), via(run, 'b')])
      await run.step(`with ${first}`, () => 1)
      await run.sleep('1h')
      return first
    })
    const using = flow('using', async (run) => {
      const use = async (name: string): Promise<string> => {
        const it = await via(run, name)
        return run.step('use', () => `used ${it}`)
      }
      const both = await Promise.all([use('a'), use('b')])
      await run.sleep('1h')
      return both
    })
    for (const [tried, result] of [
      [racing, 'a'],
      [using, ['used a', 'used b']],
    ] as const) {
      await using runtime = await testRuntime({ flows: [tried] })
      const run = await runtime.ever.start<undefined, unknown, undefined>(tried as never, undefined)
      await open(runtime, 'b', 'a')
      await runtime.time.advance('1h')
      await open(runtime, 'a', 'b')
      expect(await runtime.settled(run)).toEqual({ status: 'completed', output: result })
      await runtime.verify()
    }
  })

  test('may be asked for by what opens one of them', async () => {
    const { via, open } = doors()
    const nested = flow('nested', (run) =>
      run.resource('outer', async () => `${await via(run, 'a')} ${await via(run, 'b')}`, ignore),
    )
    await using runtime = await testRuntime({ flows: [nested] })
    const run = await runtime.ever.start(nested, undefined)
    await open(runtime, 'a', 'b')
    expect((await run.status()).status).toBe('completed')
    expect(await runtime.result(run)).toBe('a b')
  })

  test('wait five seconds for one that waits for the code behind them', async () => {
    const { via, open } = doors()
    const tangled = flow('tangled', async (run) => {
      let tell: (it: string) => void = ignore
      const told = new Promise<string>((resolve) => (tell = resolve))
      const client = run.resource('client', () => told, ignore)
      tell(await via(run, 'server'))
      return run.step('use', { input: await client }, (it) => it)
    })
    await using runtime = await testRuntime({ flows: [tangled] })
    const run = await runtime.ever.start(tangled, undefined)
    await open(runtime, 'server')
    expect((await run.status()).status).toBe('running')
    await runtime.time.advance('5s')
    expect(await runtime.result(run)).toBe('server')
  })

  test('are handed over when a cancel goes past one that hangs before them', async () => {
    const { via, open } = doors()
    const lines: string[] = []
    const hanging = flow('hanging', async (run) => {
      const one = run.cleanup('one', (inner) => inner.resource('never', never, ignore))
      const other = run.cleanup('other', async (inner) => {
        lines.push(await via(inner, 'a'))
        await inner.step('tidy', () => lines.push('tidied'))
      })
      await Promise.race([one, other])
      await run.sleep('1h')
    })
    await using runtime = await testRuntime({ flows: [hanging] })
    const run = await runtime.ever.start(hanging, undefined)
    await open(runtime, 'a')
    await runtime.ever.cancel(run.id)
    await runtime.time.advance('6s')
    expect(await runtime.settled(run)).toMatchObject({ status: 'cancelled' })
    expect(lines).toEqual(['a', 'tidied'])
  })
})
