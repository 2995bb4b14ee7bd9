/** One exact outcome each, live and after a crash at every boundary: the forms that code takes. */
import { describe } from 'vitest'
import { EverloopError, flow, StepError } from 'everloop'
import { type Row, testOutcomes } from './outcome-table.ts'

const failed = (error: unknown): Row['expected'] => ({ status: 'failed', error })
const completed = (output: unknown): Row['expected'] => ({ status: 'completed', output })

const tick = Promise.resolve()

class PaymentError extends Error {
  override readonly name = 'PaymentError'
  readonly code = 'DECLINED'
  readonly cents: number
  constructor(cents: number) {
    super(`declined ${cents}`)
    this.cents = cents
  }
}

describe('promises', () => {
  testOutcomes([
    {
      name: 'a race is won by the outcome that was recorded first, however deep the awaits behind it',
      flow: flow('race', async (run) => {
        const deep = async (): Promise<string> => {
          const value = await run.step('deep', () => 'deep')
          for (let i = 0; i < 20; i++) await tick
          return value
        }
        const shallow = async (): Promise<string> => run.step('shallow', () => 'shallow')
        const both = [deep(), shallow()]
        return [await Promise.race(both), ...(await Promise.all(both))]
      }),
      expected: completed(['deep', 'deep', 'shallow']),
    },
    {
      name: 'a race against a step that fails later goes on with its winner while the run waits',
      flow: flow('loser', async (run) => {
        const winner = await Promise.race([
          run.step('winner', () => 'won'),
          run.step('loser', async () => {
            for (let i = 0; i < 20; i++) await tick
            throw new Error('lost')
          }),
        ])
        return [winner, await run.ask('Go on?')]
      }),
      drive: (runtime) => runtime.answer('Go on?', 'yes'),
      expected: completed(['won', 'yes']),
    },
    {
      name: 'steps of the same name in Promise.all keep their results apart',
      flow: flow('same names', async (run) =>
        Promise.all([1, 2, 3].map((n) => run.step('double', () => n * 2))),
      ),
      expected: completed([2, 4, 6]),
    },
    {
      name: 'Promise.allSettled sees each outcome of its own',
      flow: flow('settled', async (run) => {
        const ends = await Promise.allSettled([
          run.step('good', () => 1),
          run.step('bad', { retry: { attempts: 1 } }, () => {
            throw new PaymentError(5)
          }),
        ])
        return ends.map((end) =>
          end.status === 'fulfilled' ? end.value : (end.reason as StepError).cause,
        )
      }),
      expected: completed([
        1,
        {
          name: 'PaymentError',
          code: 'DECLINED',
          message: 'declined 5',
          data: { cents: 5 },
        },
      ]),
    },
    {
      name: 'an await of something foreign beside a question is executed again after the answer',
      flow: flow('foreign', async (run) => {
        const foreign = async (): Promise<string> => {
          for (let i = 0; i < 100; i++) await tick
          return 'foreign'
        }
        return Promise.all([run.ask('Name?'), foreign()])
      }),
      drive: (runtime) => runtime.answer('Name?', 'Ada'),
      expected: completed(['Ada', 'foreign']),
    },
    {
      name: 'code that waits for an outcome of code beside it gets it in time',
      flow: flow('crossed', async (run) => {
        let hand: (value: number) => void = () => {}
        const handed = new Promise<number>((resolve) => (hand = resolve))
        const make = async (): Promise<void> => hand(await run.step('make', () => 20))
        const use = async (): Promise<number> => {
          const value = await handed
          return run.step('use', () => value + 1)
        }
        return Promise.all([use(), make(), run.ask('Done?')])
      }),
      drive: (runtime) => runtime.answer('Done?', 'yes'),
      expected: completed([21, undefined, 'yes']),
    },
  ])
})

