/** Values: the same live and replayed, and a clear error for what cannot be kept. */
import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { flow, type Run } from 'everloop'
import { crashAtEveryCommit, testRuntime } from 'everloop/testing'

/** Values that JSON alone would lose or change. */
const odd: readonly unknown[] = [
  undefined,
  null,
  -0,
  Number.NaN,
  Infinity,
  2 ** 53 + 2,
  123n,
  'lone \ud800 surrogate',
  'nul \u0000 and \u2028 \u202e',
  new Date(0),
  new Date(Number.NaN),
  new Map<unknown, unknown>([[{ a: 1 }, new Set([1n])]]),
  new Uint8Array([0, 255]),
  { $: 'date', v: 'not a tag' },
  JSON.parse('{"__proto__":{"polluted":true},"constructor":1}'),
  { a: undefined, list: [undefined, , 1] },
  { nested: { $: { $: 1 } } },
  '"$":"ref","v":[1]',
]

describe('a value', () => {
  test('is the same object shape live and replayed, whatever it is', async () => {
    const seen: unknown[][] = []
    const keeping = flow('keeping', async (run, count: number) => {
      const values: unknown[] = []
      for (let i = 0; i < count; i++) values.push(await run.step('value', () => odd[i]))
      seen.push(values)
      await run.signal('go')
      return values
    })
    await using runtime = await testRuntime({ flows: [keeping] })
    const run = await runtime.start(keeping, odd.length)
    await runtime.signal(run, 'go')
    const output = await runtime.result(run)
    expect(seen).toHaveLength(2)
    expect(seen[1]).toStrictEqual(seen[0])
    expect(output).toStrictEqual(seen[0])
    expect(seen[0]?.slice(0, 9)).toStrictEqual(odd.slice(0, 9))
    expect(Object.hasOwn(seen[0]?.[14] as object, '__proto__')).toBe(true)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  test('that is handed over is a copy: changing it changes nothing that is recorded', async () => {
    const shared = { list: [1] }
    const seen: unknown[] = []
    const copying = flow('copying', async (run) => {
      const value = await run.step('s', () => shared)
      seen.push(value === shared, [...value.list])
      value.list.push(2)
      shared.list.push(3)
      await run.signal('go')
      return value.list.length
    })
    await using runtime = await testRuntime({ flows: [copying] })
    const run = await runtime.start(copying, undefined)
    await runtime.signal(run, 'go')
    await runtime.result(run)
    expect(seen).toEqual([false, [1], false, [1]])
  })

  test('of any kind survives input, step, state, signal, child and output', async () => {
    const echo = flow('echo', async (run, value: unknown) => run.step('s', () => value))
    const through = flow('through', async (run, input: unknown) => {
      const fromStep = await run.step('s', () => input)
      const fromLoop = await run.loop('l', { state: fromStep }, async (turn, state) =>
        turn.turn === 3 ? turn.done(state) : turn.next(state),
      )
      const fromChild = await run.child(echo, fromLoop)
      const fromSignal = await run.signal('value')
      return [input, fromStep, fromLoop, fromChild, fromSignal]
    })
    await using runtime = await testRuntime({ flows: [through, echo] })
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: false,
      withSparseArray: false,
      withTypedArray: false,
      withObjectString: false,
    })
    await fc.assert(
      fc.asyncProperty(anything, async (value) => {
        const run = await runtime.start(through, value)
        await runtime.signal(run, 'value', value)
        const output = await runtime.result(run)
        for (const item of output) expect(item).toEqual(value)
      }),
      { numRuns: 40 },
    )
    await runtime.verify()
  })

  test.each<[string, () => unknown, string]>([
    ['a function', () => () => 1, 'NOT_SERIALISABLE'],
    ['a symbol', () => Symbol('s'), 'NOT_SERIALISABLE'],
    ['a class instance', () => new (class Order {})(), 'NOT_SERIALISABLE'],
    ['a promise in a list', () => [Promise.resolve(1)], 'NOT_SERIALISABLE'],
    [
      'a cycle',
      () => {
        const a: { self?: unknown } = {}
        a.self = a
        return a
      },
      'NOT_SERIALISABLE',
    ],
    [
      'something nested 10,000 levels deep',
      () => Array.from({ length: 10_000 }).reduce<unknown>((inner) => [inner], 1),
      'NOT_SERIALISABLE',
    ],
    [
      'an object whose getter throws',
      () => ({
        get x(): number {
          throw new Error('getter')
        },
      }),
      'NOT_SERIALISABLE',
    ],
  ])(
    'that is %s fails the step without a second attempt, and the run can go on',
    async (_, make, code) => {
      let calls = 0
      const bad = flow('bad', async (run) => {
        const error = await run
          .step('s', { retry: { attempts: 3, delay: 1 } }, () => {
            calls++
            return make()
          })
          .catch((thrown: unknown) => thrown)
        const { cause } = error as { cause: { code?: string; message: string } }
        return [cause.code, cause.message]
      })
      await using runtime = await testRuntime({ flows: [bad] })
      const run = await runtime.start(bad, undefined)
      await runtime.advance('1h')
      const [got, message] = await runtime.result(run)
      expect([got, message]).toEqual([code, expect.any(String)])
      expect(calls).toBe(1)
      await runtime.verify()
    },
  )

  test('beyond 64 MiB is refused with VALUE_TOO_LARGE and a hint at artifacts', async () => {
    const large = flow('large', async (run) => run.step('s', () => 'x'.repeat(65 * 1024 * 1024)))
    await using runtime = await testRuntime({ flows: [large] })
    const run = await runtime.start(large, undefined)
    expect(await runtime.settled(run)).toMatchObject({
      status: 'failed',
      error: {
        data: { cause: { code: 'VALUE_TOO_LARGE', message: expect.stringContaining('artifacts') } },
      },
    })
  })

  test.each<[string, (run: Run) => unknown]>([
    ['output of the run', async () => Symbol('s')],
    ['result of a scope', (run) => run.scope('s', () => Symbol('s'))],
    [
      'state of a loop',
      (run) => run.loop('l', { state: 0 as unknown }, (turn) => turn.next(Symbol('s'))),
    ],
    [
      'first state of a loop',
      (run) => run.loop('l', { state: Symbol('s') }, (turn) => turn.done(1)),
    ],
    ['result of a loop', (run) => run.loop('l', { state: 0 }, (turn) => turn.done(Symbol('s')))],
    ['data of a note', (run) => run.note('n', Symbol('s'))],
    ['input of a step', (run) => run.step('s', { input: Symbol('s') }, () => 1)],
    ['default of a wait', (run) => run.signal('s', { timeout: 1, otherwise: Symbol('s') })],
  ])('that cannot be kept as the %s fails the run with NOT_SERIALISABLE', async (_, body) => {
    const bad = flow('bad', async (run) => body(run))
    await using runtime = await testRuntime({ flows: [bad] })
    const run = await runtime.start(bad, undefined)
    await runtime.advance('1m')
    expect(await runtime.settled(run)).toMatchObject({
      status: 'failed',
      error: { code: 'NOT_SERIALISABLE' },
    })
    await runtime.verify()
  })
})

