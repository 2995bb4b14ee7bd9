/** A store that a newer version has migrated is not written by an older one that has it open. */
import { describe, expect, test } from 'vitest'
import { Connection } from '../../src/store/sqlite/driver.ts'
import { schemaVersion } from '../../src/store/sqlite/migrations.ts'
import { message, start } from '../../src/testing/store-bed.ts'
import { newLocation, openStore } from './ledger-folder.ts'

describe.each([
  ['where callers are', 10],
  ['on the thread', 200_000],
])('writing %s', (_where, units) => {
  test('ends with STORE_NEWER once a newer version has migrated the file', async () => {
    const location = newLocation()
    const store = await openStore(location)
    await start(store, 'r')
    const payload = JSON.stringify({ value: 'x'.repeat(units) })
    const sent = message('r', 'signal', { payload })
    expect((await store.deliver(sent)).is).toBe('delivered')

    const newer = new Connection(location, { access: 'write', busyMs: 1000 })
    newer.exec(`PRAGMA user_version = ${schemaVersion + 1}`)
    await expect(store.deliver(sent)).rejects.toMatchObject({
      code: 'STORE_NEWER',
      message: expect.stringContaining(location),
    })
    expect(newer.value('SELECT count(*) FROM messages')).toBe(1)
    newer.close()
    // It is over for good, not only for this write.
    await expect(store.run('r')).rejects.toMatchObject({ code: 'STORE_NEWER' })
    await expect(store.deliver(sent)).rejects.toMatchObject({ code: 'STORE_NEWER' })
  })
})
