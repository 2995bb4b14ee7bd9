/** The test runtime plays time, people and crashes on the real runtime. */
import { describe, expect, test } from 'vitest'
import { flow } from 'everloop'
import { testRuntime } from '../../src/testing/test-runtime.ts'

const approval = flow('approval', async (run, amount: number) => {
  const price = await run.step('price', () => amount * 2)
  const yes = await run.ask<boolean>('Pay?')
  await run.sleep('60d')
  return { price, yes }
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
})
