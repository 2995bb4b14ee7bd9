/** What is opened, made or refused, and how durable it is then. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Connection } from '../../src/store/sqlite/driver.ts'
import { networkName } from '../../src/store/sqlite/file-system.ts'
import { schemaVersion } from '../../src/store/sqlite/migrations.ts'
import { openLedger } from '../../src/store/sqlite/open.ts'
import { ChainBuilder } from '../../src/testing/chain-builder.ts'
import { newLocation, openStore } from './ledger-folder.ts'
import { asRoot, mountedSmall } from '../small-disk.ts'
import { testFolder } from '../test-folder.ts'

/** A closed ledger with some runs in it. */
async function ledger(runs = 50): Promise<string> {
  const location = newLocation()
  const store = await openStore(location)
  await Promise.all(
    Array.from({ length: runs }, (_, i) => store.createRun(new ChainBuilder(`r${i}`).start())),
  )
  await store.close()
  return location
}

const edit = (location: string, sql: string): void => {
  const connection = new Connection(location, { access: 'create', busyMs: 0 })
  connection.exec(sql)
  connection.close()
}

test('the folder is made, and nothing but the file is left at the end', async () => {
  const folder = join(testFolder(), 'a', 'b')
  const location = join(folder, 'ledger.db')
  const store = await openStore(location)
  expect(store.about).toEqual({
    kind: 'sqlite',
    location,
    version: schemaVersion,
    durability: 'power-cut',
  })
  await store.createRun(new ChainBuilder('r').start())
  await store.openSession({ token: 's', leaseMs: 1000, name: '' })
  await store.close()
  expect(existsSync(`${location}-wal`)).toBe(false)
  expect(readdirSync(`${location}-sessions`)).toEqual([])
  const again = await openStore(location)
  expect((await again.run('r'))?.id).toBe('r')
})

test.skipIf(process.platform === 'win32')('a path that leads nowhere is refused', async () => {
  const folder = testFolder()
  const [file, one, other] = [join(folder, 'file'), join(folder, 'one'), join(folder, 'other')]
  writeFileSync(file, '')
  symlinkSync(one, other)
  symlinkSync(other, one)
  const wrong = [`${file}/ledger.db`, one, `${one}/ledger.db`, join(folder, 'x'.repeat(300))]
  for (const location of wrong) {
    await expect(openStore(location)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  }
})

test('a folder in the place of the file is refused, and the file that was meant is named', async () => {
  const folder = testFolder()
  await expect(openStore(folder)).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
    message: expect.stringContaining(`is a folder. Name the file in it, as in ${folder}`),
  })
})

test.runIf(process.platform === 'linux')('a folder that cannot be made is refused', async () => {
  const opening = openStore('/proc/everloop/a/ledger.db')
  await expect(opening).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
})

test('odd characters in the path are only characters', async () => {
  const location = join(testFolder(), 'a ?mode=ro&x#y%20 é.db')
  const store = await openStore(location)
  await store.createRun(new ChainBuilder('r').start())
  await store.close()
  expect(existsSync(location)).toBe(true)
})

describe('durability', () => {
  test.each([
    ['power-cut', 2],
    ['process', 1],
  ] as const)('%s means synchronous level %i on every writing connection', (durability, level) => {
    const location = newLocation()
    for (const patience of ['blocks', 'gives-up'] as const) {
      const connection = openLedger({ location, durability }, patience)
      expect(connection.value('PRAGMA synchronous')).toBe(level)
      expect(connection.value('PRAGMA journal_mode')).toBe('wal')
      connection.close()
    }
  })
})

