/** Undoing by an operator: in any process that has the actions, the flow's code there or not. */
import { expect, test } from 'vitest'
import { action, flow } from '../../src/index.ts'
import type { Action, AnyAction, Flow } from '../../src/index.ts'
import { Ever, Flows } from '../../src/run/index.ts'
import { testRuntime } from '../../src/testing/index.ts'
import type { TestRuntime } from '../../src/testing/index.ts'
import { kinds, World } from './undo-world.ts'

/** Another process, that has these actions and no flow. */
const operator = ({ store, time }: TestRuntime, actions: readonly AnyAction[]): Ever =>
  new Ever({
    store,
    ports: time,
    flows: new Flows([], actions),
    leaseMs: 10_000,
    name: 'operator',
    development: false,
    onTrouble: () => {},
  })

/** Books twice; undoing the second fails until `isWilling`. */
function stubbornTrip(world: World): {
  readonly trip: Flow<unknown, never>
  readonly refund: AnyAction
  willing: boolean
  readonly keys: Set<string>
} {
  const keys = new Set<string>()
  const parts = {
    willing: false,
    keys,
    refund: action({
      name: 'refund',
      retry: { attempts: 2, delay: '1s' },
      run: (_: { readonly cents: number }, { idempotencyKey }) => {
        keys.add(idempotencyKey)
        if (!parts.willing) throw new Error('bank closed')
        return 'refunded'
      },
    }) as AnyAction,
    trip: flow('trip', async (run) => {
      await world.book(run, 'a')
      await run.undo('refund', { cents: 40 })
      throw new Error('bad')
    }),
  }
  return parts
}

test('what failed is undone later, by somebody who has the actions and not the flow', async () => {
  const world = new World()
  const parts = stubbornTrip(world)
  const actions = [world.cancel, parts.refund]
  await using runtime = await testRuntime({ flows: [parts.trip], actions })
  const run = await runtime.start(parts.trip, undefined, { id: 'r' })
  await runtime.advance('1m')
  expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
  expect(await runtime.ever.undos('r')).toMatchObject([
    { of: 4, action: 'refund', state: 'failed', error: { message: 'bank closed' } },
    { of: 2, action: 'cancel', state: 'undone' },
  ])
  await runtime.stop()
  const other = operator(runtime, actions)
  const still = await runtime.runUntil(other.undo('r', { by: 'eve' }))
  expect(still).toMatchObject([{ state: 'failed' }, { state: 'undone' }])
  parts.willing = true
  const undos = await runtime.runUntil(other.undo('r', { by: 'eve' }))
  expect(undos).toMatchObject([{ state: 'undone', error: undefined }, { state: 'undone' }])
  expect(await runtime.runUntil(other.undo('r'))).toEqual(undos) // nothing left to do
  expect(parts.keys.size).toBe(1)
  expect(world.cancelled).toEqual(['a'])
  expect((await kinds(runtime)).slice(5)).toEqual([
    'undo.retrying undo=4',
    'undo.failed undo=4',
    'undo.completed undo=2',
    'run.failed',
    'run.undoing',
    'undo.retrying undo=4~2',
    'undo.failed undo=4~2',
    'run.undoing',
    'undo.completed undo=4~3',
  ])
  expect((await runtime.ledger('r')).at(-1)?.data).toMatchObject({ of: 4, by: 'eve' })
  // The end stands as it was.
  expect(await runtime.settled(run)).toMatchObject({ status: 'failed', error: { message: 'bad' } })
  await runtime.verify()
})

test('an operator who dies in between loses nothing, and another one goes on', async () => {
  const world = new World()
  const parts = stubbornTrip(world)
  const actions = [world.cancel, parts.refund]
  await using runtime = await testRuntime({ flows: [parts.trip], actions })
  const run = await runtime.start(parts.trip, undefined, { id: 'r' })
  await runtime.advance('1m')
  let calls = 0
  const hanging = action('refund', () => {
    calls++
    return new Promise<never>(() => {})
  })
  void operator(runtime, [world.cancel, hanging])
    .undo('r')
    .catch(() => {})
  await runtime.time.settle()
  expect(calls).toBe(1)
  await expect(operator(runtime, actions).undo('r')).rejects.toMatchObject({ code: 'RUN_STATE' })
  // Its session ends as that of a process that was killed, and its worker gives the run back.
  const [session] = (await runtime.store.sessions()).filter(({ name }) => name === 'operator')
  await runtime.store.closeSession(session?.token ?? '')
  await runtime.settle()
  parts.willing = true
  await runtime.runUntil(operator(runtime, actions).undo('r'))
  expect(await runtime.ever.undos('r')).toMatchObject([{ state: 'undone' }, { state: 'undone' }])
  expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
  await runtime.verify()
})

