/** `everloop doctor` and `everloop bench`: what they measure, on a real disk. */
import { linkSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { flow, open } from '../../src/index.ts'
import { everloop, everloopJson } from './command-line.ts'
import { testFolder } from '../test-folder.ts'

interface Checks {
  readonly ok: boolean
  readonly checks: readonly {
    readonly name: string
    readonly level: string
    readonly finding: string
    readonly fix?: string
    readonly data?: Readonly<Record<string, number | string>>
  }[]
}

test('doctor finds nothing wrong with a new store, and leaves nothing behind', async () => {
  const folder = testFolder()
  const store = `sqlite:${join(folder, 'ledger.db')}`
  await (await open({ store })).close()
  const before = readdirSync(folder)
  const [human, { code, document }] = await Promise.all([
    everloop(['doctor', '--store', store]),
    everloopJson<Checks>(['doctor', '--store', `${store}?durability=process`]),
  ])
  expect(human.code).toBe(0)
  expect(human.stdout).toMatch(
    /^ok {4}store +sqlite at \S+, schema version \d+, durability "power-cut"$/m,
  )
  expect(human.stdout).toMatch(/fsync +[\d.]+ ms to make a page durable/)
  expect(human.stdout).toMatch(/^ok {4}lock +nobody keeps the store locked$/m)
  expect(human.stdout).toMatch(/^ok {4}leases +no lease is leaked$/m)
  expect({ code, ok: document.ok }).toEqual({ code: 0, ok: true })
  const find = (name: string) => document.checks.find((check) => check.name === name)
  expect(find('store')).toMatchObject({
    level: 'note',
    fix: expect.stringContaining('durability=process'),
    data: { durability: 'process', version: expect.any(Number) },
  })
  expect(find('fsync')?.data?.['medianMs']).toBeGreaterThan(0)
  expect(readdirSync(folder)).toEqual(before)
})

test('doctor names a run that was paused by trouble in the command that explains it', async () => {
  const store = `sqlite:${join(testFolder(), 'ledger.db')}`
  const first = flow('waits', (run) => run.signal('go'))
  const other = flow('waits', (run) => run.sleep('1h'))
  for (const waits of [first, other]) {
    await using ever = await open({ store, flows: [waits], work: {} })
    const run = await ever.start(waits, undefined, { id: 'waits-1' })
    await run.settled()
    if (waits === first) continue
    await ever.signal('waits-1', 'go')
    await ever.work({ until: 'idle' })
  }
  const { document } = await everloopJson<Checks>(['doctor', '--store', store])
  expect(document.checks.find(({ name }) => name === 'runs')).toMatchObject({
    level: 'note',
    fix: 'everloop runs explain waits-1',
  })
})

test('doctor tells of runs that are due and that nobody takes', async () => {
  const store = `sqlite:${join(testFolder(), 'ledger.db')}`
  const dueOf = async (): Promise<Checks['checks'][number] | undefined> => {
    const { document } = await everloopJson<Checks>(['doctor', '--store', store])
    return document.checks.find(({ name }) => name === 'due')
  }
  await using ever = await open({ store })
  const removed = flow('removed', () => 1)
  await ever.start(removed, undefined, { id: 'late', at: new Date(Date.now() + 3_600_000) })
  await ever.start(removed, undefined, { id: 'prompt' })
  expect(await dueOf()).toMatchObject({ level: 'good' })
  await ever.start(removed, undefined, { id: 'forgotten', at: new Date(Date.now() - 3_600_000) })
  expect(await dueOf()).toMatchObject({
    level: 'note',
    finding: expect.stringMatching(/^1 run due for more than a minute, /),
    fix: 'everloop runs explain forgotten',
  })
})

test.skipIf(process.platform === 'win32')(
  'doctor says that the disk takes nothing more',
  async () => {
    const folder = testFolder()
    const store = `sqlite:${join(folder, 'ledger.db')}`
    await (await open({ store })).close()
    const before = readdirSync(folder)
    const { code, document } = await everloopJson<Checks>(['doctor', '--store', store], {
      limit: 'ulimit -f 128', // as if the disk were full: in blocks of 512 bytes
    })
    expect({ code, ok: document.ok }).toEqual({ code: 1, ok: false })
    expect(document.checks.find(({ name }) => name === 'fsync')).toMatchObject({
      level: 'bad',
      finding: expect.stringMatching(/cannot be written: EFBIG/),
      fix: expect.stringContaining('Make space'),
    })
    expect(readdirSync(folder)).toEqual(before)
  },
)

test('doctor says that another process keeps the store locked', { timeout: 30_000 }, async () => {
  const location = join(testFolder(), 'ledger.db')
  await (await open({ store: `sqlite:${location}` })).close()
  const shell = new DatabaseSync(location)
  shell.exec('BEGIN IMMEDIATE')
  const { code, document } = await everloopJson<Checks>(['doctor', '--store', `sqlite:${location}`])
  shell.close()
  expect({ code, ok: document.ok }).toEqual({ code: 1, ok: false })
  expect(document.checks.find(({ name }) => name === 'lock')).toMatchObject({
    level: 'bad',
    finding: expect.stringContaining('database is locked'),
    fix: expect.stringContaining('keeps a transaction open'),
  })
})

test('doctor tells of a ledger that has another name', async () => {
  const folder = testFolder()
  const location = join(folder, 'ledger.db')
  await (await open({ store: `sqlite:${location}` })).close()
  linkSync(location, join(folder, 'copy.db'))
  const { code, document } = await everloopJson<Checks>(['doctor', '--store', `sqlite:${location}`])
  expect({ code, ok: document.ok }).toEqual({ code: 1, ok: false })
  expect(document.checks.find(({ name }) => name === 'links')).toMatchObject({
    level: 'bad',
    finding: expect.stringContaining('2 names'),
    fix: expect.stringContaining('Remove the others'),
  })
})

test('doctor looks at the disk that a link to a ledger leads to', async () => {
  const folder = testFolder()
  mkdirSync(join(folder, 'real'))
  const link = join(folder, 'ledger.db')
  symlinkSync(join(folder, 'real', 'ledger.db'), link)
  const spaceOf = async (): Promise<unknown> => {
    const { document } = await everloopJson<Checks>(['doctor', '--store', `sqlite:${link}`])
    return document.checks.find(({ name }) => name === 'space')?.finding
  }
  expect(await spaceOf()).toContain(join(folder, 'real')) // where it would be made
  await (await open({ store: `sqlite:${link}` })).close()
  expect(await spaceOf()).toContain(join(folder, 'real'))
})

test('doctor counts a child that failed as what its parent makes of it', async () => {
  const store = `sqlite:${join(testFolder(), 'ledger.db')}`
  const kid = flow('kid', () => {
    throw new Error('no')
  })
  const calm = flow('calm', async (run) => run.child(kid, undefined).catch(() => 'fine'))
  const strict = flow('strict', (run) => run.child(kid, undefined))
  {
    await using ever = await open({ store, flows: [kid, calm, strict], work: {} })
    await (await ever.start(calm, undefined)).settled()
  }
  const findingOf = async (): Promise<string | undefined> => {
    const { document } = await everloopJson<Checks>(['doctor', '--store', store])
    return document.checks.find(({ name }) => name === 'runs')?.finding
  }
  expect(await findingOf()).toMatch(/^0 failed, /)
  {
    await using ever = await open({ store, flows: [kid, calm, strict], work: {} })
    await (await ever.start(strict, undefined)).settled()
  }
  expect(await findingOf()).toMatch(/^1 failed, /)
})
