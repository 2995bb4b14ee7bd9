/** A store in trouble: replies that get lost, calls that fail, and what becomes of the runs. */
import { describe, expect, test } from 'vitest'
import { EverloopError, flow, open } from 'everloop'
import { type Interceptor, type StoreCall, testRuntime } from 'everloop/testing'

const unavailable = (): EverloopError =>
  new EverloopError('STORE_UNAVAILABLE', 'The store cannot be reached.')

/** Lets the n-th, 2n-th … call of a method fail: before it happened, or after. */
function failing(
  methods: readonly StoreCall['method'][],
  { every, executed }: { readonly every: number; readonly executed: boolean },
): Interceptor & { readonly failures: () => number } {
  let calls = 0
  let failures = 0
  const intercept: Interceptor = async ({ method }, proceed) => {
    if (!methods.includes(method) || ++calls % every !== 0) return proceed()
    failures++
    if (executed) await proceed()
    throw unavailable()
  }
  return Object.assign(intercept, { failures: () => failures })
}

let bodies = 0
const busy = flow('busy', async (run) => {
  const first = await run.map('m', [1, 2, 3], (branch, n) =>
    branch.step('s', () => {
      bodies++
      return n
    }),
  )
  const sum = await run.loop('l', { state: 0 }, async (turn, n) => {
    const next = n + (await turn.step('s', () => (bodies++, 1)))
    return next === 3 ? turn.done(next) : turn.next(next)
  })
  const signal = await run.signal('go')
  const answer = await run.ask('Sure?', { timeout: '1h', otherwise: 'no' })
  await run.sleep('1h')
  return [first, sum, signal, answer]
})

const methods = [
  ['append'],
  ['claim'],
  ['messages'],
  ['openEntries'],
  ['news'],
  ['renewSession'],
  ['openSession'],
  ['append', 'claim', 'messages', 'openEntries', 'news', 'renewSession', 'run'],
] as const satisfies readonly (readonly StoreCall['method'][])[]

const cases = methods.flatMap((of) =>
  [true, false].flatMap((executed) => [2, 3].map((every) => ({ of, executed, every }))),
)

describe('a run whose store fails now and then', () => {
  test.each(cases)(
    '$of, executed: $executed, each call number $every: ends as if nothing had been',
    async ({ of, executed, every }) => {
      bodies = 0
      const onCall = failing(of, { every, executed })
      await using runtime = await testRuntime({ flows: [busy], onCall })
      const run = await runtime.start(busy, undefined)
      await runtime.signal(run, 'go', 'went')
      await runtime.advance('10m')
      await runtime.answer('Sure?', 'yes')
      await runtime.advance('2h')
      expect(await runtime.result(run)).toEqual([[1, 2, 3], 3, 'went', 'yes'])
      expect(bodies).toBe(6)
      if (of.length > 1 || of[0] === 'append') expect(onCall.failures()).toBeGreaterThan(0)
      await runtime.verify()
    },
  )

  test('an outage longer than the lease drops the run, and it is done again afterwards', async () => {
    let out = false
    let calls = 0
    const slow = flow('slow', async (run) => {
      await run.step('a', () => ++calls)
      await run.sleep(1)
      return run.step('b', () => {
        out = ++calls === 2
        return calls
      })
    })
    await using runtime = await testRuntime({
      flows: [slow],
      onCall: async (_, proceed) => {
        if (out) throw unavailable()
        return proceed()
      },
    })
    const run = await runtime.ever.start(slow, undefined)
    await runtime.runUntil(() => out)
    await runtime.time.advance('1m')
    expect((await run.status()).status).toBe('running')
    out = false
    // What the step returned during the outage was never recorded.
    expect(await runtime.result(run)).toBe(3)
    // No code was to blame for it.
    expect(await run.status()).toMatchObject({ overtakes: 0, crashes: 0 })
    await runtime.verify()
  })
})

describe('a run whose store rejects an append for no known reason', () => {
  const one = flow('one', (run) => run.step('s', () => 1))
  const hiccup = (): Error => new Error('A hiccup.')
  const failed = (): Error => new EverloopError('STORE_FAILED', 'The disk failed.')

  test.each([
    { error: hiccup, times: 1 },
    { error: hiccup, times: 5 }, // giving it back fails too
    { error: failed, times: 1 },
  ])('$error.name, times: $times: is put off and tried again', async ({ error, times }) => {
    let left = times
    const onCall: Interceptor = async ({ method }, proceed) => {
      if (method === 'append' && left-- > 0) throw error()
      return proceed()
    }
    await using runtime = await testRuntime({ flows: [one], onCall })
    await runtime.ever.limitQueue('default', 1)
    const run = await runtime.ever.start(one, undefined)
    const next = await runtime.ever.start(one, undefined)
    await runtime.advance('1m')
    expect(await runtime.result(run)).toBe(1)
    expect(await runtime.result(next)).toBe(1)
    const [told] = runtime.troubles
    expect(told).toMatchObject({ run: run.id, error: { code: 'STORE_FAILED' } })
    await runtime.verify()
  })

  test('is told by work() when the store never takes another one', async () => {
    const onCall: Interceptor = async ({ method }, proceed) => {
      if (method === 'append') throw failed()
      return proceed()
    }
    await using runtime = await testRuntime({ flows: [one], onCall })
    await runtime.ever.start(one, undefined)
    await runtime.runUntil(
      () =>
        // What work() rejects with is told without a run, as trouble of the store is.
        runtime.troubles.filter(({ run }) => run === undefined).length > 1,
    )
    expect(runtime.troubles).toMatchObject(
      runtime.troubles.map(() => ({ error: { code: 'STORE_FAILED' } })),
    )
  })
})

