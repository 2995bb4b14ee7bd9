/** Workers that die, freeze and come back: the run goes on elsewhere, and nobody writes twice. */
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { EverloopError, flow } from 'everloop'
import { replay, testRuntime, type TestRuntime, virtualTime } from 'everloop/testing'
import { Ever, Flows } from '../../src/run/index.ts'
import type { Ports } from '../../src/base/ports.ts'
import { memoryStore } from '../../src/store/memory.ts'
import { sqliteStore } from '../../src/store/sqlite/store.ts'
import type { Store } from '../../src/store/store.ts'
import { testFolder } from '../test-folder.ts'

/** A step body that blocks until the test lets it go, the n-th time it is called. */
function blocker(): {
  readonly body: () => Promise<number>
  readonly calls: () => number
  readonly release: (call: number) => void
} {
  const releases: (() => void)[] = []
  return {
    body: () => {
      const call = releases.length + 1
      return new Promise((resolve) => void releases.push(() => resolve(call)))
    },
    calls: () => releases.length,
    release: (call) => releases[call - 1]?.(),
  }
}

const fenced = ({ troubles }: TestRuntime): unknown[] =>
  troubles.flatMap(({ error }) => (EverloopError.is(error) ? error.code : error))

describe('a frozen worker', () => {
  test('loses its runs to another one and is fenced when it comes back', async () => {
    const slow = blocker()
    const work = flow('work', async (run) => {
      const first = await run.step('slow', slow.body)
      return [first, await run.step('after', () => 'after')]
    })
    await using runtime = await testRuntime({ flows: [work], workers: 2 })
    const run = await runtime.ever.start(work, undefined, { id: 'frozen' })
    await runtime.runUntil(() => slow.calls() === 1)
    const holder = await holderOf(runtime)
    holder.freeze()
    const frozenAt = runtime.time.clock.now()
    await runtime.runUntil(() => slow.calls() === 2)
    // The lease is 10 s long and was renewed at most a third of it ago.
    const took = runtime.time.clock.now() - frozenAt
    expect(took).toBeGreaterThan(6_000)
    expect(took).toBeLessThanOrEqual(11_000)
    slow.release(1)
    holder.thaw()
    await runtime.time.settle()
    expect(fenced(runtime)).toContain('FENCED')
    slow.release(2)
    expect(await runtime.result(run)).toEqual([2, 'after'])
    expect((await runtime.ledger(run)).map(({ kind }) => kind)).toEqual([
      'run.started',
      'run.overtaken',
      'step.completed',
      'step.completed',
      'run.completed',
    ])
    expect(await run.status()).toMatchObject({ overtakes: 1, crashes: 0 })
    await runtime.verify()
  })

  test('of another process that stood still no longer than this one loses none of its runs', async () => {
    const location = join(testFolder(), 'ledger.db')
    const sqlite = (ports: Ports): Promise<Store> =>
      sqliteStore({ location, ports, durability: 'process' })
    const slow = blocker()
    const work = flow('work', async (run) => run.step('slow', slow.body))
    await using runtime = await testRuntime({ flows: [work], store: sqlite })
    const { time } = runtime
    const beside = new Ever({
      store: await sqlite(time),
      ports: time,
      flows: new Flows([work], []),
      leaseMs: 10_000,
      name: 'beside',
      development: false,
      onTrouble: () => {},
    })
    onTestFinished(() => time.runUntil(beside.close()))
    const run = await runtime.ever.start(work, undefined)
    await runtime.runUntil(() => slow.calls() === 1)
    void beside.work()
    await time.advance('1s')
    const [holder] = runtime.workers
    holder?.freeze()
    time.leap(time.clock.now() + 15_000)
    await time.advance('2s') // it goes on first
    expect(slow.calls()).toBe(1)
    holder?.thaw()
    await runtime.runUntil(() => slow.calls() === 2)
    slow.release(2)
    expect(await runtime.result(run)).toBe(2)
    expect(await run.status()).toMatchObject({ overtakes: 0 })
  })

  test('of another process loses its runs when its lease has run out, and a quarter of it', async () => {
    const location = join(testFolder(), 'ledger.db')
    const sqlite = (ports: Ports): Promise<Store> =>
      sqliteStore({ location, ports, durability: 'process' })
    const work = flow('work', (run) => run.step('s', () => 1))
    await using runtime = await testRuntime({ flows: [work], workers: 0, store: sqlite })
    const { ever, time } = runtime
    const run = await ever.start(work, undefined)
    const other = await sqlite(time)
    onTestFinished(() => other.close())
    await other.openSession({ token: 'frozen', leaseMs: 10_000, name: 'frozen' })
    await other.claim({ session: 'frozen', flows: [{ name: 'work', version: '1' }], limit: 1 })
    const frozenAt = time.clock.now()
    runtime.addWorker()
    expect(await runtime.result(run)).toBe(1)
    const took = time.clock.now() - frozenAt
    expect(took).toBeGreaterThan(10_000)
    expect(took).toBeLessThanOrEqual(13_000) // a worker that only polled would be later
    expect(await run.status()).toMatchObject({ overtakes: 1 })
  })

  test('works on when it comes back and nobody took its runs', async () => {
    const slow = blocker()
    const work = flow('work', async (run) => run.step('slow', slow.body))
    await using runtime = await testRuntime({ flows: [work] })
    const run = await runtime.ever.start(work, undefined)
    await runtime.runUntil(() => slow.calls() === 1)
    const [worker] = runtime.workers
    worker?.freeze()
    await runtime.time.advance('5s')
    worker?.thaw()
    slow.release(1)
    expect(await runtime.result(run)).toBe(1)
    expect(slow.calls()).toBe(1)
    expect(await run.status()).toMatchObject({ overtakes: 0 })
  })

  test('drops its runs when it wakes up after its lease, and does them again', async () => {
    const slow = blocker()
    const work = flow('work', async (run) => run.step('slow', slow.body))
    await using runtime = await testRuntime({ flows: [work] })
    const run = await runtime.ever.start(work, undefined)
    await runtime.runUntil(() => slow.calls() === 1)
    const [worker] = runtime.workers
    worker?.freeze()
    await runtime.time.advance('1h')
    worker?.thaw()
    await runtime.runUntil(() => slow.calls() === 2)
    slow.release(1)
    slow.release(2)
    expect(await runtime.result(run)).toBe(2)
    await runtime.verify()
  })

  test('gives back unharmed what it is handed when its lease has run out', async () => {
    const work = flow('work', (run, i: number) => run.step('s', () => i))
    const time = virtualTime()
    const store = memoryStore(time)
    let claims = 0
    const claim = store.claim.bind(store)
    store.claim = async (request) => {
      const reply = await claim(request)
      // Between the commit and its answer, so often that what counted as lost would be paused.
      if (reply.runs.length > 0 && ++claims <= 9) {
        time.leap(time.clock.now() + 20_000)
        await new Promise<void>((resolve) => void time.setTimer(0, resolve))
      }
      return reply
    }
    await using ever = new Ever({
      store,
      ports: time,
      flows: new Flows([work], []),
      leaseMs: 10_000,
      name: 'frozen',
      development: false,
      onTrouble: () => {},
    })
    const started = await Promise.all([1, 2, 3].map((i) => ever.start(work, i)))
    void ever.work()
    const results = Promise.all(started.map((run) => run.result()))
    expect(await time.runUntil(results, { within: '10m' })).toEqual([1, 2, 3])
    expect(claims).toBe(10)
    for (const run of started) {
      expect(await run.status()).toMatchObject({ overtakes: 0 })
      expect(await ever.verify(run.id)).toMatchObject({ ok: true })
    }
  })
})

