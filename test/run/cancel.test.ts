/** Cancelling: at every phase a run can be in, with cleanup, and never a step more than needed. */
import { describe, expect, test } from 'vitest'
import { Cancelled, EverloopError, flow, type Run } from 'everloop'
import { crashAtEveryCommit, testRuntime, type TestRuntime } from 'everloop/testing'

const waits: Record<string, (run: Run) => Promise<unknown>> = {
  'a sleep': (run) => run.sleep('30d'),
  'a signal': (run) => run.signal('go'),
  'a question': (run) => run.ask('Go?'),
  'a back-off': (run) =>
    run.step('bad', { retry: { attempts: 9, delay: '1h' } }, () => {
      throw new Error('bad')
    }),
  'a branch': (run) => run.map('m', [1], (branch) => branch.signal('go')),
  'a loop': (run) =>
    run.loop('l', { state: 0 }, async (turn, n) =>
      n === 2 ? turn.done(await turn.signal('go')) : turn.next(n + 1),
    ),
}

describe('a cancel', () => {
  test.each(Object.keys(waits))(
    'of a run that waits for %s rejects it, and the run ends',
    async (name) => {
      const seen: unknown[] = []
      const waiting = flow('waiting', async (run) => {
        try {
          await waits[name]?.(run)
        } catch (error) {
          seen.push(error)
          throw error
        } finally {
          seen.push('finally')
        }
      })
      await using runtime = await testRuntime({ flows: [waiting] })
      const run = await runtime.start(waiting, undefined)
      await runtime.ever.cancel(run.id, 'not needed', { by: 'ada' })
      expect(await runtime.settled(run)).toEqual({ status: 'cancelled', reason: 'not needed' })
      expect(seen).toEqual([expect.any(EverloopError), 'finally'])
      expect(seen[0]).toMatchObject({ code: expect.stringMatching(/CANCELLED|SCOPE_FAILED/) })
      const cancelling = (await runtime.ledger(run)).filter(({ kind }) => kind === 'run.cancelling')
      expect(cancelling.map(({ data }) => data)).toEqual([{ reason: 'not needed', by: 'ada' }])
      await expect(runtime.result(run)).rejects.toMatchObject({ code: 'RUN_CANCELLED' })
      expect(await runtime.ever.questions()).toEqual([])
      await runtime.verify()
    },
  )

  test('of a run that has not begun ends it without executing its code', async () => {
    let executed = false
    const lazy = flow('lazy', async () => {
      executed = true
    })
    await using runtime = await testRuntime({ flows: [lazy] })
    const run = await runtime.start(lazy, undefined, { delay: '1h' })
    await runtime.ever.cancel(run.id, 'no', { by: 'Ann' })
    expect(await runtime.settled(run)).toEqual({ status: 'cancelled', reason: 'no' })
    expect(executed).toBe(false)
    expect((await runtime.ledger(run)).at(-1)).toMatchObject({
      kind: 'run.cancelled',
      data: { reason: 'no', by: 'Ann' },
    })
  })

  test('of a run whose flow nobody has ends it when it has not begun', async () => {
    const known = flow('known', async () => 1)
    await using runtime = await testRuntime({ flows: [known] })
    const run = await runtime.ever.start(known, undefined, { delay: '1h' })
    await runtime.ever.cancel(run.id)
    expect((await runtime.settled(run)).status).toBe('cancelled')
  })

  test('while a step is busy aborts its signal and goes on at once with Cancelled', async () => {
    let aborted: unknown
    const busy = flow('busy', async (run) => {
      await run
        .step('busy', ({ signal }) => {
          signal.addEventListener('abort', () => (aborted = signal.reason))
          return new Promise(() => {})
        })
        .catch((error: unknown) => {
          if (!(error instanceof Cancelled)) throw new Error('not cancelled')
          throw error
        })
    })
    await using runtime = await testRuntime({ flows: [busy] })
    const run = await runtime.ever.start(busy, undefined)
    await runtime.runUntil(async () => (await run.status()).status === 'running')
    await runtime.time.settle()
    await runtime.ever.cancel(run.id, 'stop')
    expect(await runtime.settled(run)).toEqual({ status: 'cancelled', reason: 'stop' })
    expect(aborted).toMatchObject({ code: 'CANCELLED', reason: 'stop' })
  })

  test('aborts the signals of scopes inside, but not of cleanup', async () => {
    const signals: Record<string, AbortSignal> = {}
    let told: unknown
    let finish = (): void => {}
    const nested = flow('nested', async (run) => {
      const outer = run.scope('outer', (scope) =>
        scope.scope('inner', (inner) =>
          inner.step('busy', ({ signal }) => {
            signals['inner'] = signal
            return new Promise<void>(() => {})
          }),
        ),
      )
      const cleanup = run.cleanup('cleanup', (scope) =>
        scope.step('busy', ({ signal }) => {
          signals['cleanup'] = signal
          return new Promise<void>((resolve) => (finish = resolve))
        }),
      )
      told = await outer.catch((error: unknown) => error)
      await cleanup
    })
    await using runtime = await testRuntime({ flows: [nested] })
    const run = await runtime.ever.start(nested, undefined)
    await runtime.runUntil(() => Object.keys(signals).length === 2)
    await runtime.ever.cancel(run.id, 'stop')
    await runtime.runUntil(() => signals['inner']?.aborted === true)
    expect(told).toMatchObject({ code: 'CANCELLED', reason: 'stop' })
    const aborted = Object.entries(signals).map(([name, signal]) => [name, signal.aborted])
    expect(Object.fromEntries(aborted)).toEqual({ inner: true, cleanup: false })
    expect(signals['inner']?.reason).toMatchObject({ code: 'CANCELLED', reason: 'stop' })
    finish()
    expect(await runtime.settled(run)).toEqual({ status: 'cancelled', reason: 'stop' })
  })

  test('lets no operation begin any more, except in cleanup', async () => {
    const bodies: string[] = []
    const stubborn = flow('stubborn', async (run) => {
      const errors: string[] = []
      const attempt = async (name: string, call: () => Promise<unknown>): Promise<void> => {
        await call().catch((error: EverloopError) => errors.push(`${name}: ${error.code}`))
      }
      await attempt('wait', () => run.signal('go'))
      await attempt('step', () => run.step('step', () => bodies.push('step')))
      await attempt('map', () =>
        run.map('map', [1], (b) => b.step('in map', () => bodies.push('map'))),
      )
      await attempt('child', () => run.child(other, undefined))
      await attempt('cleanup', () =>
        run.cleanup('tidy', async (inner) => {
          await inner.step('release', () => bodies.push('release'))
          await inner.sleep('1h')
          await inner.scope('deeper', (deep) => deep.step('close', () => bodies.push('close')))
        }),
      )
      await attempt('after', () => run.sleep('1s'))
      await run.cleanup('report', (inner) => inner.note('errors', errors))
      return 'never seen'
    })
    const other = flow('other', async () => 1)
    await using runtime = await testRuntime({ flows: [stubborn, other] })
    const run = await runtime.start(stubborn, undefined)
    await runtime.ever.cancel(run.id, 'stop')
    await runtime.settle()
    expect((await run.status()).status).toBe('waiting')
    await runtime.advance('2h')
    expect(await runtime.settled(run)).toEqual({ status: 'cancelled', reason: 'stop' })
    expect(bodies).toEqual(['release', 'close'])
    const note = (await runtime.ledger(run)).find(({ kind }) => kind === 'note.written')
    expect(note?.data).toEqual({
      text: 'errors',
      data: [
        'wait: CANCELLED',
        'step: CANCELLED',
        'map: CANCELLED',
        'child: CANCELLED',
        'after: CANCELLED',
      ],
    })
    expect(await runtime.ever.list()).toHaveLength(1)
  })

  test('has one outcome and one cleanup, whenever the worker dies', async () => {
    const tidy = flow('tidy', async (run) => {
      try {
        await run.step('acquire', () => 'lock')
        await run.signal('go')
      } finally {
        await run.cleanup('release', async (inner) => {
          await inner.step('release', () => 'released')
          await inner.sleep('1h')
          await inner.step('tell', () => 'told')
        })
      }
    })
    const report = await crashAtEveryCommit(tidy, undefined, {
      drive: async (runtime, run) => {
        await runtime.ever.cancel(run.id, 'stop')
        await runtime.advance('2h')
      },
    })
    expect(report.outcomes).toEqual([{ status: 'cancelled', reason: 'stop' }])
    expect(report.flaws).toEqual([])
    expect(report.executions).toEqual({ acquire: 1, 'release/release': 1, 'release/tell': 1 })
  })

  test('of a run that has ended is refused with RUN_ENDED', async () => {
    const quick = flow('quick', async () => 1)
    await using runtime = await testRuntime({ flows: [quick] })
    const run = await runtime.start(quick, undefined)
    await expect(runtime.ever.cancel(run.id)).rejects.toMatchObject({ code: 'RUN_ENDED' })
    await expect(run.cancel()).rejects.toMatchObject({ code: 'RUN_ENDED' })
    await expect(runtime.ever.cancel('nobody')).rejects.toMatchObject({ code: 'UNKNOWN_RUN' })
  })

  test('twice is one cancel, with the first reason', async () => {
    const waiting = flow('waiting', async (run) => run.signal('go'))
    await using runtime = await testRuntime({ flows: [waiting] })
    const run = await runtime.start(waiting, undefined)
    await Promise.all([runtime.ever.cancel(run.id, 'first'), runtime.ever.cancel(run.id, 'second')])
    expect(await runtime.settled(run)).toEqual({ status: 'cancelled', reason: 'first' })
    await runtime.verify()
  })

  test('that code swallows cancels the run all the same, and keeps what it threw instead', async () => {
    const swallowing = flow('swallowing', async (run, rethrow: boolean) => {
      await run.signal('go').catch(() => {})
      if (rethrow) throw new Error('something else')
      return 'fine'
    })
    await using runtime = await testRuntime({ flows: [swallowing] })
    for (const rethrow of [false, true]) {
      const run = await runtime.start(swallowing, rethrow)
      await runtime.ever.cancel(run.id, 'stop')
      expect(await runtime.settled(run)).toEqual({ status: 'cancelled', reason: 'stop' })
      const [last] = (await runtime.ledger(run)).slice(-1)
      expect(last?.data).toMatchObject(rethrow ? { error: { message: 'something else' } } : {})
    }
  })

  test('lets no further step begin once it was acknowledged', async () => {
    const begun: number[] = []
    const looping = flow('looping', async (run) => {
      for (let i = 0; ; i++) {
        await run.step('one', async () => {
          begun.push(i)
          await new Promise((resolve) => void setImmediate(resolve))
        })
      }
    })
    await using runtime = await testRuntime({ flows: [looping] })
    const run = await runtime.ever.start(looping, undefined)
    await runtime.runUntil(() => begun.length >= 5)
    await runtime.ever.cancel(run.id, 'stop')
    const before = begun.length
    expect(await runtime.settled(run)).toEqual({ status: 'cancelled', reason: 'stop' })
    // The holder has to hear of it: at most the step of that moment begins.
    expect(begun.length).toBeLessThanOrEqual(before + 1)
    await runtime.verify()
  })
})

