/** A store that an older version has made is brought up to date when it is opened. */
import { expect, test } from 'vitest'
import { Connection } from '../../src/store/sqlite/driver.ts'
import { applicationId, migrations, schemaVersion } from '../../src/store/sqlite/migrations.ts'
import { newLocation, openStore } from './ledger-folder.ts'

/** The tables and indexes of a file, as SQLite keeps them. */
const schemaOf = (connection: Connection): unknown =>
  connection.all('SELECT type, name, sql FROM sqlite_schema ORDER BY type, name')

test.each(migrations.map((_, i) => i + 1))('version %i', async (version) => {
  const location = newLocation()
  const older = new Connection(location, { access: 'create', busyMs: 1000 })
  older.exec('PRAGMA journal_mode = WAL')
  for (const step of migrations.slice(0, version)) older.exec(step)
  older.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${version}`)
  older.exec(
    `INSERT INTO runs (key, id, flow, version, queue, parent, status, code, created, updated, seq,
       hash, epoch, session, wake, crashes, overtakes, barren, newest, inbox, asking, labels) VALUES (1, 'old', 'flow', '1', 'default', NULL, 'active', NULL, 1, 1, 1, 'h',
       0, NULL, 0, 0, 0, 0, 0, 0, 0, '{}')`,
  )
  older.close()

  // Two at once: the lock decides who migrates, and the other finds it done.
  const [store, other] = await Promise.all([openStore(location), openStore(location)])
  expect((await store.run('old'))?.flow).toBe('flow')
  expect(await other.account('old')).toEqual({})
  expect(store.about.version).toBe(schemaVersion)

  const newest = newLocation()
  await openStore(newest)
  const [migrated, made] = [location, newest].map((path) => {
    const connection = new Connection(path, { access: 'read', busyMs: 1000 })
    const schema = [schemaOf(connection), connection.value('PRAGMA user_version')]
    connection.close()
    return schema
  })
  expect(migrated).toEqual(made)
})