test('a worker whose append is fenced drops the run at once, long before its next heartbeat', async () => {
  let appends = 0
  const calls: number[] = []
  const work = flow('work', async (run) => {
    await run.step('a', () => 1)
    return run.step('b', () => calls.push(runtime.time.clock.now()))
  })
  await using runtime = await testRuntime({
    flows: [work],
    onCall: async ({ method, args }, proceed) => {
      // Somebody ends the session under the worker's feet: its run is free for anyone.
      if (method === 'append' && ++appends === 2) {
        await runtime.store.closeSession((args[0] as { session: string }).session)
        runtime.addWorker()
        await Promise.resolve()
      }
      return proceed()
    },
  })
  const run = await runtime.ever.start(work, undefined)
  await runtime.time.settle()
  expect(fenced(runtime)).toEqual(['FENCED'])
  expect(await runtime.result(run)).toBe(2)
  await runtime.verify()
})

test('a worker that cannot renew its lease aborts its steps before another one begins them', async () => {
  const log: string[] = []
  const work = flow('work', async (run) =>
    run.step('s', ({ signal }) => {
      const number = log.filter((line) => line.startsWith('begin')).length + 1
      log.push(`begin ${number}`)
      signal.addEventListener('abort', () => log.push(`abort ${number}`))
      return number === 1 ? new Promise<number>(() => {}) : number
    }),
  )
  let cutOff: unknown
  await using runtime = await testRuntime({
    flows: [work],
    onCall: async ({ method, args }, proceed) => {
      if (method === 'renewSession' && args[0] === cutOff) {
        throw new EverloopError('STORE_UNAVAILABLE', 'No route to the store.')
      }
      return proceed()
    },
  })
  const run = await runtime.ever.start(work, undefined)
  await runtime.runUntil(() => log.length === 1)
  cutOff = (await runtime.store.sessions())[0]?.token
  runtime.addWorker()
  expect(await runtime.result(run)).toBe(2)
  expect(log.slice(0, 3)).toEqual(['begin 1', 'abort 1', 'begin 2'])
  await runtime.verify()
})