describe('scopes', () => {
  testOutcomes([
    {
      name: 'the handle of the run used inside a turn fails the run with WRONG_SCOPE',
      flow: flow('outer handle', async (run) =>
        run.loop('turns', { state: 0 }, async (turn) =>
          turn.done(await run.step('outer', () => 1)),
        ),
      ),
      expected: failed({
        name: 'EverloopError',
        code: 'WRONG_SCOPE',
        message:
          'The handle of scope "" of run "run" was used inside "turns/1". Use the `run` that the inner function is handed: it shadows the outer one.',
      }),
    },
    ...(['next', 'done'] as const).map((verdict): Row => ({
      name: `what the handle of an outer turn makes, ${verdict}, is refused by an inner loop`,
      flow: flow('outer verdict', async (run) =>
        run.loop('outer', { state: 0 }, async (outer) => {
          await outer.step('before', () => 1)
          return outer.done(
            await outer.loop('inner', { state: 0 }, async (inner, n) => {
              await inner.step('within', () => 2)
              if (inner.turn === 3) return inner.done(0)
              return n === 0 ? inner.next(1) : outer[verdict](7)
            }),
          )
        }),
      ),
      expected: failed({
        name: 'EverloopError',
        code: 'WRONG_SCOPE',
        message:
          'Turn 2 of loop "outer/1/inner" in run "run" returned what the handle of turn "outer/1" made. Return run.next(…) or run.done(…) of the `run` that the body of this loop is handed for this turn. To decide on the outer turn, end this loop with its own run.done(…), and return what the outer handle makes from the body of the outer loop.',
      }),
    })),
    {
      name: 'the inner loop can tell the outer turn what to do',
      flow: flow('told', async (run) =>
        run.loop('outer', { state: 0 }, async (outer, n) => {
          const isOver = await outer.loop('inner', { state: 0 }, (inner) => inner.done(n === 1))
          return isOver ? outer.done('over') : outer.next(n + 1)
        }),
      ),
      expected: completed('over'),
    },
    {
      name: 'next and done can be taken off their handle',
      flow: flow('taken off', async (run) =>
        run.loop('turns', { state: 0 }, async (turn, n) => {
          const off = <Name extends 'next' | 'done'>(name: Name): (typeof turn)[Name] =>
            Reflect.get(turn, name)
          return n === 1 ? off('done')(n) : off('next')(n + 1)
        }),
      ),
      expected: completed(1),
    },
    {
      name: 'loops inside loops keep their own state',
      flow: flow('nested', async (run) =>
        run.loop('outer', { state: { i: 0, sums: [] as number[] } }, async (outer, state) => {
          const sum = await outer.loop('inner', { state: { j: 0, sum: 0 } }, async (inner, own) => {
            const n = await inner.step('add', () => (state.i + 1) * (own.j + 1))
            const next = { j: own.j + 1, sum: own.sum + n }
            return next.j === 2 ? inner.done(next.sum) : inner.next(next)
          })
          const next = { i: state.i + 1, sums: [...state.sums, sum] }
          return next.i === 3 ? outer.done(next.sums) : outer.next(next)
        }),
      ),
      expected: completed([3, 6, 9]),
    },
    {
      name: 'a map inside a turn is a scope of that turn',
      flow: flow('map in turn', async (run) =>
        run.loop('turns', { state: [1, 2] }, async (turn, items) => {
          const doubled = await turn.map('double', items, { concurrency: 1 }, (branch, n) =>
            branch.step('one', () => n * 2),
          )
          return turn.turn === 3 ? turn.done(doubled) : turn.next(doubled)
        }),
      ),
      expected: completed([8, 16]),
    },
    {
      name: 'four loops side by side, one blocked on a signal, all end',
      flow: flow('four loops', async (run) =>
        run.map('loops', [0, 1, 2, 3], (branch, n) =>
          branch.loop('count', { state: 0 }, async (turn, count) => {
            const got = await (n === 2 && count === 1
              ? turn.signal<number>('go')
              : turn.step('one', () => 1))
            return count === 3 ? turn.done(count + got) : turn.next(count + got)
          }),
        ),
      ),
      drive: async (runtime, run) => runtime.signal(run, 'go', 1),
      expected: completed([4, 4, 4, 4]),
    },
    {
      name: 'a turn that changes its state in place fails the run with a TypeError',
      flow: flow('in place', async (run) =>
        run.loop('turns', { state: { items: [1] } }, async (turn, state) => {
          await turn.step('one', () => 1)
          state.items.push(2)
          return turn.done(state.items)
        }),
      ),
      expected: failed({
        name: 'TypeError',
        message: 'Cannot add property 1, object is not extensible',
      }),
    },
    {
      name: 'a turn that depends on a closure pauses the run with HIDDEN_STATE',
      flow: flow('closure', async (run) => {
        const seen: number[] = []
        return run.loop('turns', { state: { count: 0 } }, async (turn, state) => {
          seen.push(await turn.step('one', () => 1))
          return state.count === 5
            ? turn.done(seen.length)
            : turn.next({ count: Math.min(5, state.count + seen.length) })
        })
      }),
      expected: { status: 'paused', code: 'HIDDEN_STATE' },
    },
  ])
})

describe('errors', () => {
  testOutcomes([
    {
      name: 'an error of the user reaches the flow as a StepError with its name, code, message and data',
      flow: flow('custom error', async (run) => {
        try {
          await run.step('pay', () => {
            throw new PaymentError(1200)
          })
        } catch (error) {
          const { name, code, message, step, attempts, cause } = error as StepError
          return {
            isStepError: error instanceof StepError,
            isError: EverloopError.is(error),
            isOriginal: (error as StepError).cause instanceof PaymentError,
            fields: { name, code, message, step, attempts, cause },
          }
        }
        return 'no error'
      }),
      expected: completed({
        isStepError: true,
        isError: true,
        isOriginal: false,
        fields: {
          name: 'StepError',
          code: 'STEP_FAILED',
          message: 'Step "pay" failed after 1 attempt: PaymentError: declined 1200',
          step: 'pay',
          attempts: 1,
          cause: {
            name: 'PaymentError',
            code: 'DECLINED',
            message: 'declined 1200',
            data: { cents: 1200 },
          },
        },
      }),
    },
    {
      name: 'an error that leaves a branch keeps what it was',
      flow: flow('branch error', async (run) =>
        run.map('branches', [1], (branch) =>
          branch.step('pay', () => {
            throw new PaymentError(7)
          }),
        ),
      ),
      expected: failed({
        name: 'StepError',
        code: 'STEP_FAILED',
        message: 'Step "branches/0/pay" failed after 1 attempt: PaymentError: declined 7',
        data: {
          step: 'branches/0/pay',
          attempts: 1,
          cause: {
            name: 'PaymentError',
            code: 'DECLINED',
            message: 'declined 7',
            data: { cents: 7 },
          },
        },
      }),
    },
    {
      name: 'something thrown that is no error fails the run in words',
      flow: flow('thrown text', async (run) => {
        await run.step('one', () => 1)
        throw 'enough'
      }),
      expected: failed({
        name: 'NonError',
        message: 'Not an error was thrown: enough',
        data: 'enough',
      }),
    },
  ])
})
