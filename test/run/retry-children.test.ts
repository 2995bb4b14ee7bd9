/**
 * R5: a child of a retried run is the run that it was. What it has done is not done again, whichever of the two is
 * retried, and when.
 */
import { setImmediate } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  action,
  done as happened,
  flow,
  NotDone,
  notDone,
  type Run,
  type RunReference,
} from 'everloop'
import { crashAtEveryCommit, memoryStore, testRuntime, type TestRuntime } from 'everloop/testing'
import type { Ports } from '../../src/base/ports.ts'
import type { LinkedEntry } from '../../src/ledger/index.ts'
import type { Store } from '../../src/store/store.ts'

let broken = true
let cancels = 0
/** How often the effect was asked for, by its key. */
const paid: Record<string, number> = {}

const prepare = (): void => {
  broken = true
  for (const key of Object.keys(paid)) delete paid[key]
}

beforeEach(() => {
  prepare()
  cancels = 0
})

const times = (): readonly number[] => Object.values(paid)

const fragile = (): string => {
  if (broken) throw new Error('broken')
  return 'mended'
}

async function pay(run: Run, amount: number): Promise<string> {
  const options = {
    effect: 'once',
    reconcile: (_input: unknown, { idempotencyKey }: { readonly idempotencyKey: string }) =>
      paid[idempotencyKey] === undefined ? notDone() : happened(`${amount} paid`),
  } as const
  return run.step('pay', options, ({ idempotencyKey }) => {
    paid[idempotencyKey] = (paid[idempotencyKey] ?? 0) + 1
    return `${amount} paid`
  })
}

/** Pays, then fails as long as it is told to. */
const payment = flow('payment', async (run, amount: number) => {
  const receipt = await pay(run, amount)
  await run.step('book', fragile)
  return receipt
})

const order = flow('order', async (run, amount: number) => run.child(payment, amount))
const shop = flow('shop', async (run, amount: number) => run.child(order, amount))

const below = async (runtime: TestRuntime, parent: string): Promise<readonly string[]> =>
  (await runtime.ever.list({ parent })).map(({ id }) => id)

/** A call that a crash has cut short is in doubt for a while. */
async function failed(runtime: TestRuntime, run: RunReference<unknown>): Promise<void> {
  await runtime.advance('1h')
  expect(await runtime.settled(run)).toMatchObject({ error: { code: 'CHILD_FAILED' } })
}

