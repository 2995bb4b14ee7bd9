/** A ledger that loses a name of its files while it is in use, one that has two, and a log that is cut off. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type Ever, type EverloopError, flow, open } from 'everloop'
import { ChainBuilder, step } from '../../src/testing/chain-builder.ts'
import { heldRun } from '../../src/testing/store-bed.ts'
import { newLocation, openStore } from './ledger-folder.ts'
import { testFolder } from '../test-folder.ts'

const patient = flow('patient', (run) => run.signal('go'))

async function opened(location: string): Promise<Ever> {
  const ever = await open({ store: `sqlite:${location}`, flows: [patient], onTrouble: () => {} })
  onTestFinished(() => ever.close())
  return ever
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'acknowledged',
    (error: EverloopError) => error.code,
  )

/** What work and waiting end with that began before, and all calls that come after: their codes. */
async function codesAfter(
  change: (location: string) => void | Promise<void>,
  folderIs: 'young' | 'old' = 'young',
): Promise<unknown[]> {
  const location = join(testFolder(), 'ledger.db')
  const ever = await opened(location)
  const run = await ever.start(patient, undefined, { id: 'r' })
  const working = ever.work()
  expect(await run.settled()).toMatchObject({ status: 'waiting' })
  const pending = [working, run.result()].map(codeOf)
  if (folderIs === 'old') await age(ever, location)
  await change(location)
  const next = await codeOf(ever.start(patient, undefined))
  const codes = [next, ...(await Promise.all(pending))]
  const reads = await Promise.all([run.status(), ever.list()].map(codeOf))
  const one = await codeOf(ever.signal('r', 'go'))
  // So many that the thread writes them.
  const many = Array.from({ length: 200 }, () => codeOf(ever.start(patient, undefined)))
  return [...new Set([...codes, ...reads, one, ...(await Promise.all(many))])]
}

/** Nothing has changed in the folder for long, and whoever looks at it has seen so. */
async function age(ever: Ever, location: string, seconds = 1): Promise<void> {
  utimesSync(dirname(location), seconds, seconds)
  await ever.list()
  await ever.start(patient, undefined)
  await ever.start(patient, 'x'.repeat(100_000) as never) // by the thread
}

test
  .skipIf(process.platform === 'win32')
  .each<[how: string, move: (location: string) => void | Promise<void>]>([
    ['was removed', (location) => rmSync(location)],
    ['was removed with its folder', (location) => rmSync(dirname(location), { recursive: true })],
    ['was renamed', (location) => renameSync(location, `${location}.old`)],
    [
      'was replaced by a backup',
      async (location) => {
        await (await opened(`${location}.backup`)).close()
        renameSync(`${location}.backup`, location)
      },
    ],
    ['lost its log', (location) => rmSync(`${location}-wal`)],
    ["lost its log's index", (location) => rmSync(`${location}-shm`)],
    [
      'lost all that looks as if it could be made again',
      (location) => ['-wal', '-shm'].forEach((ending) => rmSync(location + ending)),
    ],
    [
      'was given an empty log',
      (location) => {
        writeFileSync(`${location}.empty`, '')
        renameSync(`${location}.empty`, `${location}-wal`)
      },
    ],
  ])(
  'nothing is acknowledged in a ledger that %s, and who works or waits is told',
  async (_, move) => {
    expect(await codesAfter(move)).toEqual(['STORE_FAILED'])
    expect(await codesAfter(move, 'old')).toEqual(['STORE_FAILED'])
  },
)

const child = fileURLToPath(new URL('moved-child.ts', import.meta.url))

/** A process that has written so many runs. What is returned has it close, and says what it has said. */
async function otherProcess(location: string, runs: number): Promise<() => Promise<string>> {
  const other = spawn(process.execPath, [child, location, String(runs)])
  onTestFinished(() => void other.kill('SIGKILL'))
  const said: unknown[] = []
  for (const stream of [other.stdout, other.stderr]) stream.on('data', (text) => said.push(text))
  await once(other.stdout, 'data')
  return async () => {
    other.stdin.write('close')
    await once(other, 'close')
    return said.join('')
  }
}

const [few, manyForAThread] = [5, 2000]

