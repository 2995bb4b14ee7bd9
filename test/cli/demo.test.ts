/**
 * The main job, end to end: `everloop demo crash` over real files, its table held against the side
 * file and the ledger, which are read here by other means.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { measure } from '../../src/cli/demo/measure.ts'
import { tallyOf } from '../../src/cli/demo/tally.ts'
import { open } from '../../src/index.ts'
import { everloop, everloopJson, start } from './command-line.ts'
import { testFolder } from '../test-folder.ts'

interface Document {
  readonly ok: boolean
  readonly files: number
  readonly limit?: string
  readonly killed: { readonly pid: number; readonly steps: number }
  readonly tally: Readonly<
    Record<'steps' | 'recordedBeforeKill' | 'replayed' | 'executedOnce', number>
  >
  readonly ledger: string
  readonly executions: string
  readonly reportFile: string
}

function makeFiles(folder: string, count: number): void {
  mkdirSync(join(folder, 'deep', 'er'), { recursive: true })
  for (let i = 0; i < count; i++) {
    writeFileSync(join(folder, i % 2 === 0 ? 'deep/er' : '', `file-${i}.txt`), `TODO\n${i}\n`)
  }
}

test('the table is what the side file and the ledger say', async () => {
  const folder = testFolder()
  makeFiles(folder, 40)
  writeFileSync(join(folder, 'odd\u001b[2J\u202e.bin'), Buffer.from([1, 0, 2]))
  const { code, document } = await everloopJson<Document>([
    'demo',
    'crash',
    folder,
    '--time',
    '1s',
    '--files',
    '30',
  ])
  expect({ code, ok: document.ok }).toEqual({ code: 0, ok: true })
  expect(document).toMatchObject({ files: 30, limit: 'the first 30 files' })
  const lines = readFileSync(document.executions, 'utf8').trimEnd().split('\n')
  const steps = lines.map((line) => line.split('\t')[1])
  // The list, 30 files, two turns of the loop, the report: each executed, and executed once.
  expect(steps).toHaveLength(34)
  expect(new Set(steps).size).toBe(34)
  const byKilled = lines.filter((line) => line.startsWith(`${document.killed.pid}\t`))
  expect(byKilled.length).toBeGreaterThan(0)
  expect(byKilled.length).toBeLessThan(34)
  expect(document.killed.steps).toBe(byKilled.length)
  expect(document.tally).toMatchObject({
    steps: 34,
    recordedBeforeKill: byKilled.length,
    replayed: byKilled.length,
    executedOnce: 34,
  })
  await using ever = await open({ store: `sqlite:${document.ledger}` })
  expect(await (await ever.get('demo')).status()).toMatchObject({
    status: 'completed',
    crashes: 1,
  })
  expect(readFileSync(document.reportFile, 'utf8')).toContain('30 files')
})

test('plain lines on an empty directory tell the same story', async () => {
  const { code, stdout } = await everloop(['demo', 'crash', testFolder(), '--time', '0s'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/^process \d+ killed with SIGKILL$/m)
  expect(stdout).toMatch(/the demo answers "lines"\.$/m)
  expect(stdout).toMatch(/^executed once, by the side file +3 of 3$/m)
  expect(stdout).toMatch(/^repeated +0$/m)
  expect(stdout).toMatch(/^lost +0$/m)
  expect(stdout).toContain('The directory has no files to read')
  expect(stdout).not.toContain('\u001b')
  const [, args = ''] = /(runs verify .*)$/m.exec(stdout) ?? []
  const verified = await everloop(args.split(' '))
  expect(verified.stdout).toMatch(/^Intact: \d+ entries, every hash and rule checked\.$/m)
})

test('Ctrl-C leaves no process behind', async () => {
  const demo = start(['demo', 'crash', testFolder(), '--time', '60s'])
  const [, pid] = await demo.prints(/process (\d+) started/)
  demo.child.kill('SIGINT')
  const { code, stderr } = await demo.ended
  expect(code).toBe(130)
  expect(stderr).toMatch(/What was recorded lies in \S+\.$/m)
  expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH')
})

test.each([
  ['a path that does not exist', 'nowhere', 'does not exist'],
  ['a file', 'file.txt', 'is not a directory'],
])('%s is refused', async (_, name, text) => {
  const folder = testFolder()
  writeFileSync(join(folder, 'file.txt'), '')
  const { code, stderr } = await everloop(['demo', 'crash', join(folder, name)])
  expect(code).toBe(2)
  expect(stderr).toContain(`error BAD_OPTION: `)
  expect(stderr).toContain(text)
})

describe('measure', () => {
  test('tells text, binary and unreadable files apart', async () => {
    const folder = testFolder()
    writeFileSync(join(folder, 'text'), 'one\nTODO two\nFIXME')
    writeFileSync(join(folder, 'binary'), Buffer.from([0x7f, 0, 1]))
    mkdirSync(join(folder, 'folder'))
    expect(await measure(folder, 'text')).toMatchObject({ kind: 'text', lines: 3, todos: 2 })
    expect(await measure(folder, 'binary')).toMatchObject({ kind: 'binary', bytes: 3, lines: 0 })
    expect(await measure(folder, 'folder')).toMatchObject({ kind: 'unreadable' })
    expect(await measure(folder, 'gone')).toMatchObject({ kind: 'unreadable' })
  })
})

describe('the tally', () => {
  const steps = ['one', 'two', 'three']
  const entries = steps.map((key, i) => ({
    seq: i + 1,
    hash: `hash ${i + 1}`,
    kind: 'step.completed' as const,
    scope: '',
    key,
  }))
  const killed = { pid: 1, entries: entries.slice(0, 1), steps: new Set(['one']) }
  const executions = (text: string) =>
    text.split(' ').map((part) => ({ pid: Number(part.slice(-1)), step: part.slice(0, -1) }))

  test('is clean when each step was executed once', () => {
    expect(tallyOf(killed, entries, executions('one1 two2 three2'))).toEqual({
      steps: 3,
      recordedBeforeKill: 1,
      replayed: 1,
      executedAfterKill: 2,
      executedOnce: 3,
      cutOff: 0,
      repeated: [],
      lost: [],
    })
  })

  test.each([
    ['a recorded step that was executed again', 'one1 one2 two2 three2', { repeated: ['one'] }],
    ['a step that a later process executed twice', 'one1 two2 two3 three3', { repeated: ['two'] }],
    ['a step that ended unrecorded at the kill', 'one1 two1 two2 three2', { cutOff: 1 }],
    ['a step that nobody executed', 'one1 two2', { lost: ['three'] }],
  ])('finds %s', (_, lines, found) => {
    const tally = tallyOf(killed, entries, executions(lines))
    expect(tally).toMatchObject({ cutOff: 0, repeated: [], lost: [], ...found })
  })

  test('finds what was in the ledger and is gone', () => {
    const tally = tallyOf(killed, entries.slice(1), executions('one1 two2 three2'))
    expect(tally.lost).toEqual(['entry 1', 'one'])
  })
})
