/** Sessions whose lease ran out, in a process that goes on. */
import { mkdirSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { systemPorts } from '../../src/base/system.ts'
import { Connection } from '../../src/store/sqlite/driver.ts'
import { heldRun, leaseMs, session } from '../../src/testing/store-bed.ts'
import { testFlow } from '../../src/testing/chain-builder.ts'
import { newLocation, openStore } from './ledger-folder.ts'

/** Files of sessions that this process has open. */
const openFiles = (location: string): string[] =>
  readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`).startsWith(`${location}-sessions/`) ? [name] : []
    } catch {
      return [] // the folder's own, gone by now
    }
  })

test.skipIf(process.platform !== 'linux')(
  'the file of a session that was lost is closed when its runs are freed',
  async () => {
    let now = systemPorts.clock.now()
    const ports = { ...systemPorts, clock: { now: () => now } }
    const location = newLocation()
    const store = await openStore(location, { ports })
    await heldRun(store, 'r', 'lost-0')
    for (let i = 1; i <= 3; i++) {
      now += leaseMs
      await session(store, `lost-${i}`)
      const { runs } = await store.claim({ session: `lost-${i}`, flows: [testFlow], limit: 1 })
      expect(runs).toMatchObject([{ id: 'r', overtakes: i }])
    }
    expect(openFiles(location)).toHaveLength(1)
  },
)

test.skipIf(process.platform !== 'linux')(
  'whoever only looks at sessions keeps no file of those that are gone',
  async () => {
    const location = newLocation()
    const [worker, looker] = [await openStore(location), await openStore(location)]
    const before = openFiles(location).length
    for (const token of ['a', 'b', 'c']) {
      await session(worker, token)
      expect(await looker.sessions()).toMatchObject([{ token }])
      await worker.closeSession(token)
    }
    expect(await looker.sessions()).toEqual([])
    expect(openFiles(location)).toHaveLength(before)
  },
)

test.skipIf(process.platform !== 'linux')(
  'a session that the store could not take keeps no file open',
  async () => {
    const location = newLocation()
    const store = await openStore(location)
    await session(store, 'first')
    const other = new Connection(location, { access: 'write', busyMs: 1000 })
    // As a disk does that is full.
    other.exec(
      "CREATE TRIGGER full BEFORE INSERT ON sessions BEGIN SELECT RAISE(ABORT, 'full'); END",
    )
    other.close()
    for (const token of ['a', 'b']) await expect(session(store, token)).rejects.toThrow('full')
    expect(openFiles(location)).toHaveLength(1)
    expect(readdirSync(`${location}-sessions`)).toHaveLength(1)
  },
)

/** Makes the system refuse to remove the files of sessions, as that of another user's folder would. */
function makeUnremovable(location: string): void {
  const folder = `${location}-sessions`
  for (const name of readdirSync(folder)) {
    rmSync(join(folder, name))
    mkdirSync(join(folder, name))
  }
}

test('regression: a claim hands out what it has freed, even if the file of the lost session cannot be removed', async () => {
  let now = systemPorts.clock.now()
  const location = newLocation()
  const store = await openStore(location, { ports: { ...systemPorts, clock: { now: () => now } } })
  await heldRun(store, 'r', 'lost')
  makeUnremovable(location)
  now += leaseMs
  await session(store, 's')
  const { runs } = await store.claim({ session: 's', flows: [testFlow], limit: 1 })
  expect(runs).toMatchObject([{ id: 'r', session: 's' }])
})

test('regression: a store closes all of it, even if the files of its sessions cannot be removed', async () => {
  const location = newLocation()
  const store = await openStore(location)
  await session(store, 'a')
  await session(store, 'b')
  makeUnremovable(location)
  await store.closeSession('a')
  await store.close()
  expect(readdirSync(dirname(location)).filter((name) => /-(wal|shm)$/.test(name))).toEqual([])
  const next = await openStore(location)
  expect(await next.sessions()).toEqual([])
})
