/** One exact outcome each, live and after a crash at every boundary: what outlives a suspension. */
import { describe, expect, test } from 'vitest'
import { flow, type Run } from 'everloop'
import { crashAtEveryCommit, testRuntime } from 'everloop/testing'
import { type Row, testOutcomes } from './outcome-table.ts'

const completed = (output: unknown): Row['expected'] => ({ status: 'completed', output })

const turnOfEventLoop = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

const day = 86_400_000

describe('waits', () => {
  testOutcomes([
    {
      name: 'a foreign await beside a question begins again in the pass that has the answer',
      flow: flow('foreign', async (run) => {
        const foreign = async (): Promise<string> => {
          await turnOfEventLoop()
          await turnOfEventLoop()
          return 'foreign'
        }
        return Promise.all([run.ask('Name?'), foreign()])
      }),
      drive: (runtime) => runtime.answer('Name?', 'Ada'),
      expected: completed(['Ada', 'foreign']),
    },
    {
      name: 'work left unfinished at `next` is abandoned, and the ledger says so',
      flow: flow('unfinished', async (run) =>
        run.loop('turns', { state: 0 }, async (turn, n) => {
          if (n === 2) return turn.done('done')
          void turn.step('slow', ({ signal }) => rejectedBy(signal))
          await turn.step('quick', () => 1)
          void turn.sleep('30d')
          return turn.next(n + 1)
        }),
      ),
      drive: async (runtime, run) => {
        await runtime.settle()
        const turns = (await runtime.ledger(run)).filter(({ kind }) => kind === 'turn.committed')
        expect(turns.map(({ data }) => (data as { abandoned?: unknown }).abandoned)).toEqual([
          ['slow', 'sleep'],
          ['slow', 'sleep'],
        ])
      },
      expected: completed('done'),
    },
    {
      name: 'a timer of 60 days fires once, and not before its time',
      flow: flow('sixty days', async (run) => {
        const begun = await run.step('begin', () => 'begun')
        const before = run.now()
        await run.sleep('60d')
        return { begun, slept: run.now() - before >= 60 * day }
      }),
      drive: async (runtime, run) => {
        await runtime.advance('59d')
        expect((await run.status()).status).toBe('waiting')
        await runtime.advance('1d')
        await runtime.advance('1m')
        const fired = (await runtime.ledger(run)).filter(({ kind }) => kind === 'timer.fired')
        expect(fired).toHaveLength(1)
      },
      expected: completed({ begun: 'begun', slept: true }),
    },
    {
      name: 'a date in the past is over at once',
      flow: flow('past', async (run) => {
        await run.until(new Date(0))
        await run.until('2001-01-01T00:00:00Z')
        return 'over'
      }),
      expected: completed('over'),
    },
    {
      name: 'a deadline and an answer that came first: the answer stands',
      flow: flow('deadline', async (run) => {
        const answer = await run.ask('Now?', { timeout: '1h', otherwise: 'too late' })
        await run.sleep('2h')
        return answer
      }),
      drive: async (runtime) => {
        await runtime.advance('30m')
        await runtime.answer('Now?', 'in time')
        await runtime.advance('3h')
      },
      expected: completed('in time'),
    },
    {
      name: 'signals reach a loop in the order in which they were sent, before and after a crash',
      flow: flow('signals', async (run) =>
        run.loop('turns', { state: [] as number[] }, async (turn, got) => {
          const next = [...got, await turn.signal<number>('n')]
          return next.length === 4 ? turn.done(next) : turn.next(next)
        }),
      ),
      drive: async (runtime, run) => {
        await runtime.ever.signal(run.id, 'n', 1)
        await runtime.ever.signal(run.id, 'n', 2)
        await runtime.signal(run, 'n', 3)
        await runtime.signal(run, 'n', 4)
      },
      expected: completed([1, 2, 3, 4]),
    },
  ])
})

test('a timer that came due while every worker was down fires when one is back, once', async () => {
  const sleeper = flow('sleeper', async (run) => {
    await run.sleep('60d')
    return 'awake'
  })
  await using runtime = await testRuntime({ flows: [sleeper] })
  const run = await runtime.start(sleeper, undefined)
  await runtime.stop()
  await runtime.advance('90d')
  expect((await run.status()).status).toBe('ready')
  runtime.addWorker()
  expect(await runtime.result(run)).toBe('awake')
  const kinds = (await runtime.ledger(run)).map(({ kind }) => kind)
  expect(kinds).toEqual(['run.started', 'timer.set', 'timer.fired', 'run.completed'])
})

describe('what belongs to a pass', () => {
  interface Log {
    readonly lines: string[]
  }

  const withUsing = (log: Log) => async (run: Run) => {
    await using own = {
      [Symbol.asyncDispose]: async () => void log.lines.push('disposed'),
    }
    log.lines.push(`made ${own ? 'it' : 'nothing'}`)
    const answer = await run.ask('Go on?')
    log.lines.push('went on')
    return answer
  }

  test('`await using` of the flow is not disposed at a suspension, only when the code goes on', async () => {
    const log: Log = { lines: [] }
    const own = flow('own', withUsing(log))
    await using runtime = await testRuntime({ flows: [own] })
    const run = await runtime.start(own, undefined)
    expect(log.lines).toEqual(['made it'])
    await runtime.advance('1d')
    expect(log.lines).toEqual(['made it'])
    await runtime.answer('Go on?', 'yes')
    expect(await runtime.result(run)).toBe('yes')
    expect(log.lines).toEqual(['made it', 'made it', 'went on', 'disposed'])
  })

  test('run.resource is opened once a pass and closed at its end, in reverse', async () => {
    const lines: string[] = []
    const own = flow('own', async (run) => {
      const open = (name: string): Promise<string> =>
        run.resource(
          name,
          () => {
            lines.push(`open ${name}`)
            return name
          },
          (it) => void lines.push(`close ${it}`),
        )
      const [a, again] = [await open('a'), await open('a')]
      const b = await open('b')
      await run.step('use', () => lines.push(`use ${a} ${again} ${b}`))
      const answer = await run.ask('Go on?')
      return [answer, await open('a')]
    })
    await using runtime = await testRuntime({ flows: [own] })
    const run = await runtime.start(own, undefined)
    expect(lines.splice(0)).toEqual(['open a', 'open b', 'use a a b', 'close b', 'close a'])
    await runtime.answer('Go on?', 'yes')
    expect(await runtime.result(run)).toEqual(['yes', 'a'])
    expect(lines).toEqual(['open a', 'open b', 'close b', 'close a'])
  })

  test('both have one outcome whenever the worker dies', async () => {
    const report = await crashAtEveryCommit(flow('own', withUsing({ lines: [] })), undefined, {
      drive: (runtime) => runtime.answer('Go on?', 'yes'),
    })
    expect(report.outcomes).toEqual([completed('yes')])
    expect(report.flaws).toEqual([])
  })
})

/** A body that only an abort ends. */
const rejectedBy = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error))
  })