test('quick steps leave the event loop to others', async () => {
  let turns = 0
  const quick = flow('quick', async (run) => {
    const count = (): void => void setImmediate(() => turns++ < 1000 && count())
    count()
    for (let i = 0; i < 1000; i++) await run.step('one', () => i)
    return turns
  })
  await using runtime = await testRuntime({ flows: [quick] })
  const run = await runtime.start(quick, undefined)
  expect(await runtime.result(run)).toBeGreaterThan(10)
})

describe('a pause', () => {
  test('stops the run at its next boundary; what is busy ends and is recorded', async () => {
    let release: (value: string) => void = () => {}
    let second = 0
    const busy = flow('busy', async (run) => {
      const first = await run.step(
        'busy',
        () => new Promise<string>((resolve) => (release = resolve)),
      )
      return [first, await run.step('second', () => ++second)]
    })
    await using runtime = await testRuntime({ flows: [busy] })
    const run = await runtime.ever.start(busy, undefined)
    await runtime.runUntil(async () => (await run.status()).status === 'running')
    await runtime.time.settle()
    await runtime.ever.pause(run.id, 'lunch', { by: 'ada' })
    await runtime.time.settle()
    release('ended')
    const settled = await runtime.settled(run)
    expect(settled).toMatchObject({ status: 'paused', code: 'PAUSED' })
    expect(settled).toMatchObject({ message: expect.stringMatching(/ada paused the run.*lunch/s) })
    expect(second).toBe(0)
    expect((await runtime.ledger(run)).map(({ kind }) => kind)).toEqual([
      'run.started',
      'step.completed',
      'run.paused',
    ])
    await runtime.advance('30d')
    expect((await run.status()).status).toBe('paused')
    await runtime.ever.resume(run.id, { by: 'bob' })
    expect(await runtime.result(run)).toEqual(['ended', 1])
    await runtime.verify()
  })

  test('keeps signals, answers and children for later', async () => {
    const quick = flow('quick', async (run) => run.step('s', () => 'child'))
    const waiting = flow('waiting', async (run) =>
      Promise.all([run.signal('go'), run.ask('Sure?'), run.child(quick, undefined)]),
    )
    await using runtime = await testRuntime({ flows: [waiting, quick], workers: 0 })
    const run = await runtime.ever.start(waiting, undefined)
    runtime.addWorker({ flows: [waiting] })
    await runtime.settle()
    await runtime.ever.pause(run.id)
    await runtime.settle()
    await runtime.restart({ flows: [waiting, quick] })
    await runtime.signal(run, 'go', 'signal')
    await runtime.answer('Sure?', 'answer')
    expect((await run.status()).status).toBe('paused')
    await runtime.ever.resume(run.id)
    expect(await runtime.result(run)).toEqual(['signal', 'answer', 'child'])
  })

  test('of a waiting run lets no timer fire; it fires after the resume', async () => {
    const sleeper = flow('sleeper', async (run) => run.sleep('1h'))
    await using runtime = await testRuntime({ flows: [sleeper] })
    const run = await runtime.start(sleeper, undefined)
    await runtime.ever.pause(run.id)
    await runtime.advance('2h')
    expect((await run.status()).status).toBe('paused')
    await runtime.ever.resume(run.id)
    expect((await runtime.settled(run)).status).toBe('completed')
  })

  test('can be cancelled, and runs its cleanup', async () => {
    let cleaned = 0
    const waiting = flow('waiting', async (run) => {
      try {
        await run.signal('go')
      } finally {
        await run.cleanup('tidy', (inner) => inner.step('tidy', () => ++cleaned))
      }
    })
    await using runtime = await testRuntime({ flows: [waiting] })
    const run = await runtime.start(waiting, undefined)
    await runtime.ever.pause(run.id)
    await runtime.settle()
    await runtime.ever.cancel(run.id, 'stop')
    expect(await runtime.settled(run)).toEqual({ status: 'cancelled', reason: 'stop' })
    expect(cleaned).toBe(1)
  })

  test.each(['a moment later', 'at once'])('gives way to a cancel that comes %s', async (when) => {
    let cleaned = 0
    const waiting = flow('waiting', async (run) => {
      try {
        await run.signal('go')
      } finally {
        await run.cleanup('tidy', (inner) => inner.step('tidy', () => ++cleaned))
      }
    })
    const parent = flow('parent', (run) => run.child(waiting, undefined))
    await using runtime = await testRuntime({ flows: [waiting, parent] })
    const above = await runtime.start(parent, undefined)
    const [child] = await runtime.ever.list({ flow: 'waiting' })
    const run = await runtime.start(waiting, undefined)
    await runtime.ever.pause(run.id)
    await runtime.ever.pause(child?.id ?? '')
    if (when !== 'at once') await runtime.settle()
    await runtime.ever.cancel(run.id, 'stop')
    await runtime.ever.cancel(above.id, 'stop')
    expect(await runtime.settled(run)).toEqual({ status: 'cancelled', reason: 'stop' })
    expect(await runtime.settled(above)).toEqual({ status: 'cancelled', reason: 'stop' })
    expect((await (await runtime.ever.get(child?.id ?? '')).status()).status).toBe('cancelled')
    expect(cleaned).toBe(2)
    await runtime.verify()
  })

  test('gives way to a cancel while a step is busy, whose signal is aborted', async () => {
    const begun = Promise.withResolvers<AbortSignal>()
    const busy = flow('busy', (run) =>
      run.step('busy', ({ signal }) => {
        begun.resolve(signal)
        return new Promise((resolve) => signal.addEventListener('abort', resolve))
      }),
    )
    await using runtime = await testRuntime({ flows: [busy] })
    const run = await runtime.ever.start(busy, undefined)
    const signal = await runtime.runUntil(begun.promise)
    await runtime.ever.pause(run.id)
    await runtime.time.settle()
    await runtime.ever.cancel(run.id, 'stop')
    expect(await runtime.settled(run)).toEqual({ status: 'cancelled', reason: 'stop' })
    expect(signal.aborted).toBe(true)
  })

  test.each(['before', 'behind'])(
    'that came %s the stop of its worker gives way too',
    async (when) => {
      const begun = Promise.withResolvers<void>()
      const release = Promise.withResolvers<void>()
      const busy = flow('busy', async (run) => {
        try {
          await run.step('busy', () => (begun.resolve(), release.promise))
        } finally {
          await run.cleanup('slow', (inner) => inner.sleep('1h'))
        }
      })
      await using runtime = await testRuntime({ flows: [busy] })
      const run = await runtime.ever.start(busy, undefined)
      await runtime.runUntil(begun.promise)
      const pausing = async (): Promise<void> => {
        await runtime.ever.pause(run.id)
        await runtime.time.settle()
      }
      if (when === 'before') await pausing()
      const restarting = runtime.restart()
      await runtime.time.settle()
      if (when === 'behind') await pausing()
      await runtime.ever.cancel(run.id, 'stop')
      release.resolve()
      await restarting
      await runtime.advance('2h')
      expect(await runtime.settled(run)).toEqual({ status: 'cancelled', reason: 'stop' })
    },
  )

  test('that comes behind a cancel stops the cleanup', async () => {
    const waiting = flow('waiting', async (run) => {
      try {
        await run.signal('go')
      } finally {
        await run.cleanup('tidy', (inner) => inner.sleep('1h'))
      }
    })
    await using runtime = await testRuntime({ flows: [waiting] })
    const run = await runtime.start(waiting, undefined)
    await runtime.ever.cancel(run.id, 'stop')
    await runtime.ever.pause(run.id)
    await runtime.advance('2h')
    expect((await run.status()).status).toBe('paused')
    await runtime.ever.resume(run.id)
    await runtime.advance('2h')
    expect(await runtime.settled(run)).toEqual({ status: 'cancelled', reason: 'stop' })
  })

  test('or resume in the wrong state is refused with RUN_STATE or RUN_ENDED', async () => {
    const waiting = flow('waiting', async (run) => run.signal('go'))
    await using runtime = await testRuntime({ flows: [waiting] })
    const run = await runtime.start(waiting, undefined)
    await expect(runtime.ever.resume(run.id)).rejects.toMatchObject({ code: 'RUN_STATE' })
    await expect(runtime.ever.retry(run.id)).rejects.toMatchObject({ code: 'RUN_STATE' })
    await runtime.ever.pause(run.id)
    await runtime.settle()
    await expect(runtime.ever.pause(run.id)).rejects.toMatchObject({ code: 'RUN_STATE' })
    await runtime.ever.resume(run.id)
    await runtime.signal(run, 'go')
    await runtime.result(run)
    await expect(runtime.ever.pause(run.id)).rejects.toMatchObject({ code: 'RUN_ENDED' })
    await expect(runtime.ever.resume(run.id)).rejects.toMatchObject({ code: 'RUN_STATE' })
    await expect(runtime.ever.signal(run.id, 'go')).rejects.toMatchObject({
      code: 'RUN_ENDED',
      message: expect.stringContaining('is completed and takes no signal.'),
    })
    await expect(runtime.ever.send(run.id, 'Go.')).rejects.toMatchObject({
      code: 'RUN_ENDED',
      message: expect.stringContaining('is completed and takes no message.'),
    })
  })

  test('and resume have one outcome, whenever the worker dies', async () => {
    const steps = flow('steps', async (run) => {
      await run.step('a', () => 1)
      await run.signal('go')
      return run.step('b', () => 2)
    })
    const report = await crashAtEveryCommit(steps, undefined, {
      drive: async (runtime, run) => {
        await runtime.ever.pause(run.id)
        await runtime.settle()
        await runtime.ever.resume(run.id)
        await runtime.signal(run, 'go')
      },
    })
    expect(report.outcomes).toEqual([{ status: 'completed', output: 2 }])
    expect(report.flaws).toEqual([])
  })
})

test('a turn that began behind a cancel is executed again by code that knows of it from its beginning', async () => {
  const looping = flow('looping', (run) =>
    run.loop('l', { state: 0 }, async (turn, n) => {
      if (n === 0) return turn.next(await turn.signal<number>('never').catch(() => 1))
      try {
        await turn.scope('waits', (inner) => inner.sleep('1h'))
      } catch {
        await turn.cleanup('tidy', (inner) => inner.step('up', () => 'tidied'))
      }
      return turn.done('over')
    }),
  )
  const drive = async (runtime: TestRuntime, { id }: { readonly id: string }): Promise<void> => {
    const { status } = await (await runtime.ever.get(id)).status()
    if (status !== 'cancelled') await runtime.ever.cancel(id, 'enough')
    await runtime.settle()
  }
  const report = await crashAtEveryCommit(looping, undefined, { drive })
  expect(report.outcomes).toEqual([{ status: 'cancelled', reason: 'enough' }])
  expect([...report.strays, ...report.flaws]).toEqual([])
})
