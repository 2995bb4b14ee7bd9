/** A session's lock file that another process takes for one left behind, before its owner has locked it. */
import fs, { readdirSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Connection } from '../../src/store/sqlite/driver.ts'
import { session } from '../../src/testing/store-bed.ts'
import { newLocation, openStore } from './ledger-folder.ts'

/** What happens once, at the instant when a session's file has been made and nobody has locked it. */
function whenMade(act: (path: string) => void): Disposable {
  const { openSync: open, closeSync: close } = fs
  const made = new Map<number, string>()
  let isOver = false
  fs.openSync = ((path: string, ...rest: [flags: string]) => {
    const handle = open(path, ...rest)
    if (/-sessions./.test(path)) made.set(handle, path)
    return handle
  }) as typeof open
  fs.closeSync = (handle) => {
    close(handle)
    const path = made.get(handle)
    if (path === undefined || isOver) return
    isOver = true
    act(path)
  }
  syncBuiltinESMExports()
  return {
    [Symbol.dispose]: () => {
      Object.assign(fs, { openSync: open, closeSync: close })
      syncBuiltinESMExports()
      expect(isOver).toBe(true)
    },
  }
}

function locked(path: string): Connection {
  const connection = new Connection(path, { access: 'write', busyMs: 0 })
  onTestFinished(() => connection.close())
  connection.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  return connection
}

test.each<{ name: string; act: (path: string) => void }>([
  { name: 'has removed', act: (path) => rmSync(path) },
  { name: 'has locked', act: (path) => void locked(path) },
  {
    name: 'has locked and removed',
    act: (path) => {
      locked(path)
      rmSync(path)
    },
  },
])('a session lives whose file another process $name', async ({ act }) => {
  const location = newLocation()
  const [owner, other] = [await openStore(location), await openStore(location)]
  {
    using _ = whenMade(act)
    await session(owner, 'a')
  }
  expect(readdirSync(`${location}-sessions`)).toHaveLength(1)
  await session(other, 'b') // clears away what nobody has locked
  const files = readdirSync(`${location}-sessions`)
  expect(files).toHaveLength(2)
  for (const name of files) {
    expect(() => locked(join(`${location}-sessions`, name))).toThrow('database is locked')
  }
  for (const row of await other.sessions()) expect(row.isDead).toBeUndefined()
  await owner.closeSession('a')
  expect(readdirSync(`${location}-sessions`)).toHaveLength(1)
})
