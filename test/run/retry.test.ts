/** Retrying a failed run: what failed is executed again, what was done stays done. */
import { describe, expect, test } from 'vitest'
import { flow, type Run } from 'everloop'
import { crashAtEveryCommit, testRuntime } from 'everloop/testing'

/** A step that fails as long as it is told to, and counts how often it was called. */
interface Fragile {
  broken: boolean
  readonly calls: Record<string, number>
  readonly step: (run: Run, name: string, value: unknown) => Promise<unknown>
}

function fragile(): Fragile {
  const calls: Record<string, number> = {}
  const state: Fragile = {
    broken: true,
    calls,
    step: (run, name, value) =>
      run.step(name, () => {
        calls[name] = (calls[name] ?? 0) + 1
        if (state.broken && name === 'fragile') throw new Error('broken')
        return value
      }),
  }
  return state
}

type Body = (run: Run, step: Fragile['step']) => Promise<unknown>

const bodies: Readonly<
  Record<string, { readonly body: Body; readonly output: unknown; readonly calls: object }>
> = {
  'in the run itself': {
    body: async (run, step) => [await step(run, 'a', 1), await step(run, 'fragile', 2)],
    output: [1, 2],
    calls: { a: 1, fragile: 2 },
  },
  'in a branch of a map': {
    body: async (run, step) =>
      run.map('m', [0, 1, 2], { concurrency: 1 }, async (branch, n) => [
        await step(branch, `a${n}`, n),
        n === 1 ? await step(branch, 'fragile', n) : n,
      ]),
    output: [
      [0, 0],
      [1, 1],
      [2, 2],
    ],
    calls: { a0: 1, a1: 1, fragile: 2, a2: 1 },
  },
  'in a turn of a loop': {
    body: async (run, step) =>
      run.loop('l', { state: [] as unknown[] }, async (turn, got) => {
        const next = [
          ...got,
          await step(turn, `a${turn.turn}`, turn.turn),
          turn.turn === 3 ? await step(turn, 'fragile', 'x') : 'y',
        ]
        return turn.turn === 4 ? turn.done(next) : turn.next(next)
      }),
    output: [1, 'y', 2, 'y', 3, 'x', 4, 'y'],
    calls: { a1: 1, a2: 1, a3: 1, fragile: 2, a4: 1 },
  },
  'with a cleanup behind it': {
    body: async (run, step) => {
      const first = await step(run, 'a', 1)
      try {
        return [first, await step(run, 'fragile', 2)]
      } finally {
        await run.cleanup('tidy', (inner) => inner.note('tidy'))
      }
    },
    output: [1, 2],
    calls: { a: 1, fragile: 2 },
  },
  'deep in nested scopes, loops and maps': {
    body: async (run, step) =>
      run.scope('s', async (scope) => {
        const before = await step(scope, 'before', 0)
        const inner = await scope.loop('l', { state: 0 }, async (turn, n) => {
          const [both] = await turn.all('b', [
            async (branch) => [
              await step(branch, `a${n}`, n),
              n === 1 ? await branch.scope('deep', (deep) => step(deep, 'fragile', 'x')) : 'y',
            ],
          ])
          return n === 1 ? turn.done(both) : turn.next(n + 1)
        })
        return [before, inner, await step(scope, 'after', 9)]
      }),
    output: [0, [1, 'x'], 9],
    calls: { before: 1, a0: 1, a1: 1, fragile: 2, after: 1 },
  },
}

