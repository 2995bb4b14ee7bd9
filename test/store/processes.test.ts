/** Several processes on one file: opening a new one at the same instant, working, dying. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { checkLinks } from '../../src/ledger/index.ts'
import { Connection } from '../../src/store/sqlite/driver.ts'
import { ChainBuilder, testFlow } from '../../src/testing/chain-builder.ts'
import { newLocation, openStore } from './ledger-folder.ts'

const script = fileURLToPath(new URL('contender-child.ts', import.meta.url))

interface Contender {
  readonly process: ChildProcess
  /** The next line that it says. */
  readonly line: Promise<string>
  readonly exit: Promise<number | null>
}

function contender(...args: readonly string[]): Contender {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  const line = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (data: Buffer) => {
      said += String(data)
      if (said.includes('\n')) resolve(said.trim())
    })
    let errors = ''
    child.stderr.on('data', (data: Buffer) => (errors += String(data)))
    child.on('exit', (code) => reject(new Error(`exit ${code} before a word: ${errors}`)))
  })
  line.catch(() => undefined) // awaited by those who care
  const exit = once(child, 'exit').then(([code]: (number | null)[]) => code ?? null)
  return { process: child, line, exit }
}

test(
  'three processes open one new file at once and share its runs',
  { timeout: 120_000 },
  async () => {
    const location = newLocation()
    const runs = 12
    const steps = 15
    const children = [1, 2, 3].map(() => contender('work', location, String(runs), String(steps)))
    const lines = await Promise.all(children.map(({ line }) => line))
    expect(await Promise.all(children.map(({ exit }) => exit))).toEqual([0, 0, 0])
    expect(readdirSync(location.replace(/ledger\.db$/, ''))).toEqual([
      'ledger.db',
      'ledger.db-sessions',
    ])

    const store = await openStore(location)
    const rows = await store.runs({})
    expect(rows.map(({ id }) => id).toSorted()).toEqual(
      Array.from({ length: runs }, (_, i) => `r${i}`).toSorted(),
    )
    for (const row of rows) {
      const entries = await store.entries(row.id)
      expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, i) => i + 1))
      checkLinks(entries)
      expect([row.seq, row.hash]).toEqual([entries.length, entries.at(-1)?.hash])
      expect([row.session, row.crashes, row.overtakes]).toEqual([undefined, 0, 0])
    }
    const written = lines.map((line) => Number(line.replace('wrote ', '')))
    const total = rows.reduce((sum, { seq }) => sum + seq - 1, 0)
    expect(written.reduce((a, b) => a + b)).toBe(total)
  },
)

test(
  'the runs of a killed process are free at once, and its lock file goes',
  { timeout: 60_000 },
  async () => {
    const location = newLocation()
    const store = await openStore(location)
    await store.createRun(new ChainBuilder('r').start())
    const child = contender('hold', location)
    expect(await child.line).toBe('held r')

    await store.openSession({ token: 'mine', leaseMs: 600_000, name: 'mine' })
    const claim = (): ReturnType<typeof store.claim> =>
      store.claim({ session: 'mine', flows: [testFlow], limit: 1 })
    expect((await claim()).runs).toEqual([])
    expect(readdirSync(`${location}-sessions`)).toHaveLength(2)

    child.process.kill('SIGKILL')
    await child.exit
    const { runs } = await claim()
    expect(
      runs.map(({ id, crashes, overtakes, barren, epoch }) => ({
        id,
        crashes,
        overtakes,
        barren,
        epoch,
      })),
    ).toEqual([{ id: 'r', crashes: 1, overtakes: 0, barren: 1, epoch: 2 }])
    expect(readdirSync(`${location}-sessions`)).toHaveLength(1)
    expect(await store.sessions()).toMatchObject([{ token: 'mine', holds: 1 }])

    await store.close()
    expect(readdirSync(`${location}-sessions`)).toEqual([])
  },
)

test('the lock file of a process that was killed before its session had a row goes', async () => {
  const location = newLocation()
  const store = await openStore(location)
  const other = new Connection(location, { access: 'write', busyMs: 0 })
  onTestFinished(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  const children = [contender('begin', location), contender('begin', location)]
  for (const child of children) expect(await child.line).toBe('begun')
  children[0]?.process.kill('SIGKILL')
  await children[0]?.exit
  other.exec('ROLLBACK')
  expect(readdirSync(`${location}-sessions`)).toHaveLength(2)

  await store.openSession({ token: 'mine', leaseMs: 600_000, name: 'mine' })
  expect(readdirSync(`${location}-sessions`)).toHaveLength(2)
  await store.closeSession('mine')
  expect(readdirSync(`${location}-sessions`)).toHaveLength(1)
})

test('a process that only looks does not end by closing what others hold', async () => {
  const location = newLocation()
  const one = await openStore(location)
  const two = await openStore(location)
  await one.createRun(new ChainBuilder('r').start())
  await one.openSession({ token: 'one', leaseMs: 600_000, name: '' })
  await one.claim({ session: 'one', flows: [testFlow], limit: 1 })
  await two.openSession({ token: 'two', leaseMs: 600_000, name: '' })
  expect((await two.claim({ session: 'two', flows: [testFlow], limit: 1 })).runs).toEqual([])
  await two.close()
  expect((await one.run('r'))?.session).toBe('one')
  expect((await one.sessions()).map(({ token }) => token)).toEqual(['one'])
})
