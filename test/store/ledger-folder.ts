/** A place for one test's ledger, and stores on it; all of it is gone after the test. */
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { systemPorts } from '../../src/base/system.ts'
import { sqliteStore, type SqliteStoreOptions } from '../../src/store/sqlite/store.ts'
import type { Store } from '../../src/store/store.ts'
import { testFolder } from '../test-folder.ts'

export const newLocation = (): string => join(testFolder(), 'ledger.db')

/** Opens a store that is closed after the test. */
export async function openStore(
  location: string,
  options: Partial<SqliteStoreOptions> = {},
): Promise<Store> {
  const store = await sqliteStore({ location, ports: systemPorts, ...options })
  onTestFinished(() => store.close())
  return store
}
