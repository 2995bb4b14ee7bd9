/** Another program keeps the write lock: callers wait, and the event loop does not. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Connection } from '../../src/store/sqlite/driver.ts'
import { ChainBuilder, step, testFlow } from '../../src/testing/chain-builder.ts'
import { newLocation, openStore } from './ledger-folder.ts'

/** A wait for the lock on this thread stalls it each time; a machine that has others to serve does not. */
const times = 4
/** How long the event loop was kept busy so far. */
const active = (): number => performance.eventLoopUtilization().active

test('a locked file delays writes, fails none, and stalls neither timers nor reads', async () => {
  const location = newLocation()
  const store = await openStore(location)
  await store.openSession({ token: 's', leaseMs: 600_000, name: '' })
  const chain = new ChainBuilder('r')
  await store.createRun(chain.start())
  await store.claim({ session: 's', flows: [testFlow], limit: 1 })
  const hold = { session: 's', epoch: 1 }
  // From the second append on it is a lone caller, which is written without the thread.
  for (let i = 0; i < 5; i++) await store.append(chain.append(hold, [step(`k${i}`)]))

  const other = new Connection(location, { access: 'write', busyMs: 1000 })
  const stalls: number[] = []
  for (let time = 0; time < times; time++) {
    other.exec('BEGIN IMMEDIATE')
    let committed = false
    let longest = 0
    let before = active()
    const append = store.append(chain.append(hold, [step(`late${time}`)])).then((result) => {
      committed = true
      return result
    })
    for (let i = 0; i < 40; i++) {
      await sleep(10)
      expect((await store.run('r'))?.seq).toBe(6 + time)
      longest = Math.max(longest, active() - before)
      before = active()
    }
    stalls.push(longest)
    expect(committed).toBe(false)
    other.exec('ROLLBACK')
    expect((await append).is).toBe('committed')
    expect((await store.run('r'))?.seq).toBe(7 + time)
  }
  other.close()
  expect(Math.min(...stalls)).toBeLessThan(300) // a wait on this thread would have been 400 ms or more
})

test('what a listener throws is not the trouble of whoever wrote', async () => {
  const thrown: unknown[] = []
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.once('uncaughtException', (error) => thrown.push(error))
  try {
    const store = await openStore(newLocation())
    const stop = store.subscribe(() => {
      stop()
      throw new Error('mine')
    })
    const { created } = await store.createRun(new ChainBuilder('r').start())
    expect(created).toBe(true)
    await expect.poll(() => thrown.length).toBe(1)
    expect((await store.run('r'))?.id).toBe('r')
    await store.createRun(new ChainBuilder('r2').start())
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const listener of listeners) process.on('uncaughtException', listener)
  }
})
