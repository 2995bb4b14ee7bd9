/** Runs that 0.1.0 has retried, or ended, in its own way: this version goes on with them. */
import { expect, test } from 'vitest'
import { flow } from 'everloop'
import { type TestRuntime, testRuntime } from 'everloop/testing'
import type { AnyDraft } from '../../src/ledger/index.ts'
import type { AnyFlow } from '../../src/run/index.ts'
import { ChainBuilder } from '../../src/testing/chain-builder.ts'

const down = { name: 'Error', message: 'down' }

/** A runtime that finds these entries behind the first one of run "r", all written before. */
async function finding(flows: AnyFlow, drafts: readonly AnyDraft[]): Promise<TestRuntime> {
  const runtime = await testRuntime({ flows: [flows], workers: 0 })
  const { store } = runtime
  const { name } = flows
  const chain = new ChainBuilder('r')
  await store.createRun(chain.start({ flow: name, version: '1', wake: store.clock.now() }))
  await store.openSession({ token: 'past', leaseMs: 60_000, name: 'past' })
  const { runs } = await store.claim({ session: 'past', flows: [{ name, version: '1' }], limit: 1 })
  const hold = { session: 'past', epoch: runs[0]?.epoch ?? 0 }
  const release = { wake: store.clock.now(), seen: 0 }
  expect(await store.append(chain.append(hold, drafts, { release }))).toMatchObject({
    is: 'committed',
  })
  await store.closeSession('past')
  return runtime
}

test('a run that failed although a cancel had been taken is retried', async () => {
  const one = flow('one', async (run) => run.step('s', () => 'done'))
  await using runtime = await finding(one, [
    { scope: '', kind: 'step.failed', key: 's', record: { error: down, attempts: 1 } },
    { scope: '', kind: 'run.cancelling', key: '', record: { reason: 'enough' } },
    { scope: '', kind: 'run.failed', key: '', record: { error: down, cause: 2 } },
  ])
  runtime.addWorker()
  const run = await runtime.ever.get('r')
  expect(await runtime.settled(run)).toMatchObject({ status: 'failed' })
  await runtime.ever.retry('r')
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 'done' })
  await runtime.verify()
})

test('a run that is doing a forgotten scope again goes on with what it has done by now', async () => {
  const calls: string[] = []
  const trip = flow('trip', async (run) => {
    const [hotel, flight] = await Promise.allSettled([
      run.step('hotel', () => 'room'),
      run.scope('flight', async (scope) => {
        const seat = await scope.step('seat', () => void calls.push('seat'))
        const meal = await scope.step('meal', () => void calls.push('meal'))
        return [seat, meal].length
      }),
    ])
    if (hotel.status === 'rejected') throw hotel.reason
    return [hotel.value, flight.status]
  })
  await using runtime = await finding(trip, [
    { scope: '', kind: 'step.failed', key: 'hotel', record: { error: down, attempts: 1 } },
    { scope: 'flight', kind: 'step.completed', key: 'seat', record: { value: undefined } },
    { scope: 'flight', kind: 'step.completed', key: 'meal', record: { value: undefined } },
    { scope: '', kind: 'scope.closed', key: 'flight', record: { value: 2 } },
    { scope: '', kind: 'run.failed', key: '', record: { error: down, cause: 2 } },
    {
      scope: '',
      kind: 'run.retried',
      key: '',
      record: { forget: [2, 3, 4, 5], reopen: [{ path: 'flight', from: 1 }] },
    },
    { scope: 'flight', kind: 'step.completed', key: 'seat', record: { value: undefined } },
  ])
  runtime.addWorker()
  const run = await runtime.ever.get('r')
  expect(await runtime.settled(run)).toEqual({
    status: 'completed',
    output: ['room', 'fulfilled'],
  })
  // Its first execution is in the ledger: it is not done a third time, nor the meal a second.
  expect(calls).toEqual([])
  await runtime.verify()
})