describe('a child that failed', () => {
  test('goes on from its failure when its parent is retried', async () => {
    await using runtime = await testRuntime({ flows: [order, payment] })
    const run = await runtime.start(order, 40, { id: 'o' })
    await failed(runtime, run)
    const before = await below(runtime, 'o')
    broken = false
    await runtime.ever.retry('o', { by: 'Ann' })
    expect(await runtime.result(run)).toBe('40 paid')
    expect(times()).toEqual([1])
    expect(await below(runtime, 'o')).toEqual(before)
    const child = await runtime.ledger(before[0] ?? '')
    expect(child.find(({ kind }) => kind === 'run.retried')?.data).toMatchObject({ by: 'Ann' })
    await runtime.verify()
  })

  test('below a child, too, however often it fails again', async () => {
    await using runtime = await testRuntime({ flows: [shop, order, payment] })
    const run = await runtime.start(shop, 40, { id: 's' })
    for (let i = 0; i < 3; i++) {
      await failed(runtime, run)
      await runtime.ever.retry('s')
    }
    await failed(runtime, run)
    broken = false
    await runtime.ever.retry('s')
    expect(await runtime.result(run)).toBe('40 paid')
    expect(times()).toEqual([1])
    expect(await runtime.ever.list()).toHaveLength(3)
    await runtime.verify()
  })

  test('whenever a worker dies', async () => {
    const report = await crashAtEveryCommit(shop, 40, {
      flows: [order, payment],
      prepare,
      drive: async (runtime, run) => {
        await failed(runtime, run)
        broken = false
        await runtime.ever.retry(run.id)
        await runtime.advance('1h')
        expect(await runtime.ever.list()).toHaveLength(3)
        expect(times()).toEqual([1])
      },
    })
    expect(report.outcomes).toEqual([{ status: 'completed', output: '40 paid' }])
    expect(report.flaws).toEqual([])
    expect(report.executions['order > payment > pay']).toBe(1)
  })

  test('and was retried by itself: its output is taken, whenever a worker dies', async () => {
    const report = await crashAtEveryCommit(order, 40, {
      flows: [payment],
      prepare,
      drive: async (runtime, run) => {
        await failed(runtime, run)
        broken = false
        const [child = ''] = await below(runtime, run.id)
        await runtime.ever.retry(child)
        await runtime.settle()
        broken = true
        await runtime.ever.retry(run.id)
        await runtime.settle()
        expect(await below(runtime, run.id)).toEqual([child])
        expect(await runtime.store.messages(run.id, [])).toEqual([])
      },
    })
    expect(report.outcomes).toEqual([{ status: 'completed', output: '40 paid' }])
    expect(report.flaws).toEqual([])
    expect(report.executions['payment > pay']).toBe(1)
  })

  test('and is under way again: its parent waits for it', async () => {
    const slow = flow('slow', async (run) => {
      await run.step('book', fragile)
      return run.signal<string>('go')
    })
    const parent = flow('parent', async (run) => {
      const first = await run.child(slow, null).catch((error: unknown) => ({ error }))
      if (typeof first === 'string') return first
      await run.signal('on')
      throw first.error
    })
    await using runtime = await testRuntime({ flows: [parent, slow] })
    const run = await runtime.start(parent, undefined, { id: 'p' })
    const [child = ''] = await below(runtime, 'p')
    await runtime.ever.retry(child) // its parent is told of this failure, too, and not any more when it asks again
    await runtime.settle()
    await runtime.signal(run, 'on')
    await failed(runtime, run)
    broken = false
    await runtime.ever.retry(child)
    await runtime.settle()
    await runtime.ever.retry('p')
    await runtime.settle()
    expect(await run.status()).toMatchObject({ status: 'waiting' })
    await runtime.signal(child, 'go', 'gone')
    expect(await runtime.result(run)).toBe('gone')
    expect(await below(runtime, 'p')).toEqual([child])
    await runtime.verify()
  })

  test('what it told its parent in vain is not taken for its end', async () => {
    const parent = flow('parent', async (run) => {
      const paying = await run.child(payment, 1).catch((error: unknown) => ({ error }))
      await run.signal('go')
      if (typeof paying === 'object') throw paying.error
      return paying
    })
    await using runtime = await testRuntime({ flows: [parent, payment] })
    const run = await runtime.start(parent, undefined, { id: 'p' })
    const [child = ''] = await below(runtime, 'p')
    await runtime.ever.retry(child) // fails again: the parent hears of it and does not wait for it
    await runtime.settle()
    expect(await runtime.store.messages('p', [])).toHaveLength(1)
    await runtime.signal(run, 'go')
    await failed(runtime, run)
    broken = false
    await runtime.ever.retry('p')
    expect(await runtime.result(run)).toBe('1 paid')
    expect(await runtime.store.messages('p', [])).toEqual([])
    await runtime.verify()
  })

  test('and is asked for with another input is another run, if it has done nothing', async () => {
    const booking = flow('booking', async (run, amount: number) => {
      await run.step('book', fragile)
      return amount
    })
    const parent = flow('parent', async (run) => run.child(booking, broken ? 1 : 2))
    await using runtime = await testRuntime({ flows: [parent, booking] })
    const run = await runtime.start(parent, undefined, { id: 'p' })
    await failed(runtime, run)
    broken = false
    await runtime.ever.retry('p')
    expect(await runtime.result(run)).toBe(2)
    expect(await below(runtime, 'p')).toHaveLength(2)
    await runtime.verify()
  })

  test('and is asked for with another input pauses its parent, if it must not be done twice', async () => {
    let amount = 1
    const parent = flow('parent', async (run) => run.child(payment, amount))
    await using runtime = await testRuntime({ flows: [parent, payment] })
    const run = await runtime.start(parent, undefined, { id: 'p' })
    await failed(runtime, run)
    const [child = ''] = await below(runtime, 'p')
    broken = false
    amount = 2
    await runtime.ever.retry('p')
    const paused = { status: 'paused', code: 'DRIFTED', message: expect.stringContaining(child) }
    expect(await runtime.settled(run)).toMatchObject(paused)
    await runtime.ever.resume('p')
    await runtime.settle()
    expect(await runtime.settled(run)).toMatchObject(paused)
    expect(times()).toEqual([1])
    await runtime.ever.resume('p', { anew: true, by: 'Ann' })
    expect(await runtime.result(run)).toBe('2 paid')
    expect(times()).toEqual([1, 1])
    const resumed = (await runtime.ledger('p')).findLast(({ kind }) => kind === 'run.resumed')
    expect(resumed?.data).toEqual({ anew: true, by: 'Ann' })
    await runtime.verify()
  })

  test('and is asked for as another flow under the same key pauses its parent', async () => {
    const other = flow('other', async () => 'other')
    const parent = flow('parent', async (run) =>
      broken ? run.child(payment, 1, { key: 'pay' }) : run.child(other, null, { key: 'pay' }),
    )
    await using runtime = await testRuntime({ flows: [parent, payment, other] })
    const run = await runtime.start(parent, undefined, { id: 'p' })
    await failed(runtime, run)
    broken = false
    await runtime.ever.retry('p')
    expect(await runtime.settled(run)).toMatchObject({ status: 'paused', code: 'DRIFTED' })
    await runtime.ever.resume('p', { anew: true })
    expect(await runtime.result(run)).toBe('other')
    await runtime.verify()
  })

  test.each([
    ['has children itself', (): void => {}],
    ['is under way again', (): void => void (broken = false)],
  ])('and %s pauses a parent that asks with another input', async (what, before) => {
    let given = 1
    const leaf = flow('leaf', (run) => run.step('book', fragile))
    const inner = flow('inner', async (run, _input: number) => {
      if (what === 'has children itself') return run.child(leaf, null)
      await run.step('book', fragile)
      return run.signal('go')
    })
    const parent = flow('parent', async (run) => run.child(inner, given))
    await using runtime = await testRuntime({ flows: [parent, inner, leaf] })
    const run = await runtime.start(parent, undefined, { id: 'p' })
    await failed(runtime, run)
    const [child = ''] = await below(runtime, 'p')
    before()
    await runtime.ever.retry(child)
    await runtime.settle()
    given = 2
    await runtime.ever.retry('p')
    expect(await runtime.settled(run)).toMatchObject({ status: 'paused', code: 'DRIFTED' })
    expect(await below(runtime, 'p')).toEqual([child])
    if (what === 'is under way again') {
      // What goes on is not given up by saying so: it is cancelled.
      await runtime.ever.resume('p', { anew: true })
      expect(await runtime.settled(run)).toMatchObject({ status: 'paused', code: 'DRIFTED' })
    }
    await runtime.verify()
  })

  test('and the old input fits again: its parent goes on with it', async () => {
    let amount = 1
    const parent = flow('parent', async (run) => run.child(payment, amount))
    await using runtime = await testRuntime({ flows: [parent, payment] })
    const run = await runtime.start(parent, undefined, { id: 'p' })
    await failed(runtime, run)
    amount = 2
    await runtime.ever.retry('p')
    expect(await runtime.settled(run)).toMatchObject({ code: 'DRIFTED' })
    broken = false
    amount = 1
    await runtime.ever.resume('p')
    expect(await runtime.result(run)).toBe('1 paid')
    expect(times()).toEqual([1])
    await runtime.verify()
  })

  test('stays in its version', async () => {
    const versioned = (version: string): typeof payment =>
      flow({ name: 'payment', version, run: payment.run })
    const parentOf = (child: typeof payment): ReturnType<typeof flow<undefined, string>> =>
      flow('parent', async (run, _input: undefined) => run.child(child, 7))
    const [first, second] = [versioned('1'), versioned('2')]
    await using runtime = await testRuntime({ flows: [parentOf(first), first] })
    const run = await runtime.start(parentOf(first), undefined, { id: 'p' })
    await failed(runtime, run)
    await runtime.restart({ flows: [parentOf(second), second] })
    broken = false
    await runtime.ever.retry('p')
    await runtime.settle()
    expect((await run.status()).status).toBe('waiting')
    await runtime.restart({ flows: [parentOf(second), first, second] })
    expect(await runtime.result(run)).toBe('7 paid')
    expect(times()).toEqual([1])
    await runtime.verify()
  })

  test('and has undone what it did is another run', async () => {
    const undoing = flow({
      name: 'undoing',
      actions: [action({ name: 'back', run: () => {} })],
      run: async (run) => {
        const options = { effect: 'once', undo: { action: 'back', input: 1 } } as const
        await run.step('pay', options, () => 1)
        return run.step('book', fragile)
      },
    })
    const parent = flow('parent', async (run) => run.child(undoing, null))
    await using runtime = await testRuntime({ flows: [parent, undoing] })
    const run = await runtime.start(parent, undefined, { id: 'p' })
    await failed(runtime, run)
    broken = false
    await runtime.ever.retry('p')
    expect(await runtime.result(run)).toBe('mended')
    expect(await below(runtime, 'p')).toHaveLength(2)
    await runtime.verify()
  })
})

