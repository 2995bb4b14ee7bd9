/** One exact outcome each, live and after a crash at every boundary: how runs come to their end. */
import { describe, expect } from 'vitest'
import { flow, type EverloopError } from 'everloop'
import { type Row, testOutcomes } from './outcome-table.ts'

const completed = (output: unknown): Row['expected'] => ({ status: 'completed', output })
const cancelled: Row['expected'] = { status: 'cancelled', reason: 'stop' }

const codeOf = (error: unknown): string => (error as EverloopError).code

const patient = flow('patient', async (run) => {
  try {
    return await run.signal<string>('go')
  } finally {
    await run.cleanup('tidy', (inner) => inner.step('tidy', () => 'tidy'))
  }
})

const quick = flow('quick', async (run, n: number) => run.step('square', () => n * n))

describe('ends', () => {
  testOutcomes([
    {
      name: 'a cancel in the midst of branches, with a cleanup in each',
      flow: flow('branches', async (run) =>
        run.map('m', [1, 2, 3], { concurrency: 2 }, async (branch, n) => {
          try {
            await branch.step('acquire', () => n)
            await branch.sleep('1h')
          } finally {
            await branch.cleanup('release', (inner) => inner.step('release', () => n))
          }
        }),
      ),
      drive: async (runtime, run) => {
        await runtime.ever.cancel(run.id, 'stop')
        await runtime.settle()
      },
      expected: cancelled,
    },
    {
      name: 'a cancel in a turn, with a cleanup around the loop',
      flow: flow('loop', async (run) => {
        try {
          await run.loop('l', { state: 0 }, async (turn, n) => {
            if (n === 2) await turn.ask('Go on?')
            await turn.step('s', () => n)
            return turn.next(n + 1)
          })
        } catch (error) {
          await run.cleanup('report', (inner) => inner.note(codeOf(error)))
          throw error
        }
      }),
      drive: async (runtime, run) => {
        await runtime.ever.cancel(run.id, 'stop')
        await runtime.settle()
        expect(await runtime.ever.questions()).toEqual([])
      },
      expected: cancelled,
    },
    {
      name: 'a cancel that reaches a child and waits for the cleanup of both',
      flow: flow('parent', async (run) => {
        try {
          return await run.child(patient, undefined)
        } finally {
          await run.cleanup('own', (inner) => inner.step('own', () => 'own'))
        }
      }),
      flows: [patient as never],
      drive: async (runtime, run) => {
        await runtime.ever.cancel(run.id, 'stop')
        await runtime.settle()
        const ends = await runtime.ever.list()
        expect(ends.map(({ status }) => status)).toEqual(['cancelled', 'cancelled'])
      },
      expected: cancelled,
    },
    {
      name: 'a deadline in the midst of a sleep',
      flow: flow('deadline', async (run) => {
        const outcome = await run.scope('timed', async (inner) => {
          const first = await inner.signal('go', { timeout: '1h' }).catch(codeOf)
          const second = await inner.ask('Go?', { timeout: '1h' }).catch(codeOf)
          return [first, second]
        })
        return outcome
      }),
      drive: (runtime) => runtime.advance('3h'),
      expected: completed(['EXPIRED', 'EXPIRED']),
    },
    {
      name: 'a step that fails in a race that a child wins, and the child is done once',
      flow: flow('race', async (run) => {
        const square = await run.child(quick, 3)
        const race = await Promise.race([
          run.step('bad', { retry: { attempts: 2, delay: '1h' } }, () => {
            throw new Error('bad')
          }),
          run.child(quick, 4),
        ])
        return [square, race]
      }),
      flows: [quick as never],
      expected: completed([9, 16]),
    },
    {
      name: 'a failure in one branch while others wait, sleep and ask',
      flow: flow('failure', async (run) =>
        run
          .all('all', [
            (branch) => branch.sleep('30d'),
            (branch) => branch.ask('Never?'),
            (branch) => branch.child(patient, undefined),
            async (branch) => {
              await branch.sleep('1h')
              await branch.step('bad', () => {
                throw new Error('bad')
              })
            },
          ])
          .catch(codeOf),
      ),
      flows: [patient as never],
      drive: async (runtime) => {
        await runtime.advance('2h')
        expect(await runtime.ever.questions()).toEqual([])
        expect((await runtime.ever.list({ flow: 'patient' }))[0]?.status).toBe('cancelled')
      },
      expected: completed('STEP_FAILED'),
    },
    {
      name: 'a run that is paused and resumed at each of its waits',
      flow: flow('paused', async (run) => {
        const a = await run.signal('a')
        const b = await run.scope('s', (inner) => inner.signal('b'))
        return [a, b]
      }),
      drive: async (runtime, run) => {
        for (const name of ['a', 'b']) {
          await runtime.ever.pause(run.id)
          await runtime.settle()
          await runtime.ever.signal(run.id, name, name)
          await runtime.ever.resume(run.id)
          await runtime.settle()
        }
      },
      expected: completed(['a', 'b']),
    },
  ])
})