test('an error of everloop itself behind an append is not said to be the store', async () => {
  await using runtime = await testRuntime({ flows: [impure] })
  const told: unknown[] = []
  runtime.troubles.push = (trouble) => {
    if (told.push(trouble.error) === 1) throw new TypeError('Not a function.')
    return told.length
  }
  await runtime.start(impure, undefined)
  const cause = { message: 'Not a function.' }
  expect(told).toMatchObject([{ code: 'HIDDEN_STATE' }, { code: 'INTERNAL', cause }])
})

test('a listener to trouble that throws keeps no run from going on', async () => {
  await using scene = await testRuntime({ flows: [] })
  const { store } = scene
  let failures = 1
  const ailing = new Proxy(store, {
    get: (target, name) => {
      const held: unknown = Reflect.get(target, name, target)
      if (typeof held !== 'function') return held
      if (name !== 'append') return held.bind(target) as unknown
      return (append: Parameters<typeof store.append>[0]) =>
        failures-- > 0 ? Promise.reject(unavailable()) : target.append(append)
    },
  })
  const warnings: string[] = []
  const listen = ({ message }: Error): void => void warnings.push(message)
  process.on('warning', listen)
  const one = flow('one', (run) => run.step('s', () => 1))
  const told: unknown[] = []
  const onTrouble = (error: unknown): void => {
    told.push(error)
    throw new Error('the log is full')
  }
  try {
    await using ever = await open({ store: ailing, flows: [one], work: {}, onTrouble })
    expect(await (await ever.start(one, undefined)).result()).toBe(1)
  } finally {
    process.off('warning', listen)
  }
  expect(told).toMatchObject([{ code: 'STORE_UNAVAILABLE' }])
  expect(warnings).toEqual([expect.stringContaining('the log is full')])
})

const impure = flow('impure', async (run) => {
  let turns = 0
  await run.loop('counts', { state: 0 }, (turn) => turn.next(++turns))
})

test('a pause that nobody asked for is told, one that somebody asked for is not', async () => {
  const waits = flow('waits', (run) => run.signal('go'))
  await using runtime = await testRuntime({ flows: [impure, waits] })
  const asked = await runtime.start(waits, undefined)
  await runtime.settled(asked)
  await runtime.ever.pause(asked.id)
  expect(await runtime.settled(asked)).toMatchObject({ status: 'paused', code: 'PAUSED' })
  expect(runtime.troubles).toEqual([])
  const run = await runtime.start(impure, undefined)
  await runtime.settled(run)
  const told = [{ run: run.id, error: { code: 'HIDDEN_STATE', run: run.id } }]
  expect(runtime.troubles).toMatchObject(told)
})

test('whoever awaits a run that was paused before is told of it, once', async () => {
  await using runtime = await testRuntime({ flows: [impure] })
  const { id } = await runtime.start(impure, undefined)
  await runtime.settled(await runtime.ever.get(id))
  await runtime.restart()
  const before = runtime.troubles.length
  const result = (await runtime.ever.get(id)).result()
  await runtime.advance('1m')
  const told = runtime.troubles.slice(before)
  expect(told).toMatchObject([{ run: id, error: { code: 'HIDDEN_STATE', run: id } }])
  await runtime.ever.cancel(id)
  const [ended] = await Promise.allSettled([result, runtime.advance('1m')])
  expect(ended).toMatchObject({ status: 'rejected', reason: { code: 'RUN_CANCELLED' } })
})

test.each([
  { name: 'ends', status: 'completed', told: ['STORE_UNAVAILABLE'] },
  // It is given back with no entry.
  { name: 'waits', status: 'waiting', told: ['STORE_UNAVAILABLE'] },
  { name: 'impure', status: 'paused', told: ['STORE_UNAVAILABLE', 'HIDDEN_STATE'] },
])('$name: a run whose last reply is lost is not said to be taken over', async (given) => {
  const ends = flow('ends', () => 'done')
  const waits = flow('waits', (run) => run.signal('go'))
  let isLost = false
  const onCall: Interceptor = async ({ method, args }, proceed) => {
    const result = await proceed()
    const [append] = args as readonly [{ readonly release?: unknown }?]
    if (method !== 'append' || append?.release === undefined || isLost) return result
    isLost = true
    throw unavailable()
  }
  await using runtime = await testRuntime({ flows: [ends, waits, impure], onCall })
  const run = await runtime.start(given.name, undefined)
  await runtime.advance('1m')
  expect(isLost).toBe(true)
  expect(await runtime.settled(run)).toMatchObject({ status: given.status })
  const codes = runtime.troubles.map(({ error }) => (error as EverloopError).code)
  expect(codes).toEqual(given.told)
  if (given.status === 'waiting') {
    await runtime.ever.signal(run.id, 'go', 'on')
    expect(await runtime.settled(run)).toMatchObject({ status: 'completed', output: 'on' })
  }
  await runtime.verify()
})
