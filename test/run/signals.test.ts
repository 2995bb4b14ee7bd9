/** Signals: buffered in order, delivered once, timed out, refused. */
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { EverloopError } from 'everloop'
import { flow, type Run } from 'everloop'
import { crashAtEveryCommit, testRuntime } from 'everloop/testing'

describe('a signal', () => {
  test('sent before anybody waits is kept, in the order of sending, per name', async () => {
    const late = flow('late', async (run) => {
      await run.sleep('1h')
      const a = [await run.signal('a'), await run.signal('a')]
      const b = await run.signal('b')
      return [...a, b]
    })
    await using runtime = await testRuntime({ flows: [late] })
    const run = await runtime.start(late, undefined)
    for (const [name, value] of [
      ['b', 1],
      ['a', 2],
      ['a', 3],
      ['a', 4],
    ] as const) {
      await runtime.signal(run, name, value)
    }
    await runtime.advance('1h')
    expect(await runtime.result(run)).toEqual([2, 3, 1])
  })

  test('goes to one waiter each when several wait for the name, the first asked first', async () => {
    const two = flow('two', async (run) => Promise.all([run.signal('n'), run.signal('n')]))
    const report = await crashAtEveryCommit(two, undefined, {
      drive: async (runtime, run) => {
        await runtime.ever.signal(run.id, 'n', 'first')
        await runtime.ever.signal(run.id, 'n', 'second')
        await runtime.settle()
      },
    })
    expect(report.outcomes).toEqual([{ status: 'completed', output: ['first', 'second'] }])
    expect(report.flaws).toEqual([])
  })

  test('with an id is applied once, however often it is sent, also after it was taken', async () => {
    const two = flow('two', async (run) => [await run.signal('n'), await run.signal('n')])
    await using runtime = await testRuntime({ flows: [two] })
    const run = await runtime.start(two, undefined)
    await runtime.ever.signal(run.id, 'n', 1, { id: 'hook-1', by: 'shop' })
    await runtime.settle()
    await runtime.ever.signal(run.id, 'n', 1, { id: 'hook-1' })
    await runtime.settle()
    expect((await run.status()).status).toBe('waiting')
    await runtime.ever.signal(run.id, 'n', 2, { id: 'hook-2' })
    expect(await runtime.result(run)).toEqual([1, 2])
    const [received] = (await runtime.ledger(run)).filter(({ kind }) => kind === 'signal.received')
    expect(received?.data).toEqual({ value: 1, id: 'hook-1', by: 'shop' })
  })

  test('many at once are all taken, in order', async () => {
    const many = flow('many', async (run) =>
      run.loop('take', { state: [] as number[] }, async (turn, got) => {
        const next = [...got, await turn.signal<number>('n')]
        return next.length === 100 ? turn.done(next) : turn.next(next)
      }),
    )
    await using runtime = await testRuntime({ flows: [many] })
    const run = await runtime.start(many, undefined)
    const sent = Array.from({ length: 100 }, (_, n) => n)
    for (const n of sent) await runtime.ever.signal(run.id, 'n', n)
    expect(await runtime.result(run)).toEqual(sent)
  })

  test('that does not come in time ends with `otherwise`, or with EXPIRED', async () => {
    const timed = flow('timed', async (run) => {
      const first = await run.signal('n', { timeout: '1h', otherwise: 'nothing' })
      const second = await run
        .signal('n', { timeout: '2h' })
        .catch((error: EverloopError) => error.code)
      return [first, second, await run.signal('n')]
    })
    await using runtime = await testRuntime({ flows: [timed] })
    const run = await runtime.start(timed, undefined)
    await runtime.advance('59m')
    expect(await runtime.settled(run)).toMatchObject({ on: [{ path: 'n' }] })
    await runtime.advance('1m')
    expect(await runtime.settled(run)).toMatchObject({ on: [{ path: 'n~2' }] })
    await runtime.advance('2h')
    // What comes too late is for the next one who asks.
    await runtime.signal(run, 'n', 'late')
    expect(await runtime.result(run)).toEqual(['nothing', 'EXPIRED', 'late'])
  })

  test.each<[string, (run: Run, otherwise: unknown) => Promise<unknown>]>([
    ['signal', (run, otherwise) => run.signal('n', { timeout: 1, otherwise })],
    ['question', (run, otherwise) => run.ask('Now?', { timeout: 1, otherwise })],
  ])(
    'of a %s that does not come: `otherwise` is as it was given, live and on replay',
    async (_, wait) => {
      class Mine extends Error {
        readonly extra = 1
      }
      const seen: unknown[] = []
      const waiting = flow('waiting', async (run) => {
        const otherwise = {
          n: 1,
          error: new Mine('m'),
          bytes: Buffer.from('hi'),
          list: [1, undefined],
        }
        const waited = wait(run, otherwise)
        otherwise.n++
        otherwise.list.push(3)
        const got = (await waited) as typeof otherwise
        seen.push([
          got === otherwise,
          got.n,
          got.error instanceof Mine,
          got.bytes.constructor.name,
          got.list,
        ])
        got.n = 9
        await run.signal('go')
        return 'over'
      })
      await using runtime = await testRuntime({ flows: [waiting] })
      const run = await runtime.start(waiting, undefined)
      await runtime.signal(run, 'go')
      expect(await runtime.result(run)).toBe('over')
      const asGiven = [false, 1, false, 'Uint8Array', [1, undefined]]
      expect(seen).toEqual([asGiven, asGiven])
    },
  )

  test('that came in time wins over a deadline that passed while every worker was down', async () => {
    const timed = flow('timed', async (run) =>
      run.signal('n', { timeout: '1h', otherwise: 'nothing' }),
    )
    await using runtime = await testRuntime({ flows: [timed] })
    const run = await runtime.start(timed, undefined)
    await runtime.stop()
    await runtime.advance('30m')
    await runtime.ever.signal(run.id, 'n', 'in time')
    await runtime.advance('2h')
    runtime.addWorker()
    expect(await runtime.result(run)).toBe('in time')
  })

  test('that reaches the store just before the expiry does wins over it', async () => {
    const timed = flow('timed', async (run) =>
      run.signal('n', { timeout: '1h', otherwise: 'nothing' }),
    )
    let sent = false
    await using runtime = await testRuntime({
      flows: [timed],
      onCall: async ({ method, args }, proceed) => {
        const { unlessNewerThan } = (args[0] ?? {}) as { unlessNewerThan?: number }
        if (method === 'append' && unlessNewerThan !== undefined && !sent) {
          sent = true
          await runtime.ever.signal('r', 'n', 'just in time')
        }
        return proceed()
      },
    })
    const run = await runtime.start(timed, undefined, { id: 'r' })
    await runtime.advance('1h')
    expect(await runtime.result(run)).toBe('just in time')
    expect(sent).toBe(true)
  })

  test('that does not fit the schema is refused with an entry, and the wait goes on', async () => {
    const strict = flow('strict', async (run) => run.signal('n', { schema: z.number().min(5) }))
    const report = await crashAtEveryCommit(strict, undefined, {
      drive: async (runtime, run) => {
        await runtime.settle()
        await runtime.ever.signal(run.id, 'n', 3)
        await runtime.ever.signal(run.id, 'n', 'x')
        await runtime.signal(run, 'n', 6)
        const refused = (await runtime.ledger(run)).filter(({ kind }) => kind === 'signal.refused')
        expect(refused).toHaveLength(2)
      },
    })
    expect(report.outcomes).toEqual([{ status: 'completed', output: 6 }])
    expect(report.flaws).toEqual([])
  })

  test('reaches the code as what its schema makes of it', async () => {
    const parsed = flow('parsed', async (run) => {
      const date = await run.signal('when', { schema: z.coerce.date() })
      await run.signal('go')
      return [date instanceof Date, date]
    })
    await using runtime = await testRuntime({ flows: [parsed] })
    const run = await runtime.start(parsed, undefined)
    await runtime.signal(run, 'when', '2026-01-01T00:00:00Z')
    await runtime.signal(run, 'go')
    expect(await runtime.result(run)).toEqual([true, new Date('2026-01-01T00:00:00Z')])
  })

  test.each([
    ['ID', 'id'],
    ['iid', 'id'],
    ['BY', 'by'],
  ])('with the misspelt option "%s" is told the nearest: "%s"', async (given, meant) => {
    await using runtime = await testRuntime()
    await expect(
      runtime.ever.signal('r', 'go', 1, { [given]: 'x' } as never),
    ).rejects.toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringContaining(`no option "${given}". Did you mean "${meant}"?`),
    })
  })

  test('to nobody, or without a name, is refused', async () => {
    const waiting = flow('waiting', async (run) => run.signal('go'))
    await using runtime = await testRuntime({ flows: [waiting] })
    const run = await runtime.start(waiting, undefined)
    await expect(runtime.ever.signal('nobody', 'x')).rejects.toMatchObject({ code: 'UNKNOWN_RUN' })
    await expect(runtime.ever.signal(run.id, '')).rejects.toMatchObject({ code: 'BAD_NAME' })
    await expect(runtime.ever.signal(run.id, 'go', () => 1)).rejects.toMatchObject({
      code: 'NOT_SERIALISABLE',
    })
  })
})
