/** The test runtime plays time, people and crashes on the real runtime. */
import { describe, expect, test } from 'vitest'
import { EverloopError, flow } from 'everloop'
import { crashAtEveryCommit, memoryStore, testRuntime, virtualTime } from 'everloop/testing'

const approval = flow('approval', async (run, amount: number) => {
  const price = await run.step('price', () => amount * 2)
  const yes = await run.ask<boolean>('Pay?')
  await run.sleep('60d')
  return { price, yes }
})

test('what is misspelt in its options is refused', async () => {
  const refused = (message: RegExp) => ({
    code: 'BAD_OPTION',
    message: expect.stringMatching(message),
  })
  await expect(testRuntime({ flws: [approval] } as never)).rejects.toMatchObject(
    refused(/testRuntime has no option "flws"\. Did you mean "flows"\?/),
  )
  await expect(crashAtEveryCommit(approval, 21, { drve: () => {} } as never)).rejects.toMatchObject(
    refused(/crashAtEveryCommit has no option "drve"\. Did you mean "drive"\?/),
  )
  expect(() => virtualTime({ sed: 1 } as never)).toThrow(/virtualTime has no option "sed"/)
  await using runtime = await testRuntime()
  const next = { flos: [approval] } as never
  const message = /has no option "flos"\. Did you mean "flows"\?/
  expect(() => runtime.addWorker(next)).toThrow(message)
  expect(() => runtime.crash(next)).toThrow(message)
  await expect(runtime.restart(next)).rejects.toThrow(message)
})

test('says which flow and version nobody serves', async () => {
  const second = flow({ name: 'approval', version: '2', run: () => 'dropped' })
  await using runtime = await testRuntime({ flows: [approval] })
  const run = await runtime.start(approval, 21, { id: 'a' })
  await runtime.restart({ flows: [second] })
  await runtime.answer('Pay?', true)
  const refused = {
    code: 'DEADLINE',
    message: expect.stringMatching(/"a".*"approval" in version "1".*approval 2/),
  }
  await expect(runtime.settled(run)).rejects.toMatchObject(refused)
  await expect(runtime.result(run)).rejects.toMatchObject(refused)
})

describe('a test runtime', () => {
  test('takes a run through an answer and two months', async () => {
    await using runtime = await testRuntime({ flows: [approval] })
    const run = await runtime.start(approval, 21)
    expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
    await runtime.answer('Pay?', true)
    const before = runtime.time.clock.now()
    await runtime.advance('59d')
    expect((await run.status()).status).toBe('waiting')
    await runtime.advance('1d')
    expect(await runtime.result(run)).toEqual({ price: 42, yes: true })
    expect(runtime.time.clock.now() - before).toBeLessThan(60.1 * 86_400_000)
    await runtime.verify()
  })

  test('kills its worker without a word and lets another one take over', async () => {
    await using runtime = await testRuntime({ flows: [approval] })
    let bodies = 0
    const slow = flow('slow', async (run) => {
      await run.step('first', () => 1)
      return run.step('second', () => {
        bodies++
        return bodies === 1 ? new Promise<number>(() => {}) : bodies
      })
    })
    await runtime.restart({ flows: [slow] })
    const run = await runtime.ever.start(slow, undefined)
    await runtime.runUntil(() => bodies === 1)
    runtime.crash()
    expect(await runtime.result(run)).toBe(2)
    expect((await runtime.ledger(run)).map(({ kind }) => kind)).toEqual([
      'run.started',
      'step.completed',
      'run.overtaken',
      'step.completed',
      'run.completed',
    ])
    await runtime.verify()
  })

  test('leaps over months in which workers only poll, and over no timer of the test', async () => {
    await using runtime = await testRuntime({ flows: [approval], start: 0, workers: 3 })
    const run = await runtime.start(approval, 1)
    const seen: number[] = []
    const { at } = runtime.time.setTimer(86_400_000, () => seen.push(runtime.time.clock.now()))
    await runtime.answer('Pay?', true)
    await runtime.advance('365d')
    expect(await runtime.result(run)).toMatchObject({ yes: true })
    expect(seen).toEqual([at])
  })

  test('plays the same life from the same seed', async () => {
    const lives = [1, 1, 2].map(async (seed) => {
      await using runtime = await testRuntime({ flows: [approval], seed })
      const run = await runtime.start(approval, 21)
      await runtime.answer('Pay?', true)
      await runtime.advance('60d')
      const rows = await runtime.store.follow(0, 100)
      return [run.id, ...rows.map(({ hash }) => hash)]
    })
    const [one, same, other] = await Promise.all(lives)
    expect(one).toEqual(same)
    expect(one).not.toEqual(other)
  })

  test('says which runs do not come to rest, and which questions are open', async () => {
    const stuck = flow('stuck', async (run) => run.step('s', () => new Promise(() => {})))
    await using runtime = await testRuntime({ flows: [stuck, approval] })
    await runtime.start(approval, 1, { id: 'asking' })
    await expect(runtime.answer('Buy?', true)).rejects.toMatchObject({
      code: 'UNKNOWN_QUESTION',
      message: expect.stringContaining('"Pay?" (asking/3)'),
    })
    await runtime.ever.start(stuck, undefined, { id: 'stuck-1' })
    await expect(runtime.settle()).rejects.toThrow(/"stuck-1" \(stuck\)/)
  })

  test('lets a test lose the reply of a commit', async () => {
    let lost = 0
    await using runtime = await testRuntime({
      flows: [approval],
      onCall: async ({ method }, proceed) => {
        const reply = await proceed()
        if (method !== 'append' || lost > 0) return reply
        lost++
        throw new EverloopError('STORE_UNAVAILABLE', 'The reply was lost.')
      },
    })
    const run = await runtime.start(approval, 21)
    expect(await runtime.settled(run)).toMatchObject({ status: 'waiting' })
    expect(lost).toBe(1)
    expect(runtime.troubles.map(({ error }) => (error as Error).message)).toEqual([
      'The reply was lost.',
    ])
    await runtime.verify()
  })

  test('lets nothing of a killed worker through, whatever it still has in its hands', async () => {
    let release: (value: number) => void = () => {}
    const slow = flow('slow', async (run) => {
      const value = await run.step('s', () => new Promise<number>((resolve) => (release = resolve)))
      await run.note('went on', value)
    })
    await using runtime = await testRuntime({ flows: [slow] })
    const run = await runtime.ever.start(slow, undefined)
    await runtime.runUntil(async () => (await run.status()).status === 'running')
    await runtime.time.settle()
    for (const worker of runtime.workers) worker.crash()
    release(1)
    await runtime.time.advance('1h')
    expect(await runtime.ledger(run)).toHaveLength(1)
  })

  test('notices a ledger that breaks a rule', async () => {
    await using runtime = await testRuntime({
      flows: [approval],
      store: ({ clock }) => {
        const store = memoryStore({ clock })
        return new Proxy(store, {
          get: (target, name) => {
            const value: unknown = Reflect.get(target, name)
            if (name !== 'entries') return typeof value === 'function' ? value.bind(target) : value
            return async (run: string) => {
              const entries = await target.entries(run)
              return entries.map((entry) => ({ ...entry, time: entry.time - entry.seq }))
            }
          },
        })
      },
    })
    await runtime.start(approval, 1)
    await expect(runtime.verify()).rejects.toMatchObject({ code: 'CONFORMANCE' })
  })
})
