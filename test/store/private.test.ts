/** Who may read a new ledger: its owner, and nobody else. What is there already is left alone. */
import fs, {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { message, start } from '../../src/testing/store-bed.ts'
import { openStore } from './ledger-folder.ts'
import { testFolder } from '../test-folder.ts'

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)

test.skipIf(process.platform === 'win32')('new files and folders are for their owner', async () => {
  const folder = join(testFolder(), 'a', 'b')
  const location = join(folder, 'ledger.db')
  const store = await openStore(location)
  await store.openSession({ token: 's', leaseMs: 1000, name: '' })
  await start(store, 'r')
  // More than fits the first writer, so that the other one opens the file too.
  await store.deliver(message('r', 'signal', { payload: `"${'x'.repeat(100_000)}"` }))
  expect(modeOf(join(folder, '..'))).toBe('700')
  expect(modeOf(folder)).toBe('700')
  for (const ending of ['', '-wal', '-shm']) expect(modeOf(`${location}${ending}`)).toBe('600')
  const locks = `${location}-sessions`
  expect(modeOf(locks)).toBe('700')
  expect(readdirSync(locks).map((name) => modeOf(join(locks, name)))).toEqual(['600'])
})

test.skipIf(process.platform === 'win32')('what is there keeps its mode', async () => {
  const folder = join(testFolder(), 'shared')
  mkdirSync(folder)
  chmodSync(folder, 0o750)
  const location = join(folder, 'ledger.db')
  await (await openStore(location)).close()
  chmodSync(location, 0o640)
  const store = await openStore(location)
  await start(store, 'r')
  expect(modeOf(folder)).toBe('750')
  for (const ending of ['', '-wal', '-shm']) expect(modeOf(`${location}${ending}`)).toBe('640')
})

// Who is not root can give nothing away.
test.runIf(process.getuid?.() === 0)(
  'the locks of sessions belong to whom the ledger belongs, also when root is first to work on it',
  async () => {
    const folder = testFolder()
    const location = join(folder, 'ledger.db')
    await (await openStore(location)).close()
    chownSync(location, 12_345, 54_321)
    const store = await openStore(location)
    await store.openSession({ token: 's', leaseMs: 1000, name: '' })
    expect(statSync(`${location}-sessions`)).toMatchObject({ uid: 12_345, gid: 54_321 })
  },
)

/** Somebody puts a link in the place of the folder as soon as it is made. */
function swappedFor(target: string): Disposable {
  const { mkdirSync: make } = fs
  fs.mkdirSync = ((path: string, options: object) => {
    const made = make(path, options)
    if (path.endsWith('-sessions')) {
      rmdirSync(path)
      symlinkSync(target, path)
    }
    return made
  }) as typeof make
  syncBuiltinESMExports()
  return {
    [Symbol.dispose]: () => {
      fs.mkdirSync = make
      syncBuiltinESMExports()
    },
  }
}

test.runIf(process.getuid?.() === 0)(
  'root gives nothing away but that folder, whatever the owner of the ledger has put in its place',
  async () => {
    const target = testFolder()
    const location = join(testFolder(), 'ledger.db')
    await (await openStore(location)).close()
    chownSync(location, 12_345, 54_321)
    using _ = swappedFor(target)
    const store = await openStore(location)
    await store.openSession({ token: 's', leaseMs: 1000, name: '' })
    expect(statSync(target)).toMatchObject({ uid: 0, gid: 0 })
  },
)
