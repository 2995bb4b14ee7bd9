/** A store that an older version has made is brought up to date when it is opened. */
import { expect, test } from 'vitest'
import { Connection } from '../../src/store/sqlite/driver.ts'
import { applicationId, migrations, schemaVersion } from '../../src/store/sqlite/migrations.ts'
import type { AnyDraft } from '../../src/ledger/index.ts'
import { step, turn } from '../../src/testing/chain-builder.ts'
import { heldRun, hold, session } from '../../src/testing/store-bed.ts'
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

test('a store of version 4 is read by a resume as it was, and goes on', async () => {
  const location = newLocation()
  const before = await openStore(location)
  const { chain, held } = await heldRun(before)
  const many = (scope: string): AnyDraft[] =>
    Array.from({ length: 600 }, (_, i) => step(`s${i}`, i, scope))
  for (let i = 1; i <= 30; i++) {
    const drafts = [...many(`l/${i}`), turn('l', i, i % 20 === 1), step(`r${i}`), step(`p${i}`)]
    await before.append(chain.append(held, drafts))
  }
  await before.append(chain.append(held, [step('a', 1, 'l/31'), step('a', 1, 'l/310')]))
  const read = await before.openEntries('r')
  await before.close()
  const older = new Connection(location, { access: 'write', busyMs: 1000 })
  const stretches = (): readonly unknown[] => older.all('SELECT * FROM everloop_stretches')
  const made = stretches()
  older.exec('DROP TABLE everloop_stretches; ALTER TABLE runs DROP COLUMN spent')
  older.exec('PRAGMA user_version = 4')
  older.exec('CREATE INDEX entries_by_scope ON entries (run, scope, seq)')

  const store = await openStore(location)
  const entries = await store.entries('r')
  const begun = entries.filter(({ scope }, i) => scope !== entries[i - 1]?.scope)
  const all = begun.map(({ scope, seq }) => [1, scope, seq] as const)
  expect(new Set(stretches().map(String))).toEqual(new Set(all.map(String)))
  expect(stretches()).toEqual(expect.arrayContaining([...made]))
  expect(read).toHaveLength(1 + 2 * 30 + 10 + 2)
  expect(await store.openEntries('r')).toEqual(read)
  await session(store, 't')
  const goingOn = chain.append(await hold(store, 't', 'r'), [
    step('b', 1, 'l/310'),
    step('b', 1, 'l/31'),
  ])
  expect(await store.append(goingOn)).toEqual({ is: 'committed', newest: 0 })
  expect((await store.openEntries('r')).slice(read.length).map(({ key }) => key)).toEqual([
    'b',
    'b',
  ])
  older.close()
})

test('what stood on an account before version 7 is counted with what comes', async () => {
  const location = newLocation()
  const before = await openStore(location)
  const { chain } = await heldRun(before)
  await before.close()
  const older = new Connection(location, { access: 'write', busyMs: 1000 })
  older.exec('ALTER TABLE runs DROP COLUMN spent; PRAGMA user_version = 6')
  older.exec("INSERT INTO everloop_accounts VALUES ('r', 'tokens', 5), ('r', 'turns', 1)")
  older.close()

  const store = await openStore(location)
  const charge = { to: ['r'], amounts: { tokens: 3, calls: 1 } }
  const draft = {
    scope: '',
    kind: 'step.completed',
    key: 'a',
    record: { charge, value: 1 },
  } as const
  await session(store, 't')
  expect(await store.append(chain.append(await hold(store, 't', 'r'), [draft]))).toMatchObject({
    is: 'committed',
  })
  expect(await store.account('r')).toEqual({ tokens: 8, turns: 1, calls: 1 })
})
