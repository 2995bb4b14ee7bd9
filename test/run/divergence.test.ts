/** Code that changed under a run: found before anything is skipped or executed twice. */
import { describe, expect, test } from 'vitest'
import { flow, type Flow, type Run } from 'everloop'
import { testRuntime, type TestRuntime } from 'everloop/testing'

type Body = (run: Run, did: (name: string) => () => string) => Promise<unknown>

/** Starts with one body, goes on with another one, and tells what the second one executed. */
async function changed(
  before: Body,
  after: Body,
  goOn: (runtime: TestRuntime, id: string) => Promise<void> = (runtime, id) =>
    runtime.signal(id, 'go'),
): Promise<{
  readonly runtime: TestRuntime
  readonly executed: string[]
  readonly flowOf: (body: Body) => Flow<unknown, unknown>
}> {
  const executed: string[] = []
  const flowOf = (body: Body): Flow<unknown, unknown> =>
    flow('changing', (run) =>
      body(run, (name) => () => {
        executed.push(name)
        return `value of ${name}`
      }),
    )
  const old = flowOf(before)
  const runtime = await testRuntime({ flows: [old] })
  await runtime.start(old, undefined, { id: 'r' })
  executed.length = 0
  await runtime.restart({ flows: [flowOf(after)] })
  await goOn(runtime, 'r')
  return { runtime, executed, flowOf }
}

const original: Body = async (run, did) => {
  const a = await run.step('a', did('a'))
  const b = await run.step('b', did('b'))
  await run.signal('go')
  return [a, b, await run.step('c', did('c'))]
}

const changes: Readonly<Record<string, { readonly body: Body; readonly shown: RegExp }>> = {
  'a recorded step is missing': {
    body: async (run, did) => {
      const a = await run.step('a', did('a'))
      await run.signal('go')
      return [a, await run.step('c', did('c'))]
    },
    shown: /"b"/,
  },
  'all steps are missing and the code ends': {
    body: async () => 'done',
    shown: /"a"/,
  },
  'a scope without operations was added before': {
    body: async (run, did) => {
      await run.scope('calculation', (inner) => inner.scope('inner', () => 1 + 1))
      return original(run, did)
    },
    shown: /"a"/,
  },
  'a scope that fails without an operation was added before': {
    body: async (run, did) => {
      await run.scope('failing', () => Promise.reject(new Error('no'))).catch(() => 'caught')
      return original(run, did)
    },
    shown: /"a"/,
  },
  'a map of nothing was added between': {
    body: async (run, did) => {
      await run.step('a', did('a'))
      await run.map('each', [], () => 1)
      return original(run, did)
    },
    shown: /"b"/,
  },
  'a loop without operations was added before': {
    body: async (run, did) => {
      await run.loop('count', { state: 0 }, (turn, n) => (n < 5 ? turn.next(n + 1) : turn.done(n)))
      return original(run, did)
    },
    shown: /"a"/,
  },
  'a scope without operations was added before what is waited for': {
    body: async (run, did) => {
      const a = await run.step('a', did('a'))
      const b = await run.step('b', did('b'))
      await run.scope('calculation', () => 1 + 1)
      await run.signal('go')
      return [a, b, await run.step('c', did('c'))]
    },
    shown: /"go"/,
  },
  'a recorded step was renamed': {
    body: async (run, did) => {
      await run.step('a', did('a'))
      await run.step('b2', did('b2'))
      await run.signal('go')
    },
    shown: /"b".*"b2"/,
  },
  'the order was changed': {
    body: async (run, did) => {
      await run.step('b', did('b'))
      await run.step('a', did('a'))
      await run.signal('go')
    },
    shown: /"a"/,
  },
  'a new step comes before recorded ones': {
    body: async (run, did) => {
      await run.step('new', did('new'))
      return original(run, did)
    },
    shown: /"a"/,
  },
  'a step became a question': {
    body: async (run) => {
      await run.step('a', () => 'x')
      await run.signal('b')
      await run.signal('go')
    },
    shown: /step\.completed.*signal/,
  },
  'the wait is gone': {
    body: async (run, did) => {
      await run.step('a', did('a'))
      await run.step('b', did('b'))
      return 'done'
    },
    shown: /"go"/,
  },
  'the code throws before it has asked for everything': {
    body: async () => {
      throw new Error('at once')
    },
    shown: /"a"/,
  },
}

