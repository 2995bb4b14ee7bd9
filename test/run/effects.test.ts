/** Steps that must not repeat: the plain course of each thing that can become of a call. */
import { describe, expect, test } from 'vitest'
import { flow } from 'everloop'
import { testRuntime } from 'everloop/testing'

describe('a once step', () => {
  test('is intended, called, and recorded with one outcome', async () => {
    const keys: string[] = []
    const pay = flow('pay', async (run) =>
      run.step('pay', { effect: 'once', input: { cents: 5 } }, ({ cents }, { idempotencyKey }) => {
        keys.push(idempotencyKey)
        return cents * 2
      }),
    )
    await using runtime = await testRuntime({ flows: [pay] })
    const run = await runtime.start(pay, undefined)
    expect(await runtime.result(run)).toBe(10)
    const entries = await runtime.ledger(run)
    expect(entries.map(({ kind }) => kind)).toEqual([
      'run.started',
      'effect.intended',
      'step.completed',
      'run.completed',
    ])
    const [, intended] = entries
    expect(intended?.data).toEqual({
      args: { cents: 5 },
      effect: 'once',
      attempt: 1,
      due: (intended?.time ?? 0) + 70_000,
      input: expect.any(String),
    })
    expect(keys).toEqual([expect.stringMatching(/^[\w-]{43}$/)])
    await runtime.verify()
  })
})