describe('a failed run', () => {
  test.each(Object.keys(bodies))('is retried from its failure %s', async (name) => {
    const { body, output, calls } = bodies[name] as (typeof bodies)[string]
    const part = fragile()
    const failing = flow('failing', async (run) => body(run, part.step))
    await using runtime = await testRuntime({ flows: [failing] })
    const run = await runtime.start(failing, undefined)
    expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
    // As long as it is broken it fails again, and nothing else is executed.
    await runtime.ever.retry(run.id, { by: 'ada' })
    expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
    part.broken = false
    await runtime.ever.retry(run.id)
    expect(await runtime.settled(run)).toEqual({ status: 'completed', output })
    expect(part.calls).toEqual({ ...calls, fragile: 3 })
    await runtime.verify()
  })

  test.each(Object.keys(bodies))(
    'has one outcome after a retry whenever the worker dies, failed %s',
    async (name) => {
      const { body, output } = bodies[name] as (typeof bodies)[string]
      const part = fragile()
      const failing = flow('failing', async (run) => body(run, part.step))
      const report = await crashAtEveryCommit(failing, undefined, {
        prepare: () => (part.broken = true),
        drive: async (runtime, run) => {
          part.broken = false
          await runtime.ever.retry(run.id)
          await runtime.settle()
        },
      })
      expect(report.outcomes).toEqual([{ status: 'completed', output }])
      expect(report.flaws).toEqual([])
    },
  )

  test('that caught its failure and then threw something else executes its code again on the record', async () => {
    let broken = true
    const calls: string[] = []
    const wrapping = flow('wrapping', async (run) => {
      const value = await run.step('s', () => {
        calls.push('s')
        return 1
      })
      if (broken) throw new Error('checked and found wanting')
      return value
    })
    await using runtime = await testRuntime({ flows: [wrapping] })
    const run = await runtime.start(wrapping, undefined)
    await runtime.settled(run)
    broken = false
    await runtime.ever.retry(run.id)
    expect(await runtime.result(run)).toBe(1)
    expect(calls).toEqual(['s'])
  })

  test('whose error was wrapped with a cause is retried at the cause', async () => {
    const part = fragile()
    const wrapping = flow('wrapping', async (run) => {
      try {
        return await part.step(run, 'fragile', 1)
      } catch (cause) {
        throw new Error('could not', { cause })
      }
    })
    await using runtime = await testRuntime({ flows: [wrapping] })
    const run = await runtime.start(wrapping, undefined)
    await runtime.settled(run)
    part.broken = false
    await runtime.ever.retry(run.id)
    expect(await runtime.result(run)).toBe(1)
  })

  test('with a failure in two branches at once completes after retries', async () => {
    const part = fragile()
    const both = flow('both', async (run) =>
      run.all('both', [
        (branch) => part.step(branch, 'fragile', 1),
        (branch) => part.step(branch, 'fragile', 2),
      ]),
    )
    await using runtime = await testRuntime({ flows: [both] })
    const run = await runtime.start(both, undefined)
    await runtime.settled(run)
    part.broken = false
    await runtime.ever.retry(run.id)
    await runtime.settle()
    if ((await run.status()).status === 'failed') await runtime.ever.retry(run.id)
    expect(await runtime.result(run)).toEqual([1, 2])
    await runtime.verify()
  })

  test('that failed at a child starts the child again', async () => {
    const part = fragile()
    const inner = flow('inner', async (run) => part.step(run, 'fragile', 'child'))
    const outer = flow('outer', async (run) => run.child(inner, undefined))
    await using runtime = await testRuntime({ flows: [outer, inner] })
    const run = await runtime.start(outer, undefined)
    expect(await runtime.settled(run)).toMatchObject({ error: { code: 'CHILD_FAILED' } })
    part.broken = false
    await runtime.ever.retry(run.id)
    expect(await runtime.result(run)).toBe('child')
    await runtime.verify()
  })

  test('that was not failed takes no retry', async () => {
    const fine = flow('fine', async () => 1)
    await using runtime = await testRuntime({ flows: [fine] })
    const run = await runtime.start(fine, undefined)
    await expect(runtime.ever.retry(run.id)).rejects.toMatchObject({ code: 'RUN_STATE' })
  })

  test('after its deadline takes no retry, which would not give it more time', async () => {
    const slow = flow('slow', async (run) => run.sleep('2h'))
    await using runtime = await testRuntime({ flows: [slow] })
    const run = await runtime.start(slow, undefined, { deadline: '1h' })
    await runtime.advance('1h')
    expect(await runtime.settled(run)).toMatchObject({ error: { code: 'DEADLINE' } })
    await expect(runtime.ever.retry(run.id)).rejects.toMatchObject({ code: 'RUN_STATE' })
  })
})

test.each(['in the run itself', 'in a scope'])(
  'a retried run says that it waits for a time from before its failure: %s',
  async (place) => {
    const work = fragile()
    const body = async (run: Run): Promise<unknown> => {
      const nap = run.sleep('1h')
      await work.step(run, 'fragile', 1)
      return nap
    }
    const napping = flow('napping', (run) =>
      place === 'in a scope' ? run.scope('inner', body) : body(run),
    )
    await using runtime = await testRuntime({ flows: [napping] })
    const run = await runtime.start(napping, undefined)
    expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
    work.broken = false
    await runtime.advance('10m')
    await runtime.ever.retry(run.id)
    const path = place === 'in a scope' ? 'inner/sleep' : 'sleep'
    expect(await runtime.settled(run)).toMatchObject({
      status: 'waiting',
      on: [{ kind: 'timer', path }],
    })
    await runtime.advance('50m')
    expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  },
)
