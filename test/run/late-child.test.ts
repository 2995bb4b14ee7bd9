/**
 * A run is cancelled in a pass in which its code has not come to its child yet, because it reads or
 * opens something: the child is told all the same.
 */
import { expect, test } from 'vitest'
import { flow } from 'everloop'
import { testRuntime, type TestRuntime } from 'everloop/testing'

const kid = flow('kid', (run) => run.signal('never'))

/** A parent that waits for its child; each later pass opens something first, until it is let on. */
function opening(): {
  readonly parent: ReturnType<typeof flow<undefined, unknown>>
  letOn: () => void
} {
  let passes = 0
  let letOn = (): void => {}
  const parent = flow('parent', async (run, _input: undefined) => {
    const open = (): Promise<string> | string =>
      ++passes === 1 ? 'open' : new Promise((resolve) => (letOn = () => resolve('open')))
    await run.step('before', () => 1)
    await run.resource('db', open, () => {})
    return run.child(kid, undefined)
  })
  return { parent, letOn: () => letOn() }
}

async function ends(runtime: TestRuntime): Promise<Record<string, string>> {
  const runs = await runtime.ever.list()
  return Object.fromEntries(runs.map(({ flow: name, status }) => [name, status]))
}

test('when the code comes to it after the cancel', async () => {
  const { parent, letOn } = opening()
  await using runtime = await testRuntime({ flows: [parent, kid] })
  const run = await runtime.start(parent, undefined)
  await runtime.ever.cancel(run.id, 'Enough.')
  await runtime.time.settle()
  letOn()
  await runtime.time.advance('1m')
  expect(await ends(runtime)).toEqual({ parent: 'cancelled', kid: 'cancelled' })
  await runtime.verify()
})

test('when the code never comes to it', async () => {
  const { parent } = opening()
  await using runtime = await testRuntime({ flows: [parent, kid] })
  const run = await runtime.start(parent, undefined)
  await runtime.ever.cancel(run.id, 'Enough.')
  await runtime.time.advance('1m')
  expect(await ends(runtime)).toEqual({ parent: 'cancelled', kid: 'cancelled' })
  await runtime.verify()
})

test('and is told once, however many passes the end of its parent takes', async () => {
  const done = flow('done', async (run) => run.step('s', () => 1))
  const slow = flow('slow', async (run) => {
    try {
      return await run.signal('never')
    } finally {
      await run.cleanup('tidy', (inner) => inner.sleep('1d'))
    }
  })
  const parent = flow('parent', async (run) => {
    try {
      await run.child(done, undefined)
      return await run.child(slow, undefined)
    } finally {
      await run.cleanup('tidy', async (inner) => {
        for (let i = 0; i < 4; i++) await inner.sleep('1h')
      })
    }
  })
  await using runtime = await testRuntime({ flows: [parent, done, slow] })
  const run = await runtime.start(parent, undefined)
  await runtime.ever.cancel(run.id, 'Enough.')
  const newest = async (): Promise<Record<string, number>> =>
    Object.fromEntries(
      (await runtime.store.runs({ parent: run.id })).map((row) => [row.flow, row.newest]),
    )
  await runtime.advance('90m')
  const told = await newest()
  expect(told).toMatchObject({ done: 0, slow: expect.any(Number) })
  await runtime.advance('2h')
  expect((await run.status()).status).toBe('waiting')
  expect(await newest()).toEqual(told)
  await runtime.verify()
})