describe('chance and time', () => {
  test('are the same on every replay, and differ between runs and scopes', async () => {
    const drawing = flow('drawing', async (run) => {
      const draw = (handle: Run): unknown[] => [
        handle.random(),
        handle.random(),
        handle.uuid(),
        handle.now(),
      ]
      const before = draw(run)
      await run.step('s', () => 1)
      const after = draw(run)
      const inner = await run.scope('inner', async (scope) => {
        const first = draw(scope)
        await scope.sleep('1h')
        return [first, draw(scope)]
      })
      await run.signal('go')
      return { before, after, inner, last: draw(run) }
    })
    const outputs = new Set<string>()
    for (const id of ['a', 'b']) {
      await using runtime = await testRuntime({ flows: [drawing] })
      const run = await runtime.start(drawing, undefined, { id })
      await runtime.advance('1h')
      runtime.crash()
      await runtime.settle()
      await runtime.signal(run, 'go')
      const output = await runtime.result(run)
      const numbers = JSON.stringify(output).match(/0\.\d+/g) ?? []
      expect(new Set(numbers).size).toBe(10)
      outputs.add(JSON.stringify(output.before.slice(0, 3)))
    }
    expect(outputs.size).toBe(2)
    const report = await crashAtEveryCommit(
      flow('drawing', async (run) => {
        const all = [run.random(), run.uuid()]
        for (let i = 0; i < 3; i++) {
          await run.step('s', () => i)
          all.push(run.random(), run.uuid())
        }
        return all
      }),
      undefined,
    )
    expect(report.outcomes).toHaveLength(1)
  })

  test('now() is the time of the last outcome that was handed over, not of the clock', async () => {
    const telling = flow('telling', async (run) => {
      const times = [run.now()]
      await run.sleep('1h')
      times.push(run.now())
      const later = await run.step('s', () => run.id)
      times.push(run.now())
      await run.signal('go')
      return [times, later === run.id]
    })
    await using runtime = await testRuntime({ flows: [telling], start: 0 })
    const run = await runtime.start(telling, undefined)
    await runtime.advance('2h')
    await runtime.signal(run, 'go')
    const [times] = (await runtime.result(run)) as [number[], boolean]
    const events = await runtime.ledger(run)
    const timeOf = (kind: string): number => events.find((e) => e.kind === kind)?.time ?? -1
    expect(times).toEqual([0, timeOf('timer.fired'), timeOf('step.completed')])
  })

  test('a uuid is a UUID', async () => {
    const many = flow('many', async (run) => Array.from({ length: 100 }, () => run.uuid()))
    await using runtime = await testRuntime({ flows: [many] })
    const uuids = await runtime.result(await runtime.start(many, undefined))
    expect(new Set(uuids).size).toBe(100)
    for (const uuid of uuids) {
      expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    }
  })
})

