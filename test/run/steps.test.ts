/** Steps: what is recorded, retried, timed out and refused. */
import { describe, expect, test } from 'vitest'
import { flow, StepError, type RetryPolicy } from 'everloop'
import { crashAtEveryCommit, testRuntime } from 'everloop/testing'

const minute = 60_000

describe('a retried step', () => {
  test('waits longer each time, without a process, and keeps its count across a crash', async () => {
    const at: number[] = []
    let fails = 4
    const flaky = flow('flaky', async (run) =>
      run.step(
        'flaky',
        { retry: { attempts: 5, delay: '10m', maxDelay: '30m' } },
        ({ attempt }) => {
          at.push(runtime.time.clock.now())
          if (fails-- > 0) throw new Error(`attempt ${attempt}`)
          return attempt
        },
      ),
    )
    await using runtime = await testRuntime({ flows: [flaky] })
    const run = await runtime.start(flaky, undefined)
    const first = await runtime.settled(run)
    expect(first).toMatchObject({ status: 'waiting', on: [{ kind: 'retry', what: 'attempt 1' }] })
    expect(await runtime.store.run(run.id)).toMatchObject({ session: undefined })
    await runtime.advance('15m')
    runtime.crash()
    await runtime.advance('2h')
    expect(await runtime.result(run)).toBe(5)
    const waits = at.slice(1).map((time, i) => (time - (at[i] ?? 0)) / minute)
    expect(waits).toHaveLength(4)
    // 10, 20, then at most 30 minutes, each shortened by up to a quarter.
    for (const [i, most] of [10, 20, 30, 30].entries()) {
      expect(waits[i]).toBeGreaterThanOrEqual(most * 0.75 - 0.001)
      expect(waits[i]).toBeLessThanOrEqual(most + 0.01)
    }
    expect((await runtime.ledger(run)).filter(({ kind }) => kind === 'step.retrying')).toHaveLength(
      4,
    )
  })

  test('waits as long as it was told, where that is longer than waits are by themselves', async () => {
    const at: number[] = []
    const hourly = flow('hourly', async (run) =>
      run.step('call', { retry: { attempts: 3, delay: '1h' } }, ({ attempt }) => {
        at.push(runtime.time.clock.now())
        if (attempt < 3) throw new Error(`attempt ${attempt}`)
      }),
    )
    await using runtime = await testRuntime({ flows: [hourly] })
    await runtime.start(hourly, undefined)
    await runtime.advance('3h')
    const waits = at.slice(1).map((time, i) => (time - (at[i] ?? 0)) / minute)
    expect(waits).toHaveLength(2)
    for (const wait of waits) {
      expect(wait).toBeGreaterThanOrEqual(45 - 0.001)
      expect(wait).toBeLessThanOrEqual(60.01)
    }
  })

  test('tries at once as often as it was told, where growing waits are beyond all numbers', async () => {
    let calls = 0
    const eager = flow('eager', (run) =>
      run.step('call', { retry: { attempts: 5, delay: 0, factor: 1e200 } }, () => {
        if (++calls < 5) throw new Error(`call ${calls}`)
      }),
    )
    await using runtime = await testRuntime({ flows: [eager] })
    await runtime.result(await runtime.start(eager, undefined))
    expect(calls).toBe(5)
  })

  test('fails with the last error when attempts run out', async () => {
    let calls = 0
    const failing = flow('failing', async (run) =>
      run.step('bad', { retry: { attempts: 3, delay: 10 } }, () => {
        calls++
        throw new Error(`call ${calls}`)
      }),
    )
    await using runtime = await testRuntime({ flows: [failing] })
    const run = await runtime.start(failing, undefined)
    await runtime.advance('1m')
    expect(await runtime.settled(run)).toMatchObject({
      status: 'failed',
      error: {
        name: 'StepError',
        code: 'STEP_FAILED',
        data: { step: 'bad', attempts: 3, cause: { message: 'call 3' } },
      },
    })
    expect(calls).toBe(3)
  })

  test.each<{ readonly name: string; readonly when: NonNullable<RetryPolicy['when']> }>([
    { name: 'says no', when: (error) => (error as Error).message !== 'fatal' },
    {
      name: 'throws itself',
      when: () => {
        throw new Error('policy')
      },
    },
  ])('is not tried again when `when` $name', async ({ when }) => {
    let calls = 0
    const failing = flow('failing', async (run) =>
      run.step('bad', { retry: { attempts: 5, when } }, () => {
        calls++
        throw new Error('fatal')
      }),
    )
    await using runtime = await testRuntime({ flows: [failing] })
    const run = await runtime.start(failing, undefined)
    expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
    expect(calls).toBe(1)
  })

  test('is executed at most once more for each crash, whenever the worker dies', async () => {
    let calls = 0
    const flaky = flow('flaky', async (run) => {
      await run.step('other', () => 0)
      return run.step('flaky', { retry: { attempts: 3, delay: '1s' } }, ({ attempt }) => {
        calls++
        if (attempt < 3) throw new Error('again')
        return attempt
      })
    })
    const report = await crashAtEveryCommit(flaky, undefined, {
      drive: (runtime) => runtime.advance('1h'),
    })
    expect(report.outcomes).toEqual([{ status: 'completed', output: 3 }])
    expect(report.flaws).toEqual([])
    expect(report.executions).toEqual({ other: 1, flaky: 3 })
    expect(report.repeats).toEqual({ other: 1, flaky: 1 })
    expect(calls).toBeGreaterThan(3)
  })
})

