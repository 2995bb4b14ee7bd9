/** Small reads that are asked for together: what one of them does to the others, and what they leave behind. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { ChainBuilder } from '../../src/testing/chain-builder.ts'
import { newLocation, openStore } from './ledger-folder.ts'

test('whoever is told what was read does not keep the log from being emptied', async () => {
  const location = newLocation()
  const store = await openStore(location, { durability: 'process' })
  await store.createRun(new ChainBuilder('a').start())
  const other = new DatabaseSync(location)
  const emptied = store.run('a').then(() => other.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get())
  const [found] = await Promise.all([store.run('a'), store.entries('a'), store.queues()])
  expect(await emptied).toEqual({ busy: 0, log: 0, checkpointed: 0 })
  expect(found?.seq).toBe(1)
  other.close()
})

test('a read that fails leaves those that were asked for with it alone', async () => {
  const location = newLocation()
  const store = await openStore(location, { durability: 'process' })
  for (const id of ['a', 'b', 'c']) await store.createRun(new ChainBuilder(id).start())
  const other = new DatabaseSync(location)
  other.exec("UPDATE runs SET labels = 'not JSON' WHERE id = 'b'")
  other.close()
  const all = (): Promise<PromiseSettledResult<unknown>[]> =>
    Promise.allSettled(['a', 'b', 'c'].map((id) => store.run(id)))
  for (const results of [await all(), await all()]) {
    expect(results).toMatchObject([
      { value: { id: 'a' } },
      { reason: { name: 'SyntaxError' } },
      { value: { id: 'c' } },
    ])
  }
})

test('what was asked for before the store was closed is read, however many wait for a turn', async () => {
  const store = await openStore(newLocation(), { durability: 'process' })
  await store.createRun(new ChainBuilder('a').start())
  const asked = Array.from({ length: 100 }, () => store.run('a'))
  const closed = store.close()
  expect(await Promise.all(asked)).toHaveLength(100)
  await closed
})

test.skipIf(process.platform === 'win32')(
  'trouble of the disk that has passed is told to nobody who asks later',
  async () => {
    const location = newLocation()
    const store = await openStore(location, { durability: 'process' })
    await store.createRun(new ChainBuilder('a').start())
    const other = new DatabaseSync(location)
    other.exec('PRAGMA wal_checkpoint(TRUNCATE); UPDATE runs SET updated = updated + 1')
    const log = readFileSync(`${location}-wal`)
    const read = (): Promise<PromiseSettledResult<unknown>[]> =>
      Promise.allSettled([store.run('a'), store.runs({}), store.entries('a')])
    truncateSync(`${location}-wal`)
    expect(await read()).toMatchObject([
      { reason: { code: 'STORE_FAILED' } },
      { reason: { code: 'STORE_FAILED' } },
      { reason: { code: 'STORE_FAILED' } },
    ])
    writeFileSync(`${location}-wal`, log, { flag: 'r+' })
    expect(await read()).toMatchObject([
      { value: { id: 'a' } },
      { value: [{ id: 'a' }] },
      { value: [{ seq: 1 }] },
    ])
    other.close()
  },
)
