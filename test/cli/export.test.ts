/** `everloop runs export` and `runs import`: a run as a file, through pipes, and into a store of its own. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { flow, open } from 'everloop'
import { everloop, everloopJson } from './command-line.ts'
import { makeFolder, testFolder } from '../test-folder.ts'

const folder = makeFolder()
const source = `sqlite:${join(folder.path, 'ledger.db')}`

const below = flow('below', (run) => run.step('s', () => 1))
const parent = flow('parent', (run) => run.child(below, undefined))
const asks = flow('asks', (run) => run.ask('Well?'))

beforeAll(async () => {
  await using ever = await open({ store: source, flows: [parent, below, asks], work: {} })
  await (await ever.start(parent, undefined, { id: 'parent-1' })).result()
  await (await ever.start(below, undefined, { id: 'done-1' })).result()
  await (await ever.start(asks, undefined, { id: 'asks-1' })).settled()
})
afterAll(() => folder.remove())

test('a run goes through a file into a store that is made for it, with the runs below it', async () => {
  const place = testFolder()
  const [file, target] = [join(place, 'parent.jsonl'), `sqlite:${join(place, 'new', 'l.db')}`]
  const written = await everloop(['runs', 'export', 'parent', '--output', file, '--store', source])
  expect(written.stderr).toBe('')
  expect(written.stdout).toMatch(
    /^Exported run parent-1 and 1 run below it to .*parent\.jsonl: \d+ entries, 0 artifacts\.\n$/,
  )
  expect(readdirSync(place)).toEqual(['parent.jsonl'])
  if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600)
  const imported = await everloop(['runs', 'import', file, '--store', target])
  expect(imported.stdout).toMatch(/^Imported run parent-1\.\nImported run parent-1\..*\.\n$/)
  const again = await everloopJson(['runs', 'import', file, '--store', target])
  expect(again.document).toEqual({
    runs: [
      { run: 'parent-1', created: false },
      { run: expect.stringMatching(/^parent-1\./), created: false },
    ],
  })
  const piped = await everloop(['runs', 'export', 'parent-1', '--store', target, '--json'])
  expect(piped.stdout).toBe(readFileSync(file, 'utf8'))
  const verified = await everloop(['runs', 'verify', 'parent-1', '--store', target])
  expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('Intact') })
})

test('a run goes through a pipe, alone if need be', async () => {
  const target = `sqlite:${join(testFolder(), 'l.db')}`
  const args = ['runs', 'export', 'parent-1', '--no-children', '--store', source]
  const { stdout } = await everloop(args)
  expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^\{"is":"end","runs":1,/)
  const read = await everloop(['runs', 'import', '-', '--store', target], { input: stdout })
  expect(read).toMatchObject({ code: 0, stdout: 'Imported run parent-1.\n' })
})

test('with --json it says what was written', async () => {
  const file = join(testFolder(), 'done.jsonl')
  writeFileSync(file, 'something else')
  const args = ['runs', 'export', 'done-1', '--output', file, '--store', source]
  const { document } = await everloopJson(args)
  const entries = readFileSync(file, 'utf8').match(/^\{"is":"entry"/gm)?.length
  expect(document).toEqual({ run: 'done-1', file, runs: 1, entries, artifacts: 0 })
})

test('what cannot be is refused with an exit code', async () => {
  const place = testFolder()
  const target = `sqlite:${join(place, 'l.db')}`
  const [broken, waiting] = [join(place, 'broken.jsonl'), join(place, 'waiting.jsonl')]
  writeFileSync(broken, '{"is":"export"')
  mkdirSync(join(place, 'folder'))
  await everloop(['runs', 'export', 'asks-1', '--output', waiting, '--store', source])
  const refused = async (...args: string[]): Promise<unknown> => {
    const { code, error } = await everloopJson([...args, '--store', target])
    return [code, error.code]
  }
  expect(await refused('runs', 'import', join(place, 'nothing'))).toEqual([2, 'BAD_OPTION'])
  expect(existsSync(join(place, 'l.db'))).toBe(false)
  expect(await refused('runs', 'import', join(place, 'folder'))).toEqual([2, 'BAD_OPTION'])
  expect(await refused('runs', 'import', broken)).toEqual([1, 'BAD_EXPORT'])
  expect(await refused('runs', 'import', waiting)).toEqual([1, 'RUN_STATE'])
  expect(await refused('runs', 'export', 'nobody')).toEqual([3, 'UNKNOWN_RUN'])
  const into = join(place, 'no', 'such', 'folder')
  const unwritten = await everloopJson([
    'runs',
    'export',
    'done-1',
    '--output',
    into,
    '--store',
    source,
  ])
  expect([unwritten.code, unwritten.error.code]).toEqual([2, 'BAD_OPTION'])
  const memory = await everloopJson(['runs', 'import', waiting, '--store', 'memory:'])
  expect([memory.code, memory.error.code]).toEqual([2, 'BAD_OPTION'])
  expect((await everloopJson(['runs', 'list', '--store', target])).document).toMatchObject({
    runs: [],
  })
})