test.skipIf(process.platform === 'win32').each([few, manyForAThread])(
  'whoever closes a ledger that lost its log with %i runs overwrites nothing of those who use it now',
  { timeout: 60_000 },
  async (runs) => {
    const location = newLocation()
    await (await openStore(location)).close()
    const close = await otherProcess(location, runs)
    for (const ending of ['-wal', '-shm']) rmSync(location + ending)
    const store = await openStore(location, { durability: 'process' })
    for (let i = 0; i < 300; i++) {
      await store.createRun(new ChainBuilder(`here-${i}`).start())
    }
    expect(await close()).toBe('ready closed')
    await store.close()
    const file = new DatabaseSync(location)
    onTestFinished(() => file.close())
    expect(file.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
  },
)

test.skipIf(process.platform === 'win32').each([few, manyForAThread])(
  'a ledger with %i runs is closed also where nobody can tell what became of its folder',
  { timeout: 60_000 },
  async (runs) => {
    const location = newLocation()
    const close = await otherProcess(location, runs)
    const folder = dirname(location)
    renameSync(folder, `${folder}.old`)
    symlinkSync(folder, folder)
    onTestFinished(() => {
      rmSync(folder)
      renameSync(`${folder}.old`, folder)
    })
    expect(await close()).toBe('ready closed')
  },
)

test.skipIf(process.platform === 'win32')(
  'a name that leads elsewhere is missed at once also where the file system tells whole seconds',
  async () => {
    let looked: number
    let second: number
    do {
      const location = join(testFolder(), 'ledger.db')
      const ever = await opened(location)
      second = Math.floor(Date.now() / 1000) - 1
      await age(ever, location, second)
      looked = Date.now()
      rmSync(location)
      utimesSync(dirname(location), second, second)
      expect(await codeOf(ever.start(patient, undefined))).toBe('STORE_FAILED')
    } while (looked - second * 1000 > 2000) // by then even such a file system would have told
  },
)

test.skipIf(process.platform === 'win32')(
  'a name that leads elsewhere is missed after a while also where its folder does not tell',
  async () => {
    const location = join(testFolder(), 'ledger.db')
    const ever = await opened(location)
    await age(ever, location)
    rmSync(location)
    utimesSync(dirname(location), 1, 1)
    await vi.waitFor(
      async () => expect(await codeOf(ever.start(patient, undefined))).toBe('STORE_FAILED'),
      { timeout: 10_000, interval: 20 },
    )
  },
)

test.skipIf(process.platform === 'win32')(
  'a ledger that was removed is missed also where a test has stopped the clock',
  async () => {
    const location = newLocation()
    const store = await openStore(location)
    const { chain, held } = await heldRun(store)
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    await store.append(chain.append(held, [step('a')]))
    rmSync(location)
    await expect(store.append(chain.append(held, [step('b')]))).rejects.toMatchObject({
      code: 'STORE_FAILED',
    })
  },
)

test.skipIf(process.platform === 'win32')(
  'the thread that writes does not make a ledger anew that is gone',
  async () => {
    const location = join(testFolder(), 'ledger.db')
    const ever = await opened(location)
    renameSync(location, `${location}.old`)
    const large = 'x'.repeat(100_000) // for the thread from the beginning
    expect(await codeOf(ever.start(patient, large as never))).toBe('STORE_FAILED')
    await ever.close()
    await expect(openStore(location)).rejects.toMatchObject({ code: 'STORE_FOREIGN' })
  },
)

test.skipIf(process.platform === 'win32').each(['there', 'not there yet'])(
  'workers that know a ledger that is %s by two names leave each other their runs',
  async (state) => {
    const folder = testFolder()
    const [real, link] = [join(folder, 'real', 'ledger.db'), join(folder, 'link.db')]
    mkdirSync(dirname(real))
    if (state === 'there') await (await opened(real)).close()
    symlinkSync(real, link)
    const [one, other] = [await openStore(link), await openStore(real)]
    await heldRun(one, 'r', 'alive')
    expect(await other.sessions()).toMatchObject([{ token: 'alive', holds: 1 }])
    expect((await other.sessions())[0]).not.toHaveProperty('isDead')
    expect(one.about.location).toBe(other.about.location)
  },
)

test.skipIf(process.platform === 'win32')(
  'a log that was cut off ends the work, not the process',
  async () => {
    const thrown: unknown[] = []
    const onError = (error: unknown): void => void thrown.push(error)
    process.on('uncaughtException', onError)
    onTestFinished(() => void process.off('uncaughtException', onError))
    const location = join(testFolder(), 'ledger.db')
    const ever = await opened(location)
    const run = await ever.start(patient, undefined)
    const working = ever.work()
    expect(await run.settled()).toMatchObject({ status: 'waiting' })
    const pending = [working, run.result()].map(codeOf)
    truncateSync(`${location}-wal`)
    const sent = await codeOf(ever.signal(run.id, 'go'))
    expect(['acknowledged', 'STORE_FAILED']).toContain(sent) // SQLite may not have seen it yet
    expect(await Promise.all(pending)).not.toContain('acknowledged')
    expect(thrown).toEqual([])
  },
)

test.skipIf(process.platform === 'win32')(
  'a link to a folder that is turned to another one leaves a ledger where it is',
  async () => {
    const folder = testFolder()
    const [before, after, link] = ['before', 'after', 'current'].map((name) =>
      join(folder, name),
    ) as [string, string, string]
    mkdirSync(before)
    mkdirSync(after)
    symlinkSync(before, link)
    const old = await opened(join(link, 'data', 'ledger.db'))
    await old.start(patient, undefined, { id: 'r' })
    rmSync(link)
    symlinkSync(after, link)
    await old.signal('r', 'go')
    const beside = await opened(join(before, 'data', 'ledger.db'))
    expect(await beside.store.messages('r', ['go'])).toHaveLength(1)
    const next = await opened(join(link, 'data', 'ledger.db'))
    expect(await next.list()).toEqual([])
  },
)