describe('a child that was cancelled because its parent failed beside it', () => {
  /** Fails beside what a child has begun. */
  const beside = <Input>(
    child: ReturnType<typeof flow<Input, unknown>>,
    input: Input,
  ): ReturnType<typeof flow<undefined, unknown>> =>
    flow('beside', async (run, _input: undefined) => {
      const own = async (): Promise<void> => {
        await run.signal('fail')
        await run.step('own', fragile)
      }
      const [, made] = await Promise.all([own(), run.child(child, input)])
      return made
    })

  /** Pays, then waits. */
  const patient = flow('patient', async (run, amount: number) => {
    const receipt = await pay(run, amount)
    await run.signal('go')
    return receipt
  })

  /** Lets the run below go on that has not ended. */
  async function letGo(runtime: TestRuntime): Promise<void> {
    await runtime.settle()
    for (const { id, flow: name, status } of await runtime.ever.list()) {
      if (name === 'patient' && status === 'waiting') await runtime.signal(id, 'go')
    }
  }

  /** Started, and failed beside its child. */
  async function failedBeside(
    runtime: TestRuntime,
    parent: ReturnType<typeof flow<undefined, unknown>>,
  ): Promise<RunReference<unknown>> {
    const run = await runtime.start(parent, undefined, { id: 'p' })
    await runtime.signal(run, 'fail')
    expect(await runtime.settled(run)).toMatchObject({ error: { code: 'STEP_FAILED' } })
    broken = false
    return run
  }

  /** Retries a run that has failed beside this child: what comes of it, and how many runs it has started by then. */
  async function retriedBeside(
    child: ReturnType<typeof flow<unknown, unknown>>,
  ): Promise<readonly [result: unknown, children: number]> {
    const parent = beside(child, undefined)
    await using runtime = await testRuntime({ flows: [parent, child] })
    const run = await failedBeside(runtime, parent)
    await runtime.ever.retry('p')
    const result = await runtime.result(run)
    await runtime.verify()
    return [result, (await below(runtime, 'p')).length]
  }

  const gone = { status: 'paused', code: 'CHILD_GONE' }

  test('after it has done what must not be repeated pauses a retry', async () => {
    const parent = beside(patient, 3)
    await using runtime = await testRuntime({ flows: [parent, patient] })
    const run = await failedBeside(runtime, parent)
    const [child = ''] = await below(runtime, 'p')
    await runtime.ever.retry('p')
    const paused = { ...gone, message: expect.stringContaining(child) }
    expect(await runtime.settled(run)).toMatchObject(paused)
    await runtime.ever.resume('p')
    expect(await runtime.settled(run)).toMatchObject(gone)
    expect(times()).toEqual([1])
    await runtime.stop()
    await runtime.ever.resume('p', { by: 'Bob' })
    await runtime.ever.resume('p', { anew: true, by: 'Ann' }) // before the first was taken
    await runtime.ever.resume('p', { by: 'Bob' })
    await runtime.restart()
    await letGo(runtime)
    expect(await runtime.result(run)).toEqual('3 paid')
    const resumed = (await runtime.ledger('p')).findLast(({ kind }) => kind === 'run.resumed')
    expect(resumed?.data).toEqual({ anew: true, by: 'Ann' })
    expect(times()).toEqual([1, 1])
    expect(await below(runtime, 'p')).toHaveLength(2)
    await runtime.verify()
  })

  test('is another run where who retries agrees to it, and not at the next retry', async () => {
    const waiting = flow('waiting', async (run) => {
      await pay(run, 1)
      await run.signal('never')
    })
    const parent = flow('parent', async (run, _input: undefined) => {
      const own = async (): Promise<void> => {
        await run.signal('fail')
        await run.step('own', fragile)
        await run.signal('again')
        await run.step('other', fragile)
      }
      await Promise.all([own(), run.child(waiting, undefined)])
    })
    await using runtime = await testRuntime({ flows: [parent, waiting] })
    const run = await failedBeside(runtime, parent)
    await runtime.ever.retry('p', { anew: true })
    await runtime.settle()
    expect(times()).toEqual([1, 1])
    broken = true
    await runtime.signal(run, 'again')
    expect(await runtime.settled(run)).toMatchObject({ error: { code: 'STEP_FAILED' } })
    broken = false
    await runtime.ever.retry('p')
    expect(await runtime.settled(run)).toMatchObject(gone)
    expect(times()).toEqual([1, 1])
    await runtime.verify()
  })

  test('is another run where any of several retries agrees to it, and who did is named', async () => {
    const parent = beside(patient, 3)
    await using runtime = await testRuntime({ flows: [parent, patient] })
    const run = await failedBeside(runtime, parent)
    await runtime.stop()
    await runtime.ever.retry('p', { by: 'Ann' })
    await runtime.ever.retry('p', { by: 'Bob', anew: true })
    await runtime.ever.retry('p', { by: 'Cleo' })
    await runtime.restart()
    await letGo(runtime)
    expect(await runtime.result(run)).toBe('3 paid')
    const retried = (await runtime.ledger('p')).filter(({ kind }) => kind === 'run.retried')
    expect(retried.map(({ data }) => data)).toMatchObject([{ by: 'Bob', anew: true }])
    await runtime.verify()
  })

  test('is no other run for what was agreed to before a cancel that a later retry overrules', async () => {
    const parent = beside(patient, 3)
    await using runtime = await testRuntime({ flows: [parent, patient] })
    const run = await failedBeside(runtime, parent)
    await runtime.stop()
    await runtime.ever.retry('p', { by: 'Ann', anew: true })
    await runtime.ever.cancel('p', 'Not again.')
    await runtime.ever.retry('p', { by: 'Cleo' })
    await runtime.restart()
    expect(await runtime.settled(run)).toMatchObject(gone)
    expect(times()).toEqual([1])
    await runtime.verify()
  })

  test('after a run below it has done so pauses a retry, and what is agreed to holds below', async () => {
    const inner = flow('inner', async (run, amount: number) => run.child(patient, amount))
    const middle = flow('middle', async (run, amount: number) => {
      const [, made] = await Promise.all([
        run.signal('fail').then(() => run.step('own', fragile)),
        run.child(inner, amount),
      ])
      return made
    })
    const top = flow('top', async (run, _input: undefined) => run.child(middle, 4))
    await using runtime = await testRuntime({ flows: [top, middle, inner, patient] })
    const run = await runtime.start(top, undefined, { id: 't' })
    const [child = ''] = await below(runtime, 't')
    await runtime.signal(child, 'fail')
    await failed(runtime, run)
    broken = false
    await runtime.ever.retry('t')
    expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
    expect(await (await runtime.ever.get(child)).settled()).toMatchObject(gone)
    await runtime.ever.cancel('t')
    await runtime.settle()
    expect(times()).toEqual([1])

    prepare()
    const other = await runtime.start(top, undefined, { id: 'u' })
    const [second = ''] = await below(runtime, 'u')
    await runtime.signal(second, 'fail')
    await failed(runtime, other)
    broken = false
    await runtime.ever.retry('u', { anew: true })
    await letGo(runtime)
    expect(await runtime.result(other)).toBe('4 paid')
    expect(times()).toEqual([1, 1])
    await runtime.verify()
  })

  test('and has undone what it did is another run', async () => {
    const undoing = flow({
      name: 'undoing',
      actions: [action({ name: 'back', run: () => {} })],
      run: async (run) => {
        const undo = { action: 'back', input: 1 }
        await run.step('pay', { effect: 'once', undo }, () => 1)
        await run.step('book', { effect: 'idempotent', undo }, () => 1)
        if (broken) await run.signal('never')
        return 'done'
      },
    })
    expect(await retriedBeside(undoing)).toEqual(['done', 2])
  })

  test('and could not undo it pauses a retry, until somebody has', async () => {
    let isClosed = true
    const back = (): void => {
      if (isClosed) throw new Error('closed')
    }
    const undoing = flow({
      name: 'undoing',
      actions: [action({ name: 'back', run: back, retry: { attempts: 1 } })],
      run: async (run) => {
        await run.step('pay', { effect: 'once', undo: { action: 'back', input: 1 } }, () => 1)
        if (broken) await run.signal('never')
        return 'done'
      },
    })
    const parent = beside(undoing, undefined)
    await using runtime = await testRuntime({ flows: [parent, undoing] })
    const run = await failedBeside(runtime, parent)
    const [child = ''] = await below(runtime, 'p')
    await runtime.ever.retry('p')
    expect(await runtime.settled(run)).toMatchObject(gone)
    isClosed = false
    await runtime.ever.undo(child)
    await runtime.ever.resume('p')
    expect(await runtime.result(run)).toBe('done')
    await runtime.verify()
  })

  test('and whose call did not happen is another run', async () => {
    const calling = flow('calling', async (run) => {
      const call = run.step('pay', { effect: 'once' }, () => {
        if (broken) throw new NotDone('refused')
        return 'done'
      })
      return call.catch(() => run.signal('never'))
    })
    expect(await retriedBeside(calling)).toEqual(['done', 2])
  })

  test('is waited for until it has ended, and what it did by then counts', async () => {
    let finish: (() => void) | undefined
    const slow = flow('slow', async (run) => {
      try {
        if (broken) await run.signal('never')
      } finally {
        await run.cleanup('tidy', async (run) => {
          if (broken) await run.step('wait', () => new Promise<void>((done) => (finish = done)))
          await pay(run, 1)
        })
      }
      return 'done'
    })
    const parent = beside(slow, undefined)
    await using runtime = await testRuntime({ flows: [parent, slow] })
    const run = await runtime.start(parent, undefined, { id: 'p' })
    await runtime.ever.signal('p', 'fail')
    await runtime.runUntil(() => finish !== undefined)
    await runtime.runUntil(async () => (await run.status()).status === 'failed')
    const [child = ''] = await below(runtime, 'p')
    broken = false
    await runtime.ever.retry('p')
    await runtime.runUntil(async () => (await run.status()).status === 'waiting')
    expect(await runtime.store.run(child)).toMatchObject({ status: 'active' })
    expect(await below(runtime, 'p')).toEqual([child])
    finish?.()
    expect(await runtime.settled(run)).toMatchObject(gone)
    expect(times()).toEqual([1])
    expect(await runtime.store.messages('p', [])).toHaveLength(1) // how the child has ended
    await runtime.ever.resume('p', { anew: true })
    expect(await runtime.result(run)).toBe('done')
    expect(await runtime.store.messages('p', [])).toEqual([])
    await runtime.verify()
  })

  /** Below its only child, another run ends slowly, as long as it is broken. */
  async function endingBelow(
    tidy: (run: Run) => Promise<unknown>,
  ): Promise<{ runtime: TestRuntime; run: RunReference<unknown>; child: string; end: () => void }> {
    let finish: (() => void) | undefined
    const leaf = flow('leaf', async (run) => {
      try {
        if (broken) await run.signal('never')
        return 'done'
      } finally {
        await run.cleanup('tidy', async (run) => {
          if (broken) await run.step('wait', () => new Promise<void>((done) => (finish = done)))
          await tidy(run)
        })
      }
    })
    const inner = flow('inner', (run) => run.child(leaf, undefined))
    const parent = beside(inner, undefined)
    const runtime = await testRuntime({ flows: [parent, inner, leaf] })
    const run = await runtime.start(parent, undefined, { id: 'p' })
    await runtime.ever.signal('p', 'fail')
    await runtime.runUntil(() => finish !== undefined)
    await runtime.runUntil(async () => (await run.status()).status === 'failed')
    const [child = ''] = await below(runtime, 'p')
    await runtime.runUntil(async () => (await runtime.store.run(child))?.status === 'cancelled')
    broken = false
    return { runtime, run, child, end: () => finish?.() }
  }

  test('is no other run while a run below it has not ended, which may still do something', async () => {
    const { runtime, run, child, end } = await endingBelow((leaf) => pay(leaf, 1))
    await using _ = runtime
    await runtime.ever.retry('p')
    await runtime.runUntil(async () => (await run.status()).status !== 'running')
    expect(await run.status()).toMatchObject(gone)
    expect(await below(runtime, 'p')).toEqual([child])
    end()
    await runtime.settle()
    await runtime.ever.resume('p')
    expect(await runtime.settled(run)).toMatchObject(gone) // it has paid by now
    expect(times()).toEqual([1])
    await runtime.verify()
  })

  test('is no other run while one below it that failed is told to go on', async () => {
    const leaf = flow('leaf', (run) => run.step('book', fragile))
    const inner = flow('inner', (run) => run.child(leaf, undefined))
    const parent = flow('parent', (run) => run.child(inner, undefined))
    await using runtime = await testRuntime({ flows: [parent, inner, leaf] })
    const run = await runtime.start(parent, undefined, { id: 'p' })
    await failed(runtime, run)
    const [child = ''] = await below(runtime, 'p')
    broken = false
    await runtime.restart({ flows: [parent, inner] }) // nobody goes on with the leaf
    await runtime.ever.retry('p')
    await runtime.settle()
    await runtime.ever.cancel(child)
    await failed(runtime, run)
    await runtime.ever.retry('p')
    expect(await runtime.settled(run)).toMatchObject(gone)
    await runtime.restart({ flows: [parent, inner, leaf] })
    await runtime.settle()
    await runtime.ever.resume('p')
    expect(await runtime.result(run)).toBe('mended')
    await runtime.verify()
  })

  test('is another run once those below it have ended and done nothing', async () => {
    const { runtime, run, end } = await endingBelow(async () => {})
    await using _ = runtime
    await runtime.ever.retry('p')
    await runtime.runUntil(async () => (await run.status()).status === 'paused')
    end()
    await runtime.settle()
    await runtime.ever.resume('p')
    expect(await runtime.result(run)).toBe('done')
    await runtime.verify()
  })

  test('and whose call that could be undone did not happen is another run', async () => {
    const calling = flow({
      name: 'calling',
      actions: [action({ name: 'back', run: () => {} })],
      run: async (run) => {
        const undo = { action: 'back', input: 1 }
        const call = run.step('pay', { effect: 'idempotent', undo, retry: { attempts: 1 } }, () => {
          if (broken) throw new NotDone('refused')
          return 'done'
        })
        return call.catch(() => run.signal('never'))
      },
    })
    const parent = beside(calling, undefined)
    await using runtime = await testRuntime({ flows: [parent, calling] })
    const run = await failedBeside(runtime, parent)
    await runtime.ever.retry('p')
    expect(await runtime.result(run)).toBe('done')
    await runtime.verify()
  })

  test.each([
    ['paused, then agreed to', false],
    ['agreed to from the beginning', true],
  ])('whenever a worker dies: %s', async (_, anew) => {
    const parent = beside(patient, 3)
    const report = await crashAtEveryCommit(parent, undefined, {
      flows: [patient],
      prepare,
      drive: async (runtime, run) => {
        await runtime.signal(run, 'fail')
        await runtime.settled(run)
        await runtime.advance('1h')
        broken = false
        const before = times().length
        await runtime.ever.retry(run.id, anew ? { anew } : {})
        await runtime.settle()
        if ((await run.status()).status === 'paused') {
          expect([anew, times().length]).toEqual([false, before])
          await runtime.ever.resume(run.id, { anew: true })
        }
        await runtime.advance('1h')
        await letGo(runtime)
        expect(times().every((count) => count === 1)).toBe(true)
      },
    })
    expect(report.outcomes).toEqual([{ status: 'completed', output: '3 paid' }])
    expect(report.flaws).toEqual([])
  })

  test('leaves a run that says what it takes: a retry when it has failed, a resume when it is paused', async () => {
    const parent = beside(patient, 3)
    await using runtime = await testRuntime({ flows: [parent, patient] })
    await failedBeside(runtime, parent)
    await expect(runtime.ever.resume('p')).rejects.toThrow(/Only a paused run .* Retry this one\.$/)
    await runtime.ever.retry('p')
    await runtime.settle()
    await expect(runtime.ever.retry('p')).rejects.toThrow(/Only a failed run .* Resume this one\.$/)
  })

  test.each(['retry', 'resume'] as const)('%s takes no `anew` but true or false', async (what) => {
    await using runtime = await testRuntime({ flows: [patient] })
    await runtime.start(patient, 1, { id: 'p' })
    const asked = runtime.ever[what]('p', { anew: 'yes' as never })
    await expect(asked).rejects.toMatchObject({ code: 'BAD_OPTION' })
  })
})

