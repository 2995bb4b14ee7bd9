/** The options of `open`, and what becomes of trouble that nobody asked to be told of. */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { flow, open } from 'everloop'
import { testFolder } from '../test-folder.ts'

/** Where a ledger of its own can be, for one test. */
function ledgerPlace(): string {
  const folder = testFolder()
  return join(folder, 'ledger.db')
}

test.each(['sqlite::memory:', ':memory:', 'sqlite:', 'postgres://here', ''])(
  'a place that is no store is refused with what one is: "%s"',
  async (store) => {
    await expect(open({ store })).rejects.toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringContaining('or "memory:"') as string,
    })
    expect(existsSync(':memory:')).toBe(false)
  },
)

test('every documented option of open is taken', async () => {
  const told: unknown[] = []
  await using ever = await open({
    store: 'memory:',
    flows: [],
    lease: '5s',
    work: false,
    queues: { q: { concurrency: 1 } },
    development: false,
    name: 'me',
    onTrouble: (error) => told.push(error),
  })
  expect(await ever.list()).toEqual([])
  expect(told).toEqual([])
})

test('an unknown option of open is refused', async () => {
  await expect(open({ store: 'memory:', developement: false } as never)).rejects.toMatchObject({
    code: 'BAD_OPTION',
  })
})

test('a limit that no queue can have is refused before anything is opened', async () => {
  const location = ledgerPlace()
  for (const concurrency of [-1, 0.5, 'two' as never]) {
    const opening = open({ store: `sqlite:${location}`, queues: { a: { concurrency } } })
    await expect(opening).rejects.toMatchObject({ code: 'BAD_OPTION' })
  }
  expect(existsSync(location)).toBe(false)
})

test('a store that open has opened is closed when something goes wrong behind it', async () => {
  const location = ledgerPlace()
  await (await open({ store: `sqlite:${location}` })).close()
  const database = new DatabaseSync(location)
  database.exec("CREATE TRIGGER no BEFORE INSERT ON queues BEGIN SELECT RAISE(ABORT, 'No.'); END")
  database.close()
  const opening = open({ store: `sqlite:${location}`, queues: { a: { concurrency: 1 } } })
  await expect(opening).rejects.toThrow('No.')
  expect(existsSync(`${location}-wal`)).toBe(false) // the last who closes the file takes it away
})

test('a rejection that a flow does not handle is a warning of the process by default', async () => {
  const careless = flow('careless', async (run) => {
    await run.step('a', () => 1)
    void Promise.reject(new RangeError('nobody cares'))
    return run.step('b', () => 2)
  })
  await using ever = await open({ store: 'memory:', flows: [careless], work: {} })
  const warned = once(process, 'warning')
  const run = await ever.start(careless, undefined, { id: 'careless-1' })
  expect(await run.result()).toBe(2)
  expect(await warned).toMatchObject([
    { name: 'EverloopWarning', message: 'run "careless-1": RangeError: nobody cares' },
  ])
})

test.each<[string, unknown]>([
  ['no room', { concurrency: 0 }],
  ['half a room', { concurrency: 1.5 }],
  ['a misspelt option', { concurency: 3 }],
  ['true', true],
])('open refuses to work with %s', async (_, work) => {
  await expect(open({ store: 'memory:', work: work as never })).rejects.toMatchObject({
    code: 'BAD_OPTION',
  })
})