describe('a run whose code has changed', () => {
  test.each(Object.keys(changes))(
    'is paused as DIVERGED and executes nothing when %s',
    async (name) => {
      const { body, shown } = changes[name] as (typeof changes)[string]
      const { runtime, executed, flowOf } = await changed(original, body)
      const run = await runtime.ever.get('r')
      const settled = await runtime.settled(run)
      expect(settled).toMatchObject({ status: 'paused', code: 'DIVERGED' })
      expect(settled).toMatchObject({ message: expect.stringMatching(shown) })
      expect(executed).toEqual([])
      // Both sides are told.
      const paused = (await runtime.ledger('r')).find(({ kind }) => kind === 'run.paused')
      expect(paused?.data).toMatchObject({
        detail: { asked: expect.any(Array), recorded: expect.any(Array) },
      })
      // With the old code back it goes on as if nothing had been.
      await runtime.restart({ flows: [flowOf(original)] })
      await runtime.ever.resume('r')
      expect(await runtime.result(run)).toEqual(['value of a', 'value of b', 'value of c'])
      expect(executed).toEqual(['c'])
      await runtime.verify()
      await runtime.close()
    },
  )

  test('goes on when something was added behind what is recorded', async () => {
    const { runtime, executed } = await changed(original, async (run, did) => {
      await run.step('a', did('a'))
      await run.step('b', did('b'))
      await run.signal('go')
      return [await run.step('c', did('c')), await run.step('d', did('d'))]
    })
    expect(await runtime.result(await runtime.ever.get('r'))).toEqual(['value of c', 'value of d'])
    expect(executed).toEqual(['c', 'd'])
    await runtime.close()
  })

  test('inside a turn that was committed goes on: what is behind is not read again', async () => {
    const loop =
      (name: string): Body =>
      async (run, did) =>
        run.loop('l', { state: 0 }, async (turn, n) => {
          if (n === 2) return turn.done(await turn.signal('go'))
          await turn.step(name, did(name))
          return turn.next(n + 1)
        })
    const { runtime } = await changed(loop('old'), loop('new'))
    expect((await runtime.settled(await runtime.ever.get('r'))).status).toBe('completed')
    await runtime.close()
  })

  test('inside an open branch is paused, and the other branches execute nothing', async () => {
    const branches =
      (name: string): Body =>
      async (run, did) =>
        run.all('both', [
          async (branch) => {
            await branch.step(name, did(name))
            await branch.signal('go')
          },
          async (branch) => {
            await branch.signal('go')
            return branch.step('other', did('other'))
          },
        ])
    const { runtime, executed } = await changed(
      branches('old'),
      branches('new'),
      async (rt, id) => {
        await rt.ever.signal(id, 'go')
        await rt.signal(id, 'go')
      },
    )
    expect(await runtime.settled(await runtime.ever.get('r'))).toMatchObject({ code: 'DIVERGED' })
    expect(executed).toEqual([])
    await runtime.close()
  })

  test('can be cancelled although its code no longer fits', async () => {
    const { runtime, executed } = await changed(original, async () => 'done')
    await runtime.ever.cancel('r', 'new code')
    const settled = await runtime.settled(await runtime.ever.get('r'))
    expect(settled).toEqual({ status: 'cancelled', reason: 'new code' })
    expect(executed).toEqual([])
    await runtime.close()
  })

  test('with another input at a recorded step serves what is recorded and notes the drift once', async () => {
    const drifting =
      (input: string): Body =>
      async (run) => {
        const value = await run.step('s', { input }, (given) => `made of ${given}`)
        await run.signal('go')
        await run.signal('go')
        return value
      }
    const { runtime } = await changed(drifting('old'), drifting('new'))
    await runtime.signal('r', 'go')
    expect(await runtime.result(await runtime.ever.get('r'))).toBe('made of old')
    const drifts = (await runtime.ledger('r')).filter(({ kind }) => kind === 'input.drifted')
    expect(drifts).toHaveLength(1)
    expect(drifts[0]).toMatchObject({ path: 's', data: { of: 2 } })
    await runtime.verify()
    await runtime.close()
  })
})

describe('a version', () => {
  const make = (version: string, answer: string) =>
    flow({
      name: 'versioned',
      version,
      run: async (run: Run) => {
        await run.signal('go')
        return answer
      },
    })

  test('that no worker has leaves its runs ready, and says so', async () => {
    const [one, two] = [make('1', 'one'), make('2', 'two')]
    await using runtime = await testRuntime({ flows: [one] })
    const old = await runtime.start(one, undefined)
    await runtime.restart({ flows: [two] })
    const fresh = await runtime.start(two, undefined)
    await runtime.signal(old, 'go')
    await runtime.signal(fresh, 'go')
    expect(await runtime.result(fresh)).toBe('two')
    expect(await old.status()).toMatchObject({ status: 'ready', version: '1' })
    await runtime.advance('30d')
    expect((await old.status()).status).toBe('ready')
    expect(await runtime.ledger(old)).toHaveLength(2)
  })

  test('stays with its runs while a worker has both', async () => {
    const [one, two] = [make('1', 'one'), make('2', 'two')]
    await using runtime = await testRuntime({ flows: [one] })
    const old = await runtime.start(one, undefined)
    await runtime.restart({ flows: [one, two] })
    const fresh = await runtime.start(two, undefined)
    await runtime.signal(old, 'go')
    await runtime.signal(fresh, 'go')
    expect(await runtime.result(old)).toBe('one')
    expect(await runtime.result(fresh)).toBe('two')
  })

  test('twice in one process is refused', async () => {
    const [one, again] = [make('1', 'one'), make('1', 'again')]
    await expect(testRuntime({ flows: [one, again] })).rejects.toMatchObject({ code: 'BAD_OPTION' })
  })
})