/** The worker whose session holds the only run. */
async function holderOf(runtime: TestRuntime): Promise<TestRuntime['workers'][number]> {
  const session = (await runtime.store.sessions()).find(({ holds }) => holds > 0)
  const holder = runtime.workers.find(({ name }) => name === session?.name)
  if (!holder) throw new Error('Nobody holds the run.')
  return holder
}

describe('a killed worker', () => {
  test('is written down with the first progress after it, and counted', async () => {
    const slow = blocker()
    const work = flow('work', async (run) => {
      await run.step('first', () => 1)
      return run.step('slow', slow.body)
    })
    await using runtime = await testRuntime({ flows: [work] })
    const run = await runtime.ever.start(work, undefined)
    await runtime.runUntil(() => slow.calls() === 1)
    runtime.crash()
    await runtime.runUntil(() => slow.calls() === 2)
    slow.release(2)
    expect(await runtime.result(run)).toBe(2)
    const events = await runtime.ledger(run)
    expect(events.map(({ kind }) => kind)).toEqual([
      'run.started',
      'step.completed',
      'run.overtaken',
      'step.completed',
      'run.completed',
    ])
    expect(events[2]?.data).toEqual({ lost: 'lease', times: 1 })
  })

  test('three times in a row at the same place parks the run as CRASH_LOOP', async () => {
    let executions = 0
    let deadly = true
    let runtime: TestRuntime | undefined
    const poison = flow('poison', async (run) => {
      await run.step('fine', () => 'fine')
      return run.step('deadly', () => {
        executions++
        if (!deadly) return 'survived'
        runtime?.crash()
        return new Promise<string>(() => {})
      })
    })
    runtime = await testRuntime({ flows: [poison] })
    const run = await runtime.start(poison, undefined)
    expect(await runtime.settled(run)).toMatchObject({ status: 'paused', code: 'CRASH_LOOP' })
    expect(executions).toBe(3)
    await runtime.advance('30d')
    expect(executions).toBe(3)
    // Mended, it goes on where it was.
    deadly = false
    await runtime.ever.resume(run.id)
    expect(await runtime.result(run)).toBe('survived')
    expect(await run.status()).toMatchObject({ overtakes: 3 })
    await runtime.verify()
    await runtime.close()
  })

  test('and one that freezes does so too, and what it says leaves room for a machine that slept', async () => {
    let executions = 0
    let runtime: TestRuntime | undefined
    const leaden = flow('leaden', async (run) =>
      run.step('leaden', () => {
        executions++
        runtime?.workers.at(-1)?.freeze()
        runtime?.addWorker()
        return new Promise<void>(() => {})
      }),
    )
    runtime = await testRuntime({ flows: [leaden] })
    const run = await runtime.start(leaden, undefined)
    const settled = await runtime.settled(run)
    expect(settled).toMatchObject({ status: 'paused', code: 'CRASH_LOOP' })
    expect((settled as { message: string }).message).toContain('lease')
    expect(executions).toBe(3)
    expect(await run.status()).toMatchObject({ overtakes: 3 })
    await runtime.close()
  })

  test('three times in a row while it cleans up, it is ended by another cancel, without its code', async () => {
    let executions = 0
    let runtime: TestRuntime | undefined
    const poison = flow('poison', async (run) => {
      try {
        await run.signal('go')
      } finally {
        await run.cleanup('tidy', (inner) =>
          inner.step('deadly', () => {
            executions++
            runtime?.crash()
            if (executions === 3) void runtime?.ever.cancel(run.id, 'again')
            return new Promise<void>(() => {})
          }),
        )
      }
    })
    runtime = await testRuntime({ flows: [poison] })
    const run = await runtime.start(poison, undefined)
    await runtime.ever.cancel(run.id, 'stop')
    expect(await runtime.settled(run)).toEqual({ status: 'cancelled', reason: 'again' })
    expect(executions).toBe(3)
    const { store, time } = runtime
    expect(await replay(run.id, { store, time, flows: [poison] })).toEqual({ flaws: [] })
    expect(executions).toBe(3)
    await runtime.close()
  })

  test('often, but with progress in between, is no crash loop', async () => {
    let executions = 0
    let runtime: TestRuntime | undefined
    const unlucky = flow('unlucky', async (run) =>
      run.loop('turns', { state: 0 }, async (turn, n) => {
        await turn.step('deadly once', () => {
          executions++
          if (executions % 2 === 0) return 1
          runtime?.crash()
          return new Promise<number>(() => {})
        })
        return n === 5 ? turn.done('survived') : turn.next(n + 1)
      }),
    )
    runtime = await testRuntime({ flows: [unlucky] })
    const run = await runtime.start(unlucky, undefined)
    expect(await runtime.result(run)).toBe('survived')
    expect(executions).toBe(12)
    await runtime.close()
  })
})

test('two workers never execute the same run, however many runs there are', async () => {
  const active = new Set<string>()
  let overlaps = 0
  let executions = 0
  const work = flow('work', async (run, n: number) =>
    run.step('one', async () => {
      if (active.has(run.id)) overlaps++
      active.add(run.id)
      executions++
      await Promise.resolve()
      active.delete(run.id)
      return n
    }),
  )
  await using runtime = await testRuntime({ flows: [work], workers: 2, concurrency: 3 })
  const runs = await Promise.all(
    Array.from({ length: 40 }, (_, n) => runtime.ever.start(work, n, { id: `n${n}` })),
  )
  await runtime.settle()
  expect(await Promise.all(runs.map((run) => run.result()))).toEqual(runs.map((_, n) => n))
  expect([overlaps, executions]).toEqual([0, 40])
  await runtime.verify()
})