test('an unknown action is told before anything is done', async () => {
  const world = new World()
  const parts = stubbornTrip(world)
  await using runtime = await testRuntime({
    flows: [parts.trip],
    actions: [world.cancel, parts.refund],
  })
  await runtime.start(parts.trip, undefined, { id: 'r' })
  await runtime.advance('1m')
  const before = await kinds(runtime)
  await expect(operator(runtime, [world.cancel]).undo('r')).rejects.toMatchObject({
    code: 'UNKNOWN_ACTION',
  })
  expect(await kinds(runtime)).toEqual(before)
})

test('what is skipped is not undone, and is not skipped or undone again', async () => {
  const world = new World()
  const parts = stubbornTrip(world)
  const actions = [world.cancel, parts.refund]
  await using runtime = await testRuntime({ flows: [parts.trip], actions })
  await runtime.start(parts.trip, undefined, { id: 'r' })
  await runtime.advance('1m')
  const { ever } = runtime
  await expect(ever.skipUndo('r', 4, { reason: '' })).rejects.toMatchObject({ code: 'BAD_OPTION' })
  await expect(ever.skipUndo('r', 3, { reason: 'x' })).rejects.toMatchObject({ code: 'BAD_OPTION' })
  await expect(ever.skipUndo('r', 2, { reason: 'x' })).rejects.toMatchObject({ code: 'RUN_STATE' })
  await ever.skipUndo('r', 4, { reason: 'paid in cash', by: 'eve' })
  await expect(ever.skipUndo('r', 4, { reason: 'x' })).rejects.toMatchObject({ code: 'RUN_STATE' })
  parts.willing = true
  expect(await ever.undo('r')).toMatchObject([{ of: 4, state: 'skipped' }, { state: 'undone' }])
  expect((await runtime.ledger('r')).at(-1)).toMatchObject({
    kind: 'undo.skipped',
    path: 'undo=4~2',
    data: { of: 4, reason: 'paid in cash', by: 'eve' },
  })
  await runtime.verify()
})

test('of a run that completed, or goes on, nothing is skipped: what it has done stands', async () => {
  const world = new World()
  const trip = flow('trip', async (run) => {
    await world.book(run, 'a')
    await run.signal('go')
  })
  await using runtime = await testRuntime({ flows: [trip], actions: [world.cancel] })
  const run = await runtime.start(trip, undefined, { id: 'r' })
  await runtime.settled(run)
  const { ever } = runtime
  await expect(ever.skipUndo('r', 2, { reason: 'x' })).rejects.toMatchObject({ code: 'RUN_STATE' })
  await ever.signal('r', 'go')
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  const before = await kinds(runtime)
  await expect(ever.skipUndo('r', 2, { reason: 'x' })).rejects.toMatchObject({ code: 'RUN_STATE' })
  expect(await kinds(runtime)).toEqual(before)
  await runtime.verify()
})

