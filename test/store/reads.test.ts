/** Small reads that are asked for together leave nothing open behind them. */
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
