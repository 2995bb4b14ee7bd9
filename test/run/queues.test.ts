/** Queues and workers: limits hold over all workers, and nothing starves. */
import { describe, expect, test } from 'vitest'
import { flow } from 'everloop'
import { testRuntime, type TestRuntime } from 'everloop/testing'

/** A flow that takes a second, and the most that were executed at the same time. */
function busy(time: () => TestRuntime): {
  readonly work: ReturnType<typeof flow<number, number>>
  readonly seen: { most: number; total: number }
} {
  let active = 0
  const seen = { most: 0, total: 0 }
  const work = flow('work', async (run, n: number) =>
    run.step('busy', async () => {
      seen.most = Math.max(seen.most, ++active)
      seen.total++
      await new Promise<void>((resolve) => time().time.setTimer(1000, resolve))
      active--
      return n
    }),
  )
  return { work, seen }
}

describe('a queue', () => {
  test('executes as many runs as its limit at a time, over all workers', async () => {
    const { work, seen } = busy(() => runtime)
    await using runtime = await testRuntime({ flows: [work], workers: 2 })
    await runtime.ever.limitQueue('narrow', 3)
    for (let n = 0; n < 12; n++) await runtime.ever.start(work, n, { queue: 'narrow' })
    await runtime.settle()
    expect(seen).toEqual({ most: 3, total: 12 })
    expect(await runtime.ever.list({ status: 'completed' })).toHaveLength(12)
  })

  test('with a limit does not hold up another one', async () => {
    const { work, seen } = busy(() => runtime)
    await using runtime = await testRuntime({ flows: [work] })
    await runtime.ever.limitQueue('narrow', 1)
    const slow: string[] = []
    for (let n = 0; n < 5; n++) {
      slow.push((await runtime.ever.start(work, n, { queue: 'narrow' })).id)
    }
    const other = await runtime.ever.start(work, 9)
    await runtime.runUntil(other.result())
    const done = await Promise.all(slow.map(async (id) => (await runtime.ever.get(id)).status()))
    expect(done.filter(({ status }) => status === 'completed').length).toBeLessThanOrEqual(1)
    expect(seen.most).toBe(2)
  })

  test('with a limit of 0 rests until the limit is lifted', async () => {
    const { work, seen } = busy(() => runtime)
    await using runtime = await testRuntime({ flows: [work] })
    await runtime.ever.limitQueue('closed', 0)
    const run = await runtime.start(work, 1, { queue: 'closed' })
    await runtime.advance('1d')
    expect((await run.status()).status).toBe('ready')
    await runtime.ever.limitQueue('closed', null)
    expect(await runtime.result(run)).toBe(1)
    expect(seen.total).toBe(1)
  })

  test('frees the place of a run that waits', async () => {
    const waiting = flow('waiting', async (run) => run.signal('go'))
    await using runtime = await testRuntime({ flows: [waiting] })
    await runtime.ever.limitQueue('narrow', 1)
    const runs = []
    for (let n = 0; n < 3; n++) {
      runs.push(await runtime.start(waiting, undefined, { queue: 'narrow' }))
    }
    for (const run of runs)
      expect(await runtime.settled(run)).toMatchObject({ on: [{ what: 'go' }] })
  })

  test('refuses a limit that is none', async () => {
    await using runtime = await testRuntime({})
    for (const limit of [-1, 1.5, Number.NaN]) {
      await expect(runtime.ever.limitQueue('q', limit)).rejects.toMatchObject({
        code: 'BAD_OPTION',
      })
    }
  })
})

describe('a worker', () => {
  test('executes as many runs at a time as it is told, and all in the end', async () => {
    const { work, seen } = busy(() => runtime)
    await using runtime = await testRuntime({ flows: [work], concurrency: 4 })
    for (let n = 0; n < 10; n++) await runtime.ever.start(work, n)
    await runtime.settle()
    expect(seen).toEqual({ most: 4, total: 10 })
  })

  test('has room for others while its runs only wait', async () => {
    const waiting = flow('waiting', async (run) => run.signal('go'))
    const { work } = busy(() => runtime)
    await using runtime = await testRuntime({ flows: [waiting, work], concurrency: 1 })
    for (let n = 0; n < 5; n++) await runtime.ever.start(waiting, undefined)
    const run = await runtime.ever.start(work, 7)
    expect(await runtime.result(run)).toBe(7)
  })

  test('that stops gracefully lets its busy steps end, and counts no take-over', async () => {
    const { work, seen } = busy(() => runtime)
    await using runtime = await testRuntime({ flows: [work] })
    const run = await runtime.ever.start(work, 7)
    await runtime.runUntil(() => seen.total === 1)
    await runtime.restart()
    expect(await runtime.result(run)).toBe(7)
    expect(seen.total).toBe(1)
    expect(await run.status()).toMatchObject({ overtakes: 0, crashes: 0 })
  })

  test('that stops although a step never ends gives it up, and another one does it again', async () => {
    let calls = 0
    const endless = flow('endless', async (run) =>
      run.step('s', () => (++calls === 1 ? new Promise<number>(() => {}) : calls)),
    )
    await using runtime = await testRuntime({ flows: [endless] })
    const run = await runtime.ever.start(endless, undefined)
    await runtime.runUntil(() => calls === 1)
    const before = runtime.time.clock.now()
    await runtime.restart()
    expect(runtime.time.clock.now() - before).toBeLessThan(60_000)
    expect(await runtime.result(run)).toBe(2)
    await runtime.verify()
  })

  test('works until idle, and leaves what waits', async () => {
    const waiting = flow('waiting', async (run) => [
      await run.step('s', () => 1),
      await run.signal('go'),
    ])
    await using runtime = await testRuntime({ flows: [waiting], workers: 0 })
    const run = await runtime.ever.start(waiting, undefined)
    await runtime.runUntil(runtime.ever.work({ until: 'idle' }))
    expect((await run.status()).status).toBe('waiting')
    await runtime.ever.signal(run.id, 'go', 2)
    expect((await run.status()).status).toBe('ready')
    await runtime.runUntil(runtime.ever.work({ until: 'idle' }))
    expect(await runtime.result(run)).toEqual([1, 2])
    expect(await runtime.store.sessions()).toEqual([])
  })
})