describe('a timeout', () => {
  test('aborts the signal and fails the attempt with TIMEOUT', async () => {
    let reason: unknown
    const slow = flow('slow', async (run) =>
      run.step('slow', { timeout: '10s' }, ({ signal }) => {
        signal.addEventListener('abort', () => (reason = signal.reason))
        return new Promise(() => {})
      }),
    )
    await using runtime = await testRuntime({ flows: [slow] })
    const run = await runtime.start(slow, undefined)
    expect(await runtime.settled(run)).toMatchObject({
      status: 'failed',
      error: { code: 'STEP_FAILED', data: { cause: { code: 'TIMEOUT' } } },
    })
    expect(reason).toMatchObject({ code: 'TIMEOUT' })
  })

  test('is retried like any other error, and a quick attempt is not touched by it', async () => {
    const signals: AbortSignal[] = []
    const slow = flow('slow', async (run) =>
      run.step('slow', { timeout: '10s', retry: { attempts: 2, delay: 10 } }, (context) => {
        signals.push(context.signal)
        return context.attempt === 1 ? new Promise<string>(() => {}) : 'quick'
      }),
    )
    await using runtime = await testRuntime({ flows: [slow] })
    const run = await runtime.start(slow, undefined)
    await runtime.advance('1m')
    expect(await runtime.result(run)).toBe('quick')
    expect(signals[0]?.aborted).toBe(true)
  })

  test.each([undefined, 'once'] as const)(
    'calls a thenable that does its work when it is waited for only once (effect: %s)',
    async (effect) => {
      let sent = 0
      const query = {
        // oxlint-disable-next-line unicorn/no-thenable -- as query builders are
        then(_: unknown, reject: (error: Error) => void) {
          sent++
          runtime.time.setTimer(20_000, () => reject(new Error('Connection lost.')))
        },
      } as unknown as Promise<void>
      const lazy = flow('lazy', (run) =>
        run.step('query', { timeout: '10s', ...(effect && { effect }) }, () => query),
      )
      await using runtime = await testRuntime({ flows: [lazy] })
      const run = await runtime.start(lazy, undefined)
      await runtime.advance('1h')
      const { status } = await runtime.settled(run)
      expect(status).toBe(effect ? 'waiting' : 'failed')
      expect(sent).toBe(1)
      expect(runtime.troubles).toEqual([])
    },
  )

  test('does not limit a step that has none: one may take hours and keeps its lease', async () => {
    const long = flow('long', async (run) =>
      run.step(
        'long',
        () =>
          new Promise((resolve) => runtime.time.setTimer(3 * 60 * minute, () => resolve('done'))),
      ),
    )
    await using runtime = await testRuntime({ flows: [long], workers: 2 })
    const run = await runtime.ever.start(long, undefined)
    expect(await runtime.runUntil(run.result(), { within: '2d' })).toBe('done')
    expect(await run.status()).toMatchObject({ overtakes: 0 })
  })
})

describe('keys', () => {
  test('an explicit key identifies the step whatever its name and place', async () => {
    const bodies: string[] = []
    const make = (order: readonly string[]) =>
      flow('keys', async (run) => {
        const values: Record<string, string> = {}
        for (const id of order) {
          values[id] = await run.step(`load ${id}`, { key: id }, () => {
            bodies.push(id)
            return `value of ${id}`
          })
        }
        await run.signal('go')
        return values
      })
    const first = make(['a', 'b'])
    await using runtime = await testRuntime({ flows: [first] })
    const run = await runtime.start(first, undefined)
    expect((await runtime.ledger(run)).map(({ path }) => path).slice(1, 3)).toEqual(['=a', '=b'])
    await runtime.signal(run, 'go')
    expect(await runtime.result(run)).toEqual({ a: 'value of a', b: 'value of b' })
    expect(bodies).toEqual(['a', 'b'])
  })

  test('an explicit key used twice in a scope throws DUPLICATE_KEY, in two scopes it may', async () => {
    const twice = flow('twice', async (run, nested: boolean) => {
      await run.step('one', { key: 'k' }, () => 1)
      return nested
        ? run.scope('inner', (inner) => inner.step('two', { key: 'k' }, () => 2))
        : run.step('two', { key: 'k' }, () => 2)
    })
    await using runtime = await testRuntime({ flows: [twice] })
    const run = await runtime.start(twice, false)
    expect(await runtime.settled(run)).toMatchObject({ error: { code: 'DUPLICATE_KEY' } })
    expect(await runtime.result(await runtime.start(twice, true))).toBe(2)
  })

  test('names may hold anything, up to 200 characters', async () => {
    const names = ['a/b', 'a~2', '=k', '%41', '日本', 'a\nb', '\ud800', ' ', '0', '__proto__']
    const odd = flow('odd', async (run) => {
      const values: string[] = []
      for (const name of [...names, ...names]) values.push(await run.step(name, () => name))
      await run.signal('go')
      return values
    })
    await using runtime = await testRuntime({ flows: [odd] })
    const run = await runtime.start(odd, undefined)
    await runtime.signal(run, 'go')
    expect(await runtime.result(run)).toEqual([...names, ...names])
    const bad = flow('bad', async (run, name: string) => run.step(name, () => 1))
    await runtime.restart({ flows: [bad] })
    for (const name of ['', 'x'.repeat(201)]) {
      const failed = await runtime.start(bad, name)
      expect(await runtime.settled(failed)).toMatchObject({ error: { code: 'BAD_NAME' } })
    }
  })
})