describe('a stalled run', () => {
  test('is paused as STALLED after a minute without an operation, not before', async () => {
    let stuck = true
    const foreign = flow('foreign', async (run) => {
      await run.step('a', () => 1)
      if (stuck) await new Promise(() => {})
      return run.step('b', () => 2)
    })
    await using runtime = await testRuntime({ flows: [foreign] })
    const run = await runtime.ever.start(foreign, undefined)
    await runtime.time.advance('59s')
    expect((await run.status()).status).toBe('running')
    await runtime.time.advance('2s')
    expect(await runtime.settled(run)).toMatchObject({ status: 'paused', code: 'STALLED' })
    stuck = false
    await runtime.ever.resume(run.id)
    expect(await runtime.result(run)).toBe(2)
  })

  test('is none while a step takes long', async () => {
    const long = flow('long', async (run) =>
      run.step(
        'long',
        () => new Promise((resolve) => runtime.time.setTimer(600_000, () => resolve('done'))),
      ),
    )
    await using runtime = await testRuntime({ flows: [long] })
    const run = await runtime.ever.start(long, undefined)
    expect(await runtime.runUntil(run.result())).toBe('done')
  })
})

describe('a wait that the code no longer asks for', () => {
  const asking =
    (name: string): Body =>
    async (run, did) => [await run.signal(name), await run.step('c', did('c'))]

  test('is a divergence when the code asks for something new in its place', async () => {
    const { runtime, executed, flowOf } = await changed(asking('go'), asking('start'), (given) =>
      given.signal('r', 'start'),
    )
    await using _ = runtime
    const run = await runtime.ever.get('r')
    expect(await runtime.settled(run)).toMatchObject({
      status: 'paused',
      code: 'DIVERGED',
      message: expect.stringContaining('"go"'),
    })
    expect(executed).toEqual([])
    expect((await runtime.ledger('r')).map(({ kind }) => kind)).toEqual([
      'run.started',
      'signal.awaited',
      'run.paused',
    ])
    await runtime.restart({ flows: [flowOf(asking('go'))] })
    await runtime.ever.resume('r')
    await runtime.signal('r', 'go', 1)
    expect(await runtime.settled(run)).toEqual({ status: 'completed', output: [1, 'value of c'] })
    await runtime.verify()
  })

  test('is none after a cancel, which the code was told instead', async () => {
    const tidy: Body = async (run, did) => {
      try {
        return await run.signal('go')
      } finally {
        await run.cleanup('tidy', async (inner) => {
          await inner.step('c', did('c'))
          await inner.sleep('1h')
        })
      }
    }
    const { runtime, executed } = await changed(tidy, tidy, (given, id) => given.ever.cancel(id))
    await using _ = runtime
    const run = await runtime.ever.get('r')
    await runtime.advance('2h')
    expect(await runtime.settled(run)).toMatchObject({ status: 'cancelled' })
    expect(executed).toEqual(['c'])
  })
})

test('the body of a loop may change under a run that waits, and read the state of the old one', async () => {
  const old = flow('polls', (run) =>
    run.loop('polls', { state: 0 }, async (turn, count: number) => {
      await turn.signal('go')
      return turn.next(count + 1)
    }),
  )
  const next = flow('polls', (run) =>
    run.loop(
      'polls',
      { state: { count: 0 } as number | { count: number } },
      async (turn, state) => {
        await turn.signal('go')
        const count = typeof state === 'number' ? state : state.count
        const added = await turn.step('count', () => count + 10)
        return added < 20 ? turn.next({ count: added }) : turn.done(added)
      },
    ),
  )
  await using runtime = await testRuntime({ flows: [old] })
  const run = await runtime.start(old, undefined)
  for (let i = 0; i < 3; i++) await runtime.signal(run, 'go')
  await runtime.restart({ flows: [next] })
  await runtime.signal(run, 'go')
  await runtime.signal(run, 'go')
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 23 })
  await runtime.verify()
})

test('two resumes that no worker has taken let a run go on from one pause, not from the next', async () => {
  let key = 'a'
  const changing = flow('changing', async (run) => {
    await run.step(key, () => 1)
    await run.signal('go')
  })
  await using runtime = await testRuntime({ flows: [changing] })
  const run = await runtime.start(changing, undefined, { id: 'r' })
  await runtime.settle()
  await runtime.ever.pause('r')
  await runtime.settle()
  await runtime.stop()
  await runtime.ever.resume('r')
  await runtime.ever.resume('r')
  key = 'b'
  await runtime.restart()
  expect(await runtime.settled(run)).toMatchObject({ status: 'paused', code: 'DIVERGED' })
  const resumed = (await runtime.ledger('r')).filter(({ kind }) => kind === 'run.resumed')
  expect(resumed).toHaveLength(1)
  expect(await runtime.store.messages('r', [])).toEqual([])
})
