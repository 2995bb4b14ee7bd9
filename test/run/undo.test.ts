/** Compensation: what a run has registered is undone, in reverse order, when it fails or is cancelled. */
import { describe, expect, test } from 'vitest'
import { action, flow } from '../../src/index.ts'
import type { Flow } from '../../src/index.ts'
import { crashAtEveryCommit, testRuntime } from '../../src/testing/index.ts'
import { kinds, World } from './undo-world.ts'

const trip = (world: () => World): Flow<void, void> =>
  flow('trip', async (run) => {
    await world().book(run, 'flight')
    await world().book(run, 'hotel')
    await run.step('book car', () => {
      throw new Error('no car left')
    })
  })

test('a saga that fails at its third booking undoes the others, in reverse order', async () => {
  const world = new World()
  const flows = [trip(() => world)]
  await using runtime = await testRuntime({ flows, actions: [world.cancel] })
  const run = await runtime.start('trip', undefined, { id: 'r' })
  const settled = await runtime.settled(run)
  expect(settled).toMatchObject({ status: 'failed', error: { code: 'STEP_FAILED' } })
  expect(world.log).toEqual(['book flight', 'book hotel', 'cancel hotel', 'cancel flight'])
  expect(await kinds(runtime)).toEqual([
    'run.started',
    'undo.registered undo cancel',
    'step.completed book flight',
    'undo.registered undo cancel~2',
    'step.completed book hotel',
    'step.failed book car',
    'run.undoing',
    'undo.completed undo=4',
    'undo.completed undo=2',
    'run.failed',
  ])
  const last = (await runtime.ledger('r')).at(-1)
  expect(last?.data).toMatchObject({ undo: { completed: 2, failed: 0, skipped: 0 }, cause: 6 })
  expect(await runtime.ever.undos('r')).toMatchObject([
    { of: 4, action: 'cancel', input: { what: 'hotel' }, state: 'undone', path: 'undo cancel~2' },
    { of: 2, action: 'cancel', input: { what: 'flight' }, state: 'undone' },
  ])
  await runtime.verify()
})

test('wherever the worker is killed, each is undone, with one key, and the end is the same', async () => {
  const worlds = [new World()]
  const world = (): World => worlds.at(-1) as World
  const cancel = action('cancel', (input: { what: string }, context) =>
    world().cancel.run(input, context),
  )
  const report = await crashAtEveryCommit(trip(world), undefined, {
    actions: [cancel],
    prepare: () => worlds.push(new World()),
  })
  expect(report.strays).toEqual([])
  expect(report.flaws).toEqual([])
  expect(report.live).toMatchObject({ status: 'failed', error: { code: 'STEP_FAILED' } })
  expect(report.boundaries).toBe(18)
  for (const { booked, keys, cancelled } of worlds.slice(1)) {
    expect(booked).toEqual(new Set())
    expect(Array.from(keys, ([what, { size }]) => [what, size])).toEqual([
      ['hotel', 1],
      ['flight', 1],
    ])
    expect(cancelled.length).toBeLessThanOrEqual(3) // one of the two was cut short at most
  }
})

test('nothing is undone of a run that completes, and a failure without registrations says no word', async () => {
  const world = new World()
  const fine = flow('fine', async (run) => world.book(run, 'flight'))
  const bare = flow('bare', async (run) => {
    await run.step('one', () => 1)
    throw new Error('bad')
  })
  await using runtime = await testRuntime({ flows: [fine, bare], actions: [world.cancel] })
  await runtime.start(fine, undefined, { id: 'r' })
  await runtime.start(bare, undefined, { id: 'b' })
  expect(world.log).toEqual(['book flight'])
  expect(await kinds(runtime, 'b')).toEqual(['run.started', 'step.completed one', 'run.failed'])
  expect(await runtime.ever.undos('r')).toMatchObject([{ of: 2, state: 'registered' }])
  await expect(runtime.ever.undo('r')).rejects.toMatchObject({ code: 'RUN_STATE' })
})

test('a cancel undoes what closed scopes, branches and turns have registered, latest outcome first', async () => {
  const world = new World()
  const deep = flow('deep', async (run) => {
    await run.scope('outer', async (outer) => {
      await world.book(outer, 'a')
      await outer.scope('inner', (inner) => world.book(inner, 'b'))
    })
    await run.map('each', ['c', 'd'], (branch, what) => world.book(branch, what))
    await run.loop('turns', { state: { n: 0 } }, async (turn, { n }) => {
      await world.book(turn, `e${n}`)
      return n === 3 ? turn.done(n) : turn.next({ n: n + 1 })
    })
    try {
      await run.sleep('1h')
    } finally {
      await run.cleanup('last', (inner) => world.book(inner, 'f'))
    }
  })
  await using runtime = await testRuntime({ flows: [deep], actions: [world.cancel] })
  const run = await runtime.start(deep, undefined, { id: 'r' })
  await runtime.ever.cancel('r', 'not any more')
  expect(await runtime.settled(run)).toEqual({ status: 'cancelled', reason: 'not any more' })
  expect(world.cancelled).toEqual(['f', 'e3', 'e2', 'e1', 'e0', 'd', 'c', 'b', 'a'])
  expect(world.booked.size).toBe(0)
  await runtime.verify()
})