test('a child that somebody retries, too, in whatever moment, is waited for', async () => {
  for (let at = 0; ; at++) {
    prepare()
    let calls = -Infinity
    let child = ''
    const runtime = await testRuntime({
      flows: [order, payment],
      onCall: async (_, proceed) => {
        if (calls++ === at) {
          await runtime.ever.retry(child).catch(() => {}) // it may be going on by then
          for (let i = 0; i < 30; i++) await setImmediate()
        }
        return proceed()
      },
    })
    const run = await runtime.start(order, 40, { id: 'o' })
    await failed(runtime, run)
    ;[child = ''] = await below(runtime, 'o')
    broken = false
    calls = 0
    await runtime.ever.retry('o')
    expect(await runtime.result(run), `at call ${at}`).toBe('40 paid')
    expect(times()).toEqual([1])
    expect(await below(runtime, 'o')).toEqual([child])
    await runtime.verify()
    await runtime.close()
    if (calls <= at) break
  }
})

test('what a child told before it was cancelled is not taken for its end', async () => {
  const slow = flow('slow', (run) => run.step('book', fragile))
  const parent = flow('parent', async (run, _input: undefined) => {
    const made = await run.child(slow, undefined).catch((error: unknown) => ({ error }))
    if (typeof made === 'string') return made
    await run.signal('on')
    throw made.error
  })
  let looks = 0
  await using runtime = await testRuntime({
    flows: [parent, slow],
    onCall: ({ method, args }, proceed) => {
      if (method === 'messages' && args[0] === 'p' && looks++ > 1000) throw new Error('for ever')
      return proceed()
    },
  })
  const run = await runtime.start(parent, undefined, { id: 'p' })
  await runtime.settle()
  const [child = ''] = await below(runtime, 'p')
  await runtime.ever.retry(child) // fails again: the parent hears of it and does not wait for it
  await runtime.settle()
  await runtime.signal(run, 'on')
  await failed(runtime, run)
  await runtime.restart({ flows: [parent] }) // nobody goes on with the child
  await runtime.ever.retry(child)
  await runtime.ever.cancel(child)
  looks = 0
  await runtime.ever.retry('p')
  await runtime.settle()
  expect(await run.status()).toMatchObject({ status: 'waiting' })
  expect(looks).toBeLessThan(100)
  broken = false
  await runtime.restart({ flows: [parent, slow] })
  expect(await runtime.result(run)).toBe('mended')
  expect(await runtime.store.messages('p', [])).toEqual([])
  expect((await below(runtime, 'p')).length).toBe(2)
  await runtime.verify()
})