describe('misuse', () => {
  test('a durable operation inside a step body throws NESTED_OPERATION', async () => {
    const nested = flow('nested', async (run) =>
      run.step('outer', async () => {
        await Promise.resolve()
        return run.step('inner', () => 1)
      }),
    )
    await using runtime = await testRuntime({ flows: [nested] })
    const run = await runtime.start(nested, undefined)
    expect(await runtime.settled(run)).toMatchObject({
      error: { code: 'STEP_FAILED', data: { cause: { code: 'NESTED_OPERATION' } } },
    })
  })

  test('misspelt options and missing bodies are refused by name', async () => {
    const wrong = flow('wrong', async (run, call: number) => {
      const calls: (() => unknown)[] = [
        () => run.step('s', { timout: '1s' } as never, () => 1),
        () => run.step('s', { retry: { attempts: 0 } }, () => 1),
        () => run.step('s', { retry: { attempts: 2, factor: 0.5 } }, () => 1),
        () => run.step('s', { timeout: 'soon' as never }, () => 1),
        () => (run.step as unknown as (name: string) => unknown)('s'),
        () => run.map('m', [1], { concurrency: 0 }, () => 1),
        () => run.ask('q', { otherwise: 1 }),
      ]
      await calls[call]?.()
    })
    await using runtime = await testRuntime({ flows: [wrong] })
    const codes: unknown[] = []
    for (let call = 0; call < 7; call++) {
      const settled = await runtime.settled(await runtime.start(wrong, call))
      codes.push(settled.status === 'failed' ? settled.error.code : settled.status)
    }
    expect(codes).toEqual([
      'BAD_OPTION',
      'BAD_OPTION',
      'BAD_OPTION',
      'BAD_DURATION',
      'BAD_OPTION',
      'BAD_OPTION',
      'BAD_OPTION',
    ])
  })

  test('a StepError that is caught is a StepError also when it is served from the ledger', async () => {
    const seen: unknown[] = []
    const caught = flow('caught', async (run) => {
      const error = await run
        .step('bad', () => {
          throw Object.assign(new TypeError('no'), { code: 42, detail: { a: 1n } })
        })
        .catch((thrown: unknown) => thrown)
      seen.push(error)
      await run.signal('go')
      return (error as StepError).cause
    })
    await using runtime = await testRuntime({ flows: [caught] })
    const run = await runtime.start(caught, undefined)
    await runtime.signal(run, 'go')
    const cause = { name: 'TypeError', message: 'no', code: '42', data: { detail: { a: 1n } } }
    expect(await runtime.result(run)).toEqual(cause)
    expect(seen).toHaveLength(2)
    for (const error of seen) {
      expect(error).toBeInstanceOf(StepError)
      expect(error).toMatchObject({ step: 'bad', attempts: 1, code: 'STEP_FAILED', cause })
    }
    expect((seen[0] as Error).message).toBe((seen[1] as Error).message)
  })
})

test.each([
  ['at once', (): never => raise()],
  ['later', async (): Promise<never> => raise()],
])('a body that throws %s what cannot be looked at has failed', async (_, body) => {
  const odd = flow('odd', async (run) => {
    const code = await run
      .step('s', { retry: { attempts: 2, delay: '1ms' } }, body)
      .catch(({ code }: StepError) => code)
    await run.sleep('1d')
    return code
  })
  await using runtime = await testRuntime({ flows: [odd] })
  const run = await runtime.start(odd, undefined)
  await runtime.advance('2d')
  expect(await runtime.result(run)).toBe('STEP_FAILED')
})

function raise(): never {
  const refuse = (): never => {
    throw new Error('Hands off.')
  }
  throw new Proxy({}, { get: refuse, has: refuse, getPrototypeOf: refuse })
}
