/** A scope, a turn and a run end only when what must not repeat in them is known about. */
import { describe, expect, test } from 'vitest'
import { Cancelled, done, flow, notDone, type Run, type StepOptions } from 'everloop'
import { crashAtEveryCommit, type TestRuntime, testRuntime } from 'everloop/testing'

/** Kinds and paths of what was recorded behind the beginning. */
const told = async (runtime: TestRuntime, run: { readonly id: string }): Promise<string[]> =>
  (await runtime.ledger(run)).slice(1).map(({ kind, path }) => `${kind} ${path}`.trim())

/** A call that ends when its signal is aborted, and may have happened. */
const pay = (run: Run, options: Partial<StepOptions> = {}): Promise<unknown> =>
  run.step(
    'pay',
    { effect: 'once', settle: '5s', ...options },
    ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')))
      }),
  )

describe('a call in flight that must not repeat', () => {
  test('holds its scope when it has lost a race, for as long as a person takes', async () => {
    const late: unknown[] = []
    const racing = flow('racing', async (run) => {
      const first = await run.scope('race', (inner) =>
        Promise.race([pay(inner).then((value) => late.push(value)), inner.sleep('1s')]),
      )
      return `${String(first)}, then ${late.join()}`
    })
    await using runtime = await testRuntime({ flows: [racing] })
    const run = await runtime.start(racing, undefined)
    await runtime.advance('3d')
    const [question] = await runtime.ever.questions()
    expect(await runtime.settled(run)).toMatchObject({
      status: 'waiting',
      on: [{ kind: 'effect' }],
    })
    await runtime.restart()
    await runtime.ever.answer(question?.id ?? '', { verdict: 'done', result: 'paid' })
    // What the call came to is handed to the code of the scope before the scope closes.
    expect(await runtime.result(run)).toBe('undefined, then paid')
    expect(await told(runtime, run)).toEqual([
      'effect.intended race/pay',
      'timer.set race/sleep',
      'timer.fired race/sleep',
      'effect.doubted race/pay',
      'effect.doubted race/pay',
      'effect.resolved race/pay',
      'step.completed race/pay',
      'scope.closed race',
      'run.completed',
    ])
    await runtime.verify()
  })

  test('holds a map of which another branch has failed, and takes no signal of the others', async () => {
    const mapping = flow('mapping', async (run) => {
      await run
        .all('all', [
          (branch) => pay(branch, { reconcile: () => done('paid') }),
          (branch) => branch.signal('go'),
          async (branch) => {
            await branch.sleep('1s')
            throw new Error('bad branch')
          },
        ])
        .catch(() => {})
      return run.signal('go')
    })
    await using runtime = await testRuntime({ flows: [mapping] })
    const run = await runtime.start(mapping, undefined)
    await runtime.advance('2s')
    expect(await told(runtime, run)).toContain('effect.doubted all/0/pay')
    await runtime.signal(run, 'go', 'mine')
    await runtime.advance('10s')
    expect(await runtime.result(run)).toBe('mine')
    const entries = await told(runtime, run)
    expect(entries.indexOf('step.completed all/0/pay')).toBeLessThan(
      entries.indexOf('scope.failed all'),
    )
    await runtime.verify()
  })

  test('holds the commit of its turn, and the end of the run', async () => {
    const looping = flow('looping', async (run) => {
      const turns = await run.loop('l', { state: 0 }, async (turn, n) => {
        if (n === 2) return turn.done(n)
        void pay(turn, { reconcile: () => notDone() }).catch(() => {})
        await turn.sleep('1s')
        return turn.next(n + 1)
      })
      void pay(run, { reconcile: () => done(1) })
      await run.sleep('1s')
      return turns
    })
    await using runtime = await testRuntime({ flows: [looping] })
    const run = await runtime.start(looping, undefined)
    await runtime.advance('1m')
    expect(await runtime.result(run)).toBe(2)
    expect(
      (await told(runtime, run)).filter((line) => !/timer|doubted|intended/.test(line)),
    ).toEqual([
      'effect.resolved l/1/pay',
      'step.failed l/1/pay',
      'turn.committed l/1',
      'effect.resolved l/2/pay',
      'step.failed l/2/pay',
      'turn.committed l/2',
      'scope.closed l',
      'effect.resolved pay',
      'step.completed pay',
      'run.completed',
    ])
    await runtime.verify()
  })

  test('is resolved before a cancelled run ends, and the code is told at once', async () => {
    const toldAt: number[] = []
    const buying = flow('buying', async (run) => {
      try {
        await pay(run, { reconcile: () => done('paid') })
      } catch (error) {
        if (error instanceof Cancelled) toldAt.push(runtime.time.clock.now())
        throw error
      }
    })
    await using runtime = await testRuntime({ flows: [buying] })
    const run = await runtime.ever.start(buying, undefined)
    await runtime.runUntil(async () => (await told(runtime, run)).length > 0)
    const now = runtime.time.clock.now()
    await runtime.ever.cancel(run.id, 'enough')
    expect(await runtime.settled(run)).toEqual({ status: 'waiting', on: [expect.anything()] })
    expect(toldAt[0]).toBeLessThan(now + 1000)
    await runtime.advance('10s')
    expect(await runtime.settled(run)).toEqual({ status: 'cancelled', reason: 'enough' })
    expect((await told(runtime, run)).slice(-4)).toEqual([
      'effect.doubted pay',
      'effect.resolved pay',
      'step.completed pay',
      'run.cancelled',
    ])
    await runtime.verify()
  })

  test('is asked about although its run is cancelled or out of time, and not made again', async () => {
    let calls = 0
    const buying = flow('buying', async (run) =>
      run.step('pay', { effect: 'once' }, () => {
        calls++
        throw new Error('reset')
      }),
    )
    await using runtime = await testRuntime({ flows: [buying] })
    const cancelled = await runtime.start(buying, undefined)
    const expired = await runtime.start(buying, undefined, { deadline: '1m' })
    await runtime.advance('30s')
    await runtime.ever.cancel(cancelled.id, 'enough')
    await runtime.advance('1h')
    for (const run of [cancelled, expired]) {
      expect((await runtime.settled(run)).status).toBe('waiting')
      const [question] = await runtime.ever.questions({ run: run.id })
      await runtime.ever.answer(question?.id ?? '', { verdict: 'retry' })
    }
    expect(await runtime.settled(cancelled)).toMatchObject({ status: 'cancelled' })
    expect(await runtime.settled(expired)).toMatchObject({
      status: 'failed',
      error: { code: 'DEADLINE' },
    })
    expect(calls).toBe(2)
    await runtime.verify()
  })

  test('holds nothing when it was not begun, or waits for another attempt', async () => {
    let calls = 0
    const leaving = flow('leaving', async (run) => {
      await run.scope('s', async (inner) => {
        const again = inner
          .step(
            'again',
            { effect: 'once', retry: { attempts: 9, delay: '1h' }, reconcile: () => notDone() },
            () => {
              calls++
              throw new Error('busy')
            },
          )
          .catch(() => {})
        await Promise.race([again, inner.sleep('1m')])
        void pay(inner)
      })
    })
    await using runtime = await testRuntime({ flows: [leaving] })
    const run = await runtime.start(leaving, undefined)
    await runtime.advance('2m')
    expect((await runtime.settled(run)).status).toBe('completed')
    expect(calls).toBe(1)
    expect(await told(runtime, run)).not.toContain('effect.intended s/pay')
    await runtime.verify()
  })

  test('goes on being resolved when its run was paused and resumed', async () => {
    const racing = flow('racing', async (run) => {
      await Promise.race([pay(run, { reconcile: () => done(1), settle: '10m' }), run.sleep('1s')])
    })
    await using runtime = await testRuntime({ flows: [racing] })
    const run = await runtime.start(racing, undefined)
    await runtime.advance('2s')
    await runtime.ever.pause(run.id)
    await runtime.advance('20m')
    expect((await runtime.settled(run)).status).toBe('paused')
    await runtime.ever.resume(run.id)
    expect((await runtime.settled(run)).status).toBe('completed')
    await runtime.verify()
  })

  test('leads to the same end whenever its worker is killed', async () => {
    const racing = flow('racing', async (run) =>
      run.scope('race', async (inner) => {
        const seen: unknown[] = []
        const paid = pay(inner, { timeout: '20s', reconcile: () => done('paid') })
        await Promise.race([paid.then((value) => seen.push(value)), inner.sleep('1s')])
        return seen
      }),
    )
    const report = await crashAtEveryCommit(racing, undefined, {
      drive: (runtime) => runtime.advance('10m'),
    })
    expect(report.outcomes).toEqual([{ status: 'completed', output: ['paid'] }])
    expect(report.flaws).toEqual([])
  })
})