test('a child whose cancel was overruled by another retry is no other run', async () => {
  await using runtime = await testRuntime({ flows: [order, payment] })
  const run = await runtime.start(order, 40, { id: 'o' })
  await failed(runtime, run)
  const [child = ''] = await below(runtime, 'o')
  await runtime.stop()
  broken = false
  await runtime.ever.retry(child)
  await runtime.ever.cancel(child, 'Enough.')
  await runtime.ever.retry(child)
  await runtime.ever.retry('o')
  await runtime.restart({ flows: [order] }) // asks for the child before anybody goes on with it
  await runtime.settle()
  await runtime.restart({ flows: [order, payment] })
  expect(await runtime.result(run)).toBe('40 paid')
  expect(times()).toEqual([1])
  expect(await below(runtime, 'o')).toEqual([child])
  await runtime.verify()
})

test('a child that had completed when its parent failed is not executed again', async () => {
  const done = flow('done', async (run) =>
    run.step('pay', () => (paid['done'] = (paid['done'] ?? 0) + 1)),
  )
  const parent = flow('parent', async (run) => {
    const both = Promise.all([run.step('own', fragile), run.child(done, null)])
    return (await both)[1]
  })
  const report = await crashAtEveryCommit(parent, undefined, {
    flows: [done],
    prepare,
    drive: async (runtime, run) => {
      await runtime.settled(run)
      const [child] = await runtime.ever.list({ parent: run.id })
      const before = child?.status === 'completed' ? 1 : 2
      broken = false
      await runtime.ever.retry(run.id)
      await runtime.settle()
      expect(await below(runtime, run.id)).toHaveLength(before)
    },
  })
  expect(report.flaws).toEqual([])
})

