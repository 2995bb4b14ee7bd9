/** What an AsyncLocalStorage of the user's tells inside the bodies of steps. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, test } from 'vitest'
import { type EverloopError, flow, type StepContext } from 'everloop'
import { testRuntime } from 'everloop/testing'

const tenant = new AsyncLocalStorage<string>()

const told: string[] = []

const serving = flow('serving', (run, name: string) =>
  tenant.run(name, async () => {
    await run.step('first', () => told.push(`${name} first ${tenant.getStore()}`))
    await run.sleep('1h')
    await run.step('later', async () => {
      await Promise.resolve()
      told.push(`${name} later ${tenant.getStore()}`)
    })
    for (const delay of ['1ms', '1m'] as const) {
      await run.step('again', { retry: { attempts: 2, delay } }, ({ attempt }) => {
        told.push(`${name} attempt ${attempt} ${tenant.getStore()}`)
        if (attempt === 1) throw new Error('not yet')
      })
    }
    await run.step('sent', { effect: 'once' }, () => told.push(`${name} once ${tenant.getStore()}`))
    await tenant.run(`${name}'s guest`, () =>
      run.map('many', [1, 2], (branch) =>
        branch.step('guest', () => told.push(`${name} guest ${tenant.getStore()}`)),
      ),
    )
  }),
)

test('a step stands where it was asked for, with many runs at once, later and again', async () => {
  await using runtime = await testRuntime({ flows: [serving] })
  const names = Array.from({ length: 20 }, (_, i) => `t${i}`)
  const runs = await Promise.all(names.map((name) => runtime.start(serving, name)))
  await runtime.advance('2h')
  for (const run of runs) await runtime.result(run)
  for (const name of names) {
    expect(told.filter((line) => line.startsWith(`${name} `))).toEqual([
      `${name} first ${name}`,
      `${name} later ${name}`,
      `${name} attempt 1 ${name}`,
      `${name} attempt 2 ${name}`,
      `${name} attempt 1 ${name}`,
      `${name} attempt 2 ${name}`,
      `${name} once ${name}`,
      `${name} guest ${name}'s guest`,
      `${name} guest ${name}'s guest`,
    ])
  }
})

test('what a body is handed may be copied and wrapped', async () => {
  const paying = flow('paying', (run) =>
    run.step('pay', (context) => {
      const { idempotencyKey: key } = context
      const copies = [{ ...context }, Object.assign({}, context)]
      const wrapped = [new Proxy(context, {}), Object.create(context) as typeof context]
      return [...copies, ...wrapped].map(
        (one) => one.idempotencyKey === key && one.attempt === 1 && !one.signal.aborted,
      )
    }),
  )
  await using runtime = await testRuntime({ flows: [paying] })
  const run = await runtime.start(paying, undefined)
  expect(await runtime.result(run)).toEqual([true, true, true, true])
})

// An object with getters of its own gets a hidden class of its own: all that they reach stayed alive until
// the next full collection, so each collection of the young copied what every step had.
test('what bodies are handed shares its getters', async () => {
  const handed: StepContext[] = []
  const twice = flow('twice', async (run) => {
    await run.step('one', (context) => handed.push(context))
    await run.step('two', (context) => handed.push(context))
  })
  await using runtime = await testRuntime({ flows: [twice] })
  const run = await runtime.start(twice, undefined)
  await runtime.result(run)
  expect(handed).toHaveLength(2)
  for (const field of ['signal', 'idempotencyKey']) {
    const [one, two] = handed.map((context) => Object.getOwnPropertyDescriptor(context, field))
    expect(one).toMatchObject({ get: expect.any(Function), enumerable: true })
    expect(two).toEqual(one)
  }
})

// The trace held the scope that ended first, with all that was handed over in it, for as long as the run went on.
test('what a signal is aborted with at the end of its scope has no trace', async () => {
  const signals: AbortSignal[] = []
  const scoped = flow('scoped', async (run) => {
    await run.scope('inner', (inner) => signals.push(inner.abortSignal))
    signals.push(run.abortSignal)
  })
  const { stackTraceLimit } = Error
  await using runtime = await testRuntime({ flows: [scoped] })
  const run = await runtime.start(scoped, undefined)
  await runtime.result(run)
  const reasons = signals.map(({ reason }) => reason as EverloopError)
  expect(reasons.map(({ code, run: of }) => ({ code, of }))).toEqual([
    { code: 'CANCELLED', of: run.id },
    { code: 'CANCELLED', of: run.id },
  ])
  for (const { stack } of reasons) expect(stack).not.toContain('\n')
  expect(Error.stackTraceLimit).toBe(stackTraceLimit)
})
