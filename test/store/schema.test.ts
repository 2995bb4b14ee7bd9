/**
 * The schema against a manifest, so that a released migration is never changed by accident. After a
 * new migration, `vitest -u` writes the manifest; its diff is what a reviewer looks at.
 */
import { expect, test } from 'vitest'
import { applicationId, schemaVersion } from '../../src/store/sqlite/migrations.ts'
import { openLedger } from '../../src/store/sqlite/open.ts'
import { newLocation } from './ledger-folder.ts'

test('the schema is the one in the manifest', async () => {
  const connection = openLedger({ location: newLocation(), durability: 'process' })
  const rows = connection.all<readonly [sql: string]>(
    "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type DESC, name",
  )
  const manifest = [
    `-- application_id ${connection.value<number>('PRAGMA application_id')}`,
    `-- user_version ${connection.value<number>('PRAGMA user_version')}`,
    ...rows.map(([sql]) => `${sql};`),
  ].join('\n')
  connection.close()
  expect([applicationId, schemaVersion]).toEqual([0x65766c70, 7])
  await expect(`${manifest}\n`).toMatchFileSnapshot('schema-manifest.sql')
})