/** A store in which entries of this kind are erased from some moment on. */
const erasing =
  (kind: string, isErased: () => boolean): ((ports: Ports) => Store) =>
  (ports) => {
    const store = memoryStore(ports)
    const erased = (entries: readonly LinkedEntry[]): readonly LinkedEntry[] =>
      entries.map((one) =>
        isErased() && one.kind === kind ? { ...one, payload: null, salt: null } : one,
      )
    const reading: Pick<Store, 'entries' | 'entriesAt'> = {
      entries: async (...asked) => erased(await store.entries(...asked)),
      entriesAt: async (...asked) => erased(await store.entriesAt(...asked)),
    }
    return new Proxy(store, {
      get: (_, name) => {
        const found: unknown = Reflect.get(name in reading ? reading : store, name)
        return typeof found === 'function' ? found.bind(store) : found
      },
    })
  }

test('a child of which nobody knows what it had started is no other run', async () => {
  let isErased = false
  const leaf = flow('leaf', (run) => pay(run, 1))
  const inner = flow('inner', async (run) => {
    await run.child(leaf, undefined)
    await run.signal('go')
  })
  const parent = flow('parent', (run) => run.child(inner, undefined))
  const store = erasing('child.started', () => isErased)
  await using runtime = await testRuntime({ flows: [parent, inner, leaf], store })
  const run = await runtime.start(parent, undefined, { id: 'p' })
  await runtime.settle()
  await runtime.ever.cancel((await below(runtime, 'p'))[0] ?? '')
  await failed(runtime, run)
  isErased = true
  await runtime.ever.retry('p')
  expect(await runtime.settled(run)).toMatchObject({ status: 'paused', code: 'CHILD_GONE' })
})

