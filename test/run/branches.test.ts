/** Branches and scopes: concurrency, results, failures and what they leave behind. */
import { describe, expect, test } from 'vitest'
import { flow, StepError } from 'everloop'
import { crashAtEveryCommit, testRuntime } from 'everloop/testing'

/** A body that only an abort ends, telling why. */
const untilAborted = (signal: AbortSignal, onAbort: (reason: unknown) => void): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      onAbort(signal.reason)
      reject(signal.reason as Error)
    })
  })

test.each(['map', 'all'] as const)('%s says which of the two has no such option', async (name) => {
  const misspelt = flow('misspelt', (run) => {
    const options = { concurency: 1 } as never
    return name === 'map' ? run.map('m', [1], options, () => 1) : run.all('a', [() => 1], options)
  })
  await using runtime = await testRuntime({ flows: [misspelt] })
  expect(await runtime.settled(await runtime.start(misspelt, undefined))).toMatchObject({
    error: { code: 'BAD_OPTION', message: expect.stringMatching(`^run.${name} has no option`) },
  })
})

describe('map', () => {
  test('executes as many branches at a time as it is told, and keeps the order of the items', async () => {
    let active = 0
    let most = 0
    const mapping = flow('mapping', async (run, concurrency: number) =>
      run.map('each', [30, 10, 20, 5, 1], { concurrency }, (branch, ms, index) =>
        branch.step('wait', async () => {
          most = Math.max(most, ++active)
          await new Promise<void>((resolve) => runtime.time.setTimer(ms, resolve))
          active--
          return `${index}:${ms}`
        }),
      ),
    )
    await using runtime = await testRuntime({ flows: [mapping] })
    for (const concurrency of [1, 2, 5, 50]) {
      most = 0
      const run = await runtime.start(mapping, concurrency)
      expect(await runtime.result(run)).toEqual(['0:30', '1:10', '2:20', '3:5', '4:1'])
      expect(most).toBe(Math.min(concurrency, 5))
    }
  })

  test('of no items is an empty list, and is recorded', async () => {
    const none = flow('none', async (run) => run.map('each', [], () => 1))
    await using runtime = await testRuntime({ flows: [none] })
    const run = await runtime.start(none, undefined)
    expect(await runtime.result(run)).toEqual([])
    expect((await runtime.ledger(run)).map(({ kind }) => kind)).toEqual([
      'run.started',
      'scope.closed',
      'run.completed',
    ])
  })

  test('fails with its first failing branch, aborts the others and records what it abandoned', async () => {
    const aborted: unknown[] = []
    const begun: number[] = []
    const failing = flow('failing', async (run) => {
      const error = await run
        .map('each', [0, 1, 2, 3, 4], { concurrency: 3 }, async (branch, n) => {
          begun.push(n)
          if (n === 1) {
            return branch.step('bad', async () => {
              await new Promise<void>((resolve) => runtime.time.setTimer(10, resolve))
              throw new Error('branch 1')
            })
          }
          return branch.step('slow', ({ signal }) =>
            untilAborted(signal, (reason) => aborted.push(reason)),
          )
        })
        .catch((thrown: unknown) => thrown)
      await run.signal('go')
      return [error instanceof StepError, (error as StepError).step]
    })
    await using runtime = await testRuntime({ flows: [failing] })
    const run = await runtime.start(failing, undefined)
    expect(begun).toEqual([0, 1, 2])
    expect(aborted).toHaveLength(2)
    const closing = (await runtime.ledger(run)).find(({ path }) => path === 'each')
    expect(closing).toMatchObject({
      kind: 'scope.failed',
      data: { error: { code: 'STEP_FAILED' }, abandoned: ['0', '2', '0/slow', '2/slow'] },
    })
    await runtime.signal(run, 'go')
    expect(await runtime.result(run)).toEqual([true, 'each/1/bad'])
    // Served from the record: the second pass executes no branch.
    expect(begun).toEqual([0, 1, 2])
  })

  test('that is interrupted executes only the branches that had not ended', async () => {
    const mapping = flow('mapping', async (run) =>
      run.map('each', [0, 1, 2, 3], { concurrency: 2 }, async (branch, n) => {
        const a = await branch.step('a', () => n)
        return a + (await branch.step('b', () => n))
      }),
    )
    const report = await crashAtEveryCommit(mapping, undefined)
    expect(report.outcomes).toEqual([{ status: 'completed', output: [0, 2, 4, 6] }])
    expect(report.flaws).toEqual([])
    expect(Object.values(report.repeats).every((more) => more === 1)).toBe(true)
  })
})