describe('what is no store of ours is refused and left as it is', () => {
  test.each([
    ['text', 'This is a letter, and by no means a ledger. '.repeat(50)],
    ['something short', 'x'],
    ['a header without a body', 'SQLite format 3\0'],
  ])('%s', async (_what, content) => {
    const location = newLocation()
    writeFileSync(location, content)
    await expect(openStore(location)).rejects.toMatchObject({ code: 'STORE_FOREIGN' })
    expect(readFileSync(location, 'utf8')).toBe(content)
  })

  test.each([
    ['tables', 'CREATE TABLE t (a)'],
    ['a version', 'PRAGMA user_version = 1'],
    ['another application', 'PRAGMA application_id = 7'],
  ])('a database with %s', async (_what, sql) => {
    const location = newLocation()
    edit(location, sql)
    const before = readFileSync(location)
    await expect(openStore(location)).rejects.toMatchObject({ code: 'STORE_FOREIGN' })
    expect(readFileSync(location).equals(before)).toBe(true)
  })

  test.each([0.5, 0.9])('a ledger cut off at %f of its length', async (part) => {
    const location = await ledger()
    truncateSync(location, Math.floor((statSync(location).size * part) / 4096) * 4096)
    await expect(openStore(location)).rejects.toMatchObject({ code: 'STORE_FOREIGN' })
  })

  test('an emptied file beside its log', async () => {
    const location = await ledger()
    truncateSync(location, 0)
    writeFileSync(`${location}-wal`, 'something that was once written')
    await expect(openStore(location)).rejects.toMatchObject({ code: 'STORE_FOREIGN' })
    expect(existsSync(`${location}-wal`)).toBe(true)
  })

  test('a folder', async () => {
    const location = newLocation()
    mkdirSync(location)
    await expect(openStore(location)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  })
})

test('a newer store is refused with both versions', async () => {
  const location = await ledger(1)
  edit(location, `PRAGMA user_version = ${schemaVersion + 3}`)
  await expect(openStore(location)).rejects.toMatchObject({
    code: 'STORE_NEWER',
    message: expect.stringMatching(
      new RegExp(`version ${schemaVersion + 3}\\b.*up to ${schemaVersion}\\b`, 's'),
    ),
  })
})

test('a network file system is refused by its number', () => {
  const location = newLocation()
  const open = (type: number): void =>
    openLedger({ location, durability: 'power-cut', fileSystemType: () => type }).close()
  for (const [type, name] of [
    [0x6969, 'NFS'],
    [0xff534d42, 'CIFS'],
    [0xff534d42 - 2 ** 32, 'CIFS'], // as a signed number
  ] as const) {
    expect(() => open(type)).toThrow(expect.objectContaining({ code: 'STORE_NETWORK' }))
    expect(networkName(type)).toBe(name)
  }
  expect(existsSync(location)).toBe(false)
  open(0xef53) // ext4
})

describe('what cannot be written is refused', () => {
  test('a file on a file system that is mounted for reading', async (context) => {
    const folder = testFolder()
    if (!mountedSmall(folder, '8m')) return context.skip('needs the right to mount')
    const location = join(folder, 'ledger.db')
    const store = await openStore(location)
    await store.close()
    asRoot('mount', '-o', 'remount,ro', folder)
    await expect(openStore(location)).rejects.toMatchObject({ code: 'STORE_READ_ONLY' })
    await expect(openStore(join(folder, 'new.db'))).rejects.toMatchObject({
      code: 'STORE_READ_ONLY',
    })
  })

  test('a file without the permission', async (context) => {
    if (process.getuid?.() === 0) return context.skip('everything is permitted to root')
    const location = await ledger(1)
    chmodSync(location, 0o444)
    await expect(openStore(location)).rejects.toMatchObject({ code: 'STORE_READ_ONLY' })
  })
})

describe('a full disk', () => {
  test('fails what does not fit, writes nothing of it, and goes on when there is space', async (context) => {
    const folder = testFolder()
    if (!mountedSmall(folder, '8m')) return context.skip('needs the right to mount')
    const ballast = join(folder, 'ballast')
    writeFileSync(ballast, Buffer.alloc(3 * 1024 * 1024))
    const store = await openStore(join(folder, 'ledger.db'))
    const big = (id: string): Promise<unknown> =>
      store.createRun(new ChainBuilder(id).start({ labels: { filling: 'x'.repeat(400_000) } }))
    let fitting = 0
    let error: unknown
    while (error === undefined && fitting < 30) {
      try {
        await big(`r${fitting}`)
        fitting += 1
      } catch (thrown) {
        error = thrown
      }
    }
    expect(error).toMatchObject({ code: 'STORE_FULL' })
    expect(fitting).toBeGreaterThan(0)
    expect(await store.runs({})).toHaveLength(fitting)
    truncateSync(ballast, 0)
    await big('again')
    expect((await store.run('again'))?.id).toBe('again')
    expect(await store.run(`r${fitting}`)).toBeUndefined()
  })

  test('is what whoever opens a store on it is told, and the next one finds all that was there', async (context) => {
    const folder = testFolder()
    if (!mountedSmall(folder, '8m')) return context.skip('needs the right to mount')
    const location = join(folder, 'ledger.db')
    const store = await openStore(location)
    await store.createRun(new ChainBuilder('r').start())
    await store.close()
    const ballast = join(folder, 'ballast')
    expect(() => writeFileSync(ballast, Buffer.alloc(16 * 1024 * 1024))).toThrow('ENOSPC')
    await expect(openStore(location)).rejects.toMatchObject({ code: 'STORE_FULL' })
    rmSync(ballast)
    expect(await (await openStore(location)).runs({})).toHaveLength(1)
  })
})