test('nobody goes on with the output of a child that was erased', async () => {
  let isErased = false
  const store = erasing('run.completed', () => isErased)
  await using runtime = await testRuntime({ flows: [order, payment], store })
  const run = await runtime.start(order, 40, { id: 'o' })
  await failed(runtime, run)
  broken = false
  const [child = ''] = await below(runtime, 'o')
  await runtime.ever.retry(child)
  await runtime.settle()
  isErased = true
  await runtime.ever.retry('o')
  await runtime.settle()
  expect(await run.status()).toMatchObject({ status: 'paused', code: 'BROKEN_CHAIN' })
  expect(await below(runtime, 'o')).toEqual([child])
})

test('a store that cannot tell what has become of a child pauses nobody', async () => {
  let child = ''
  let failures = 0
  await using runtime = await testRuntime({
    flows: [order, payment],
    onCall: async ({ method, args }, proceed) => {
      if (method === 'run' && args[0] === child && failures++ === 0) throw new Error('gone away')
      return proceed()
    },
  })
  const run = await runtime.start(order, 40, { id: 'o' })
  await failed(runtime, run)
  ;[child = ''] = await below(runtime, 'o')
  broken = false
  await runtime.ever.retry('o')
  await runtime.advance('1m')
  expect(failures).toBeGreaterThan(0)
  expect(await runtime.result(run)).toBe('40 paid')
  expect(times()).toEqual([1])
  expect(await below(runtime, 'o')).toEqual([child])
})

