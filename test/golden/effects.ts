/** More flows whose ledgers are kept: effects, doubts and compensation, and what people do to runs. */
import { NotDone } from '../../src/base/errors.ts'
import { action, flow } from '../../src/run/index.ts'
import type { TestRuntime } from '../../src/testing/index.ts'

const cancelHotel = action('cancel hotel', ({ id }: { id: string }) => `cancelled ${id}`)
const cancelFlight = action({
  name: 'cancel flight',
  retry: { attempts: 2, delay: '1m' },
  run: (_input: { id: string }) => {
    throw new Error('The airline does not answer.')
  },
})
const cancelCar = action({
  name: 'cancel car',
  retry: { attempts: 2, delay: '1m' },
  run: ({ id }: { id: string }, { attempt }) => {
    if (attempt === 1) throw new Error('Not yet.')
    return `cancelled ${id}`
  },
})

const effects = flow('effects', async (run) => {
  const first = await run.step('pay', { effect: 'once', input: { cents: 900 } }, () => 'paid')
  const again = await run.step(
    'pay again',
    { effect: 'once', retry: { attempts: 2, delay: '1m' } },
    ({ attempt }) => {
      if (attempt === 1) throw new NotDone('The bank was closed.')
      return 'paid later'
    },
  )
  const doubted = await run.step('wire', { effect: 'once', input: 1 }, (): string => {
    throw new Error('The line broke.')
  })
  const failed = await run
    .step('fax', { effect: 'once' }, (): string => {
      throw new Error('No paper.')
    })
    .catch(String)
  const booked = await run.step(
    'book',
    { effect: 'idempotent', input: 7, undo: { action: cancelHotel, input: { id: 'h7' } } },
    (n) => `room ${n}`,
  )
  return { first, again, doubted, failed, booked }
})

const undone = flow({
  name: 'undone',
  actions: [cancelHotel, cancelFlight, cancelCar],
  run: async (run) => {
    await run.undo(cancelHotel, { id: 'h1' })
    for (const undo of [cancelFlight, cancelCar] as const) {
      const options = { effect: 'idempotent', undo: { action: undo, input: { id: 'x' } } } as const
      await run.step('book', options, () => 'booked')
    }
    await run.step('pay', () => {
      throw new Error('The card was refused.')
    })
  },
})

const people = flow('people', async (run) => {
  await run.title('Asking people')
  const number = { schema: whole } as const
  const sent = await run.signal('count', number)
  const answer = await run.ask('How many?', number)
  const silent = await run.ask('Anybody?', { timeout: '1h' }).catch(String)
  const child = await run.child(refused, 'x').catch(String)
  return { sent, answer, silent, child }
})

const whole = {
  '~standard': {
    version: 1,
    vendor: 'golden',
    validate: (value: unknown) =>
      typeof value === 'number' ? { value } : { issues: [{ message: 'Expected a number.' }] },
  },
} as const

const refused = flow('refused', (_run, input: string) => {
  throw new Error(`Not with ${input}.`)
})

/** Fails once in each test runtime that writes it. */
let isFirst = true
const retried = flow('retried', async (run) => {
  const values = await run.map('work', [1, 2], (inner, n) => inner.step('work', () => n))
  const risky = await run.scope('risky', (inner) =>
    inner.step('risky', () => {
      const wasFirst = isFirst
      isFirst = false
      if (wasFirst) throw new Error('Not today.')
      return 'well'
    }),
  )
  return { values, risky }
})

const answerDoubt = async (runtime: TestRuntime, answer: object): Promise<void> => {
  await runtime.advance('2m')
  const [question] = await runtime.ever.questions()
  await runtime.ever.answer(question?.id ?? '', answer, { by: 'Ann' })
  await runtime.settle()
}

/** By name, as in flows.ts. */
export const goldenEffects = {
  effects: {
    flow: effects,
    drive: async (runtime: TestRuntime): Promise<void> => {
      await answerDoubt(runtime, { verdict: 'done', result: 'wired' })
      await answerDoubt(runtime, { verdict: 'fail', reason: 'Nobody knows.' })
    },
  },
  undone: { flow: undone, drive: (runtime: TestRuntime) => runtime.advance('10m') },
  people: {
    flow: people,
    drive: async (runtime: TestRuntime): Promise<void> => {
      await runtime.ever.pause('people', 'Lunch.', { by: 'Ann' })
      await runtime.settle()
      await runtime.ever.resume('people', { by: 'Bob' })
      await runtime.settle()
      await runtime.signal('people', 'count', 'many')
      await runtime.signal('people', 'count', 3)
      await runtime.answer('How many?', 'none')
      await runtime.answer('How many?', 4)
      await runtime.advance('2h')
    },
  },
  retried: {
    flow: retried,
    drive: async (runtime: TestRuntime): Promise<void> => {
      await runtime.ever.retry('retried', { by: 'Ann' })
      await runtime.settle()
    },
  },
} as const

/** Flows that the others start. */
export const flowsBelow = [refused] as const