test('a deadline that passes undoes, and a cancel that comes meanwhile changes nothing', async () => {
  const world = new World()
  let tries = 0
  const slow = action({
    name: 'slow',
    retry: { attempts: 3, delay: '10m', factor: 1 },
    run: () => {
      if (++tries < 3) throw new Error('not now')
    },
  })
  const late = flow('late', async (run) => {
    await world.book(run, 'a')
    await run.undo(slow, undefined)
    await run.sleep('1d')
  })
  await using runtime = await testRuntime({ flows: [late], actions: [world.cancel, slow] })
  const run = await runtime.start(late, undefined, { id: 'r', deadline: '1h' })
  await runtime.advance('1h')
  expect(await runtime.settled(run)).toMatchObject({
    status: 'waiting',
    on: [{ kind: 'undo', path: 'undo=4', what: 'not now' }],
  })
  await runtime.ever.cancel('r', 'hurry')
  runtime.crash()
  await runtime.advance('30m')
  expect(await runtime.settled(run)).toMatchObject({
    status: 'failed',
    error: { code: 'DEADLINE' },
  })
  expect(tries).toBe(3)
  expect(world.cancelled).toEqual(['a'])
  const told = (await kinds(runtime)).filter((kind) => kind !== 'run.overtaken')
  expect(told.slice(-6)).toEqual([
    'run.undoing',
    'undo.retrying undo=4',
    'undo.retrying undo=4',
    'undo.completed undo=4',
    'undo.completed undo=2',
    'run.failed',
  ])
  await runtime.verify()
})

test('one that cannot be undone stops no other, and its error is recorded', async () => {
  const world = new World()
  const attempts: number[] = []
  const stubborn = action({
    name: 'stubborn',
    retry: { attempts: 2 },
    run: (_: { readonly of: string }, { attempt }) => {
      attempts.push(attempt)
      throw new RangeError('no')
    },
  })
  const hopeless = action({
    name: 'hopeless',
    timeout: '1s',
    retry: { attempts: 1 },
    run: (_, { signal }) =>
      new Promise((__, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      }),
  })
  const odd = flow('odd', async (run) => {
    await world.book(run, 'a')
    await run.undo(stubborn, { of: 'b' })
    await run.undo('hopeless')
    throw new Error('bad')
  })
  const actions = [world.cancel, stubborn, hopeless]
  await using runtime = await testRuntime({ flows: [odd], actions })
  const run = await runtime.start(odd, undefined, { id: 'r' })
  await runtime.advance('1m')
  expect(await runtime.settled(run)).toMatchObject({ status: 'failed', error: { message: 'bad' } })
  expect(attempts).toEqual([1, 2])
  expect(await runtime.ever.undos('r')).toMatchObject([
    { action: 'hopeless', state: 'failed', error: { code: 'TIMEOUT' } },
    { action: 'stubborn', state: 'failed', error: { name: 'RangeError', message: 'no' } },
    { action: 'cancel', state: 'undone' },
  ])
  const last = (await runtime.ledger('r')).at(-1)
  expect(last?.data).toMatchObject({ undo: { completed: 1, failed: 2, skipped: 0 } })
  await runtime.verify()
})