describe('a cancel behind a retry', () => {
  test('that no worker has taken ends the run', async () => {
    await using runtime = await testRuntime({ flows: [order, payment] })
    const run = await runtime.start(order, 40, { id: 'o' })
    await failed(runtime, run)
    await runtime.stop()
    broken = false
    await runtime.ever.retry('o')
    await runtime.ever.cancel('o', 'Enough.')
    await runtime.restart()
    expect(await runtime.settled(run)).toMatchObject({ status: 'cancelled', reason: 'Enough.' })
    await runtime.verify()
  })

  test('reaches the children that go on, whenever it comes and a worker dies', async () => {
    const slow = flow('slow', async (run) => {
      await run.step('book', fragile)
      return run.signal('never')
    })
    const parent = flow('parent', async (run) => run.child(slow, null))
    const report = await crashAtEveryCommit(parent, undefined, {
      flows: [slow],
      prepare,
      drive: async (runtime, run) => {
        await failed(runtime, run)
        broken = false
        await runtime.ever.retry(run.id)
        for (let i = 0; i < cancels % 7; i++) await Promise.resolve()
        cancels++
        await runtime.ever.cancel(run.id, 'Enough.')
        await runtime.settle()
        const ends = (await runtime.ever.list()).map(({ status }) => status)
        expect(ends.filter((status) => status !== 'cancelled' && status !== 'failed')).toEqual([])
      },
    })
    expect(report.outcomes).toEqual([{ status: 'cancelled', reason: 'Enough.' }])
    expect(report.flaws).toEqual([])
  })
})

test('a run whose child has gone on is exported and imported as any other', async () => {
  await using runtime = await testRuntime({ flows: [order, payment] })
  const run = await runtime.start(order, 40, { id: 'o' })
  await failed(runtime, run)
  broken = false
  await runtime.ever.retry('o')
  await runtime.result(run)
  let text = ''
  for await (const line of runtime.ever.export('o')) text += line
  await using other = await testRuntime({ flows: [order, payment] })
  const imported = await other.ever.import([text])
  expect(imported.map(({ created }) => created)).toEqual([true, true])
})