describe('all', () => {
  test('returns each branch its own way, in the order of the branches', async () => {
    const both = flow('both', async (run) =>
      run.all('both', [
        (branch) => branch.step('text', () => 'text'),
        async (branch) => {
          await branch.sleep('1h')
          return 42
        },
        () => null,
      ]),
    )
    const report = await crashAtEveryCommit(both, undefined, {
      drive: (runtime) => runtime.advance('2h'),
    })
    expect(report.outcomes).toEqual([{ status: 'completed', output: ['text', 42, null] }])
    expect(report.flaws).toEqual([])
  })
})

describe('scope', () => {
  test('is a unit: its result is recorded and its inside is not executed again', async () => {
    let executed = 0
    const scoped = flow('scoped', async (run) => {
      const value = await run.scope('unit', async (inner) => {
        executed++
        const a = await inner.step('a', () => 1)
        return inner.scope('inner unit', async (deep) => a + (await deep.step('b', () => 2)))
      })
      await run.signal('go')
      return value
    })
    await using runtime = await testRuntime({ flows: [scoped] })
    const run = await runtime.start(scoped, undefined)
    await runtime.signal(run, 'go')
    expect(await runtime.result(run)).toBe(3)
    expect(executed).toBe(1)
    expect(await runtime.store.openScopes(run.id)).toEqual([])
  })

  test('of the same name twice are two scopes', async () => {
    const twice = flow('twice', async (run) => {
      const unit = (n: number) => run.scope('unit', (inner) => inner.step('s', () => n))
      return [await unit(1), await unit(2)]
    })
    const report = await crashAtEveryCommit(twice, undefined)
    expect(report.outcomes).toEqual([{ status: 'completed', output: [1, 2] }])
    expect(Object.keys(report.executions)).toEqual(['unit/s', 'unit~2/s'])
  })

  test('that throws hands the same error to the code, live and from the record', async () => {
    const seen: unknown[] = []
    const failing = flow('failing', async (run) => {
      const error = await run
        .scope('unit', () => {
          throw Object.assign(new RangeError('too far'), { limit: 3 })
        })
        .catch((thrown: unknown) => thrown)
      const { name, message, code, cause } = error as Error & { code: string }
      seen.push({ name, message, code, cause })
      await run.signal('go')
      return 'done'
    })
    await using runtime = await testRuntime({ flows: [failing] })
    const run = await runtime.start(failing, undefined)
    await runtime.signal(run, 'go')
    await runtime.result(run)
    expect(seen).toHaveLength(2)
    expect(seen[1]).toEqual(seen[0])
    expect(seen[0]).toMatchObject({
      code: 'SCOPE_FAILED',
      cause: { name: 'RangeError', message: 'too far', data: { limit: 3 } },
    })
  })

  test('whose handle escapes takes nothing any more after its end', async () => {
    const escaping = flow('escaping', async (run) => {
      let escaped: { step: typeof run.step } | undefined
      await run.scope('unit', async (inner) => {
        escaped = inner
        await inner.step('a', () => 1)
      })
      await escaped?.step('late', () => 2)
      return 'went on'
    })
    await using runtime = await testRuntime({ flows: [escaping] })
    const run = await runtime.start(escaping, undefined)
    expect(await runtime.settled(run)).toMatchObject({
      status: 'failed',
      error: { code: 'WRONG_SCOPE' },
    })
  })

  test('nested too deeply fails with a clear error, and not with a broken ledger', async () => {
    const deep = flow('deep', async (run) => {
      const nest = async (inner: typeof run, depth: number): Promise<number> =>
        inner.scope('a level of some depth', (next) => nest(next, depth + 1))
      return nest(run, 0)
    })
    await using runtime = await testRuntime({ flows: [deep] })
    const run = await runtime.start(deep, undefined)
    expect(await runtime.settled(run)).toMatchObject({
      status: 'failed',
      error: { code: 'BAD_NAME' },
    })
    await runtime.verify()
  })
})