test('a child that its parent gives up undoes, and a parent learns of its end when it has', async () => {
  const world = new World()
  const child = flow('child', async (run, name: string) => {
    await world.book(run, name)
    if (name === 'bad') throw new Error('child failed')
    await run.sleep('1h')
  })
  const parent = flow('parent', async (run) => {
    await world.book(run, 'own')
    await run.all('both', [(a) => a.child(child, 'good'), (b) => b.child(child, 'bad')])
  })
  await using runtime = await testRuntime({ flows: [child, parent], actions: [world.cancel] })
  const run = await runtime.start(parent, undefined, { id: 'r' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
  expect(world.booked.size).toBe(0)
  expect(world.cancelled.indexOf('bad')).toBeLessThan(world.cancelled.indexOf('own'))
  expect(world.cancelled.toSorted()).toEqual(['bad', 'good', 'own'])
  await runtime.verify()
})

test('a pause that a cancel came behind does not hold up the undoing', async () => {
  const world = new World()
  const old = flow('changing', async (run) => {
    await world.book(run, 'a')
    await run.sleep('1h')
  })
  const changed = flow('changing', (run) => run.step('other', () => 1))
  await using runtime = await testRuntime({ flows: [old], actions: [world.cancel] })
  const run = await runtime.start(old, undefined, { id: 'r' })
  await runtime.stop()
  await runtime.ever.pause('r')
  runtime.addWorker({ flows: [changed], actions: [world.cancel] })
  expect(await runtime.settled(run)).toMatchObject({ status: 'paused', code: 'DIVERGED' })
  await runtime.ever.cancel('r', 'enough')
  await runtime.settle()
  expect(await runtime.settled(run)).toEqual({ status: 'cancelled', reason: 'enough' })
  expect(world.cancelled).toEqual(['a'])
  await runtime.verify()
})

test('an action that nobody has pauses the run where it is registered', async () => {
  const stray = flow('stray', async (run) => run.undo('nobody', { a: 1 }))
  await using runtime = await testRuntime({ flows: [stray] })
  const run = await runtime.start(stray, undefined, { id: 'r' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'paused', code: 'UNKNOWN_ACTION' })
  await runtime.ever.cancel('r')
  expect(await runtime.settled(run)).toMatchObject({ status: 'cancelled' })
  await runtime.verify()
})

test('an action that this worker does not have pauses the run, and nothing is skipped', async () => {
  const world = new World()
  const flows = [trip(() => world)]
  await using runtime = await testRuntime({ flows, actions: [world.cancel] })
  await runtime.stop()
  const run = await runtime.ever.start('trip', undefined, { id: 'r' })
  runtime.addWorker({ actions: [] })
  await runtime.settle()
  expect(await runtime.settled(run)).toMatchObject({ status: 'paused', code: 'UNKNOWN_ACTION' })
  expect(world.log).toEqual([])
  // The other one registers, and is replaced by one that has no action any more.
  const waiting = flow('waiting', async (inner) => {
    await world.book(inner, 'a')
    await inner.sleep('1h')
    throw new Error('late')
  })
  await runtime.restart({ flows: [waiting], actions: [world.cancel] })
  const second = await runtime.start(waiting, undefined, { id: 's' })
  await runtime.restart({ flows: [waiting], actions: [] })
  await runtime.advance('1h')
  expect(await runtime.settled(second)).toMatchObject({ status: 'paused', code: 'UNKNOWN_ACTION' })
  expect(world.log).toEqual(['book a'])
  await runtime.ever.cancel('s')
  await runtime.settle()
  expect(await runtime.settled(second)).toMatchObject({ status: 'paused', code: 'UNKNOWN_ACTION' })
  await runtime.restart({ flows: [waiting], actions: [world.cancel] })
  await runtime.ever.resume('s')
  expect(await runtime.settled(second)).toMatchObject({
    status: 'failed',
    error: { message: 'late' },
  })
  expect(world.log).toEqual(['book a', 'cancel a'])
  await runtime.verify()
})

test('a run that has undone something is not retried, one that had nothing to undo is', async () => {
  const world = new World()
  await using runtime = await testRuntime({ flows: [trip(() => world)], actions: [world.cancel] })
  await runtime.start('trip', undefined, { id: 'r' })
  await expect(runtime.ever.retry('r')).rejects.toMatchObject({ code: 'RUN_STATE' })
  expect(world.cancelled).toEqual(['hotel', 'flight'])
})

test('two actions of one name are refused, the same one twice is not', async () => {
  const one = action('same', () => 1)
  const own = flow({ name: 'own', actions: [one], run: async () => {} })
  await using runtime = await testRuntime({ flows: [own], actions: [one] })
  expect(runtime.workers.length).toBe(1)
  await expect(
    testRuntime({ flows: [own], actions: [action('same', () => 2)] }),
  ).rejects.toMatchObject({ code: 'BAD_OPTION' })
  expect(() => action({ name: 'x', run: () => 1, retries: 2 } as never)).toThrow(/retries/)
})

describe('an idempotent call that is undone', () => {
  /** A run that fails while its booking is under way, as `timeout` says. */
  const leaving = (timeout?: '1s') => {
    const log: string[] = []
    const gate = Promise.withResolvers<void>()
    const cancel = action('cancel', () => void log.push('cancel'))
    const book = async (): Promise<void> => {
      log.push('begin') // it does not heed its signal
      await gate.promise
      log.push('land')
    }
    const options = {
      effect: 'idempotent',
      undo: { action: cancel },
      retry: { attempts: 1 },
    } as const
    const trip = flow('trip', (run) =>
      Promise.all([
        run.step('book', { ...options, ...(timeout === undefined ? {} : { timeout }) }, book),
        ...(timeout === undefined
          ? [run.sleep('1s').then(() => Promise.reject(new Error('no')))]
          : []),
      ]),
    )
    return { log, gate, cancel, trip }
  }

  test.each([undefined, '1s'] as const)(
    'is waited for before it is undone, with a timeout of %s',
    async (timeout) => {
      const { log, gate, cancel, trip } = leaving(timeout)
      await using runtime = await testRuntime({ flows: [trip], actions: [cancel] })
      const run = await runtime.ever.start(trip, undefined)
      await runtime.runUntil(() => log.length === 1)
      runtime.time.setTimer(5000, gate.resolve)
      expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
      expect(log).toEqual(['begin', 'land', 'cancel'])
    },
  )

  test('holds nothing up for ever', async () => {
    const { log, cancel, trip } = leaving()
    await using runtime = await testRuntime({ flows: [trip], actions: [cancel] })
    const run = await runtime.ever.start(trip, undefined)
    await runtime.runUntil(() => log.length === 1)
    await runtime.advance('12s')
    expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
    expect(log).toEqual(['begin', 'cancel'])
  })
})
