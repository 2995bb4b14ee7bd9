/** Resources that hang: the run that opened one must not hold its worker, nor be out of reach. */
import { expect, test } from 'vitest'
import { flow } from 'everloop'
import { testRuntime, type Trouble } from 'everloop/testing'

const never = (): Promise<never> => new Promise(() => {})

const quick = flow('quick', (run) => run.step('s', () => 'done'))

/** Messages of what the workers were told of a run. */
const told = (troubles: readonly Trouble[], id: string): string[] =>
  troubles.filter(({ run }) => run === id).map(({ error }) => (error as Error).message)

test('an open that never settles ends as STALLED, and the worker has room again', async () => {
  const hanging = flow('hanging', (run) => run.resource('db', never, () => {}))
  await using runtime = await testRuntime({ flows: [hanging, quick], concurrency: 1 })
  const run = await runtime.start(hanging, undefined)
  expect(await runtime.settled(run)).toMatchObject({ status: 'paused', code: 'STALLED' })
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
      run.scope('opens', async (inner) => {
        await inner.step('first', () => 1)
        await inner.resource('db', never, () => {})
      }),
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