test('a run whose code is gone is cancelled without it, and undone; its children are told', async () => {
  const world = new World()
  const child = flow('child', async (run) => {
    await world.book(run, 'inner')
    await run.sleep('1d')
  })
  const parent = flow('parent', async (run) => {
    await world.book(run, 'outer')
    await run.child(child, undefined)
  })
  const actions = [world.cancel]
  await using runtime = await testRuntime({ flows: [parent, child], actions })
  const run = await runtime.start(parent, undefined, { id: 'r' })
  await runtime.restart({ flows: [child] })
  const other = operator(runtime, actions)
  await expect(other.undo('r')).rejects.toMatchObject({ code: 'RUN_STATE' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
  const undos = await runtime.runUntil(other.undo('r', { cancel: true, by: 'eve' }))
  expect(undos).toMatchObject([{ action: 'cancel', input: { what: 'outer' }, state: 'undone' }])
  expect(await runtime.settled(run)).toEqual({
    status: 'cancelled',
    reason: 'eve ended the run without its code.',
  })
  expect(world.booked.size).toBe(0)
  expect(world.cancelled.toSorted()).toEqual(['inner', 'outer'])
  await runtime.verify()
})

test('ending a run without its code goes before a pause that was asked for earlier', async () => {
  const inbox: unknown[] = []
  const refund: Action<undefined> = action('refund', async () => {
    inbox.push(...(await runtime.store.messages('r', [])))
  })
  const gone = flow('gone', async (run) => {
    await run.undo(refund, undefined)
    await run.sleep('1d')
  })
  await using runtime = await testRuntime({ flows: [gone], actions: [refund] })
  const run = await runtime.start(gone, undefined, { id: 'r' })
  await runtime.settled(run)
  await runtime.stop()
  await runtime.ever.pause('r')
  const other = operator(runtime, [refund])
  expect(await runtime.runUntil(other.undo('r', { cancel: true }))).toMatchObject([
    { state: 'undone' },
  ])
  expect(inbox).toEqual([]) // or whoever takes over from here pauses it
  expect(await run.status()).toMatchObject({ status: 'cancelled' })
})

test('a run that is paused for want of an action is undone where it is', async () => {
  const world = new World()
  const late = flow('late', async (run) => {
    await world.book(run, 'a')
    await run.sleep('1h')
    throw new Error('bad')
  })
  await using runtime = await testRuntime({ flows: [late], actions: [world.cancel] })
  const run = await runtime.start(late, undefined, { id: 'r' })
  await runtime.restart({ flows: [late], actions: [] })
  await runtime.advance('1h')
  expect(await runtime.settled(run)).toMatchObject({ status: 'paused', code: 'UNKNOWN_ACTION' })
  await runtime.runUntil(operator(runtime, [world.cancel]).undo('r', { by: 'eve' }))
  expect(await runtime.settled(run)).toMatchObject({ status: 'failed', error: { message: 'bad' } })
  expect(world.cancelled).toEqual(['a'])
  await runtime.verify()
})

test('a diverged run that is cancelled undoes without its code', async () => {
  const world = new World()
  const old = flow('changing', async (run) => {
    await world.book(run, 'a')
    await run.sleep('1h')
  })
  const changed = flow('changing', async (run) => {
    await run.step('other', () => 1)
  })
  await using runtime = await testRuntime({ flows: [old], actions: [world.cancel] })
  const run = await runtime.start(old, undefined, { id: 'r' })
  await runtime.restart({ flows: [changed] })
  await runtime.advance('1h')
  expect(await runtime.settled(run)).toMatchObject({ status: 'paused', code: 'DIVERGED' })
  await runtime.ever.cancel('r', 'enough')
  expect(await runtime.settled(run)).toEqual({ status: 'cancelled', reason: 'enough' })
  expect(world.cancelled).toEqual(['a'])
  await runtime.verify()
})

test('a run without code is not ended while a call of it is in doubt, and is when that is known', async () => {
  const world = new World()
  const pays = flow('pays', async (run) => {
    await run.step(
      'pay',
      {
        effect: 'once',
        input: { cents: 40 },
        undo: { action: world.cancel, input: { what: 'payment' } },
      },
      () => {
        throw new Error('connection reset')
      },
    )
  })
  await using runtime = await testRuntime({ flows: [pays], actions: [world.cancel] })
  const run = await runtime.start(pays, undefined, { id: 'r' })
  await runtime.advance('5m')
  const [asked] = await runtime.ever.questions({ run: 'r' })
  const other = operator(runtime, [world.cancel])
  const before = await runtime.store.run('r')
  await expect(other.undo('r', { cancel: true })).rejects.toThrow(/whether "pay" happened/)
  expect(await runtime.store.run('r')).toEqual(before)
  await runtime.ever.answer(asked?.id ?? '', { verdict: 'fail' })
  expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
  expect(world.cancelled).toEqual(['payment'])
  expect(await runtime.ever.undos('r')).toMatchObject([
    { path: 'pay', action: 'cancel', result: undefined, state: 'undone' },
  ])
  await runtime.verify()
})