describe('beside values', () => {
  test('a note stands in the ledger once', async () => {
    const noting = flow('noting', async (run) => {
      await run.note('begun', { n: 1 })
      await run.note('begun')
      return 'done'
    })
    const report = await crashAtEveryCommit(noting, undefined, {
      drive: async (runtime, run) => {
        await runtime.settle()
        const notes = (await runtime.ledger(run)).filter(({ kind }) => kind === 'note.written')
        expect(notes.map(({ data }) => data)).toEqual([
          { text: 'begun', data: { n: 1 } },
          { text: 'begun' },
        ])
      },
    })
    expect(report.flaws).toEqual([])
  })

  test('artifacts are kept by their content and read again after a crash', async () => {
    const keeping = flow('keeping', async (run) => {
      const text = await run.artifacts.put('report', 'größer')
      const same = await run.artifacts.put('copy', 'größer')
      const bytes = await run.artifacts.put('bytes', new Uint8Array(100_000).fill(7))
      await run.signal('go')
      const read = await run.artifacts.get(bytes)
      return {
        same: text.artifact === same.artifact,
        text: Buffer.from(await run.artifacts.get(text)).toString(),
        size: [text.bytes, bytes.bytes, read.byteLength, read[99_999]],
      }
    })
    const report = await crashAtEveryCommit(keeping, undefined, {
      drive: (runtime, run) => runtime.signal(run, 'go'),
    })
    expect(report.outcomes).toEqual([
      {
        status: 'completed',
        output: { same: true, text: 'größer', size: [8, 100_000, 100_000, 7] },
      },
    ])
    expect(report.flaws).toEqual([])
  })

  test('an artifact that is not there throws UNKNOWN_ARTIFACT', async () => {
    const reading = flow('reading', async (run) =>
      run.artifacts.get({ artifact: 'x', name: 'x', bytes: 1 }),
    )
    await using runtime = await testRuntime({ flows: [reading] })
    const run = await runtime.start(reading, undefined)
    expect(await runtime.settled(run)).toMatchObject({ error: { code: 'UNKNOWN_ARTIFACT' } })
  })

  test('isReplaying is true while recorded outcomes are served, and then no more', async () => {
    const seen: boolean[][] = []
    const asking = flow('asking', async (run) => {
      const told = [run.isReplaying]
      await run.step('a', () => 1)
      told.push(run.isReplaying)
      await run.step('b', () => 1)
      told.push(run.isReplaying)
      seen.push(told)
      await run.signal('go')
      told.push(run.isReplaying)
    })
    await using runtime = await testRuntime({ flows: [asking] })
    const run = await runtime.start(asking, undefined)
    await runtime.signal(run, 'go')
    await runtime.result(run)
    expect(seen.map((told) => told.slice(1))).toEqual([
      [false, false],
      [true, true, false],
    ])
  })
})

test('what is handed over is taken as it is then, whatever the code makes of it before its turn comes', async () => {
  const echo = flow('echo', async (_, input: { readonly n: number }) => input.n)
  const reusing = flow('reusing', async (run) => {
    const job = { n: 0 }
    const asked: Promise<unknown>[] = []
    for (job.n = 1; job.n <= 3; job.n++) {
      asked.push(
        run.child(echo, job),
        run.step('read', { input: job }, ({ n }) => n),
        run.step('once', { input: job, effect: 'once' }, ({ n }) => n),
      )
      void run.note('job', job)
    }
    return Promise.all(asked)
  })
  await using runtime = await testRuntime({ flows: [echo, reusing] })
  const run = await runtime.start(reusing, undefined)
  expect(await runtime.result(run)).toEqual([1, 1, 1, 2, 2, 2, 3, 3, 3])
  const ledger = await runtime.ledger(run)
  expect(ledger.filter(({ kind }) => kind === 'input.drifted')).toEqual([])
  const notes = ledger.filter(({ kind }) => kind === 'note.written')
  expect(notes.map(({ data }) => (data as { data: { n: number } }).data.n)).toEqual([1, 2, 3])
})
