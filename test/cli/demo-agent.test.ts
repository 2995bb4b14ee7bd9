/**
 * The main job, end to end: `everloop demo agent`, its document held against the ledger and against the
 * lines that the calls have left behind, which are read here by other means.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { auditTally } from '../../src/cli/demo/audit-tally.ts'
import { Look } from '../../src/cli/demo/look.ts'
import { open } from '../../src/index.ts'
import { scriptedServer } from '../../src/testing/index.ts'
import { everloop, everloopJson, start } from './command-line.ts'
import { testFolder } from '../test-folder.ts'

interface Document {
  readonly ok: boolean
  readonly status: string
  readonly output?: string
  readonly trouble?: string
  readonly model: { readonly name: string; readonly why: string; readonly isScripted: boolean }
  readonly kills: readonly {
    readonly pid: number
    readonly during: string
    readonly calls: readonly string[]
  }[]
  readonly conversation: readonly { readonly is: string; readonly call?: string }[]
  readonly spent: Readonly<Record<string, number>>
  readonly tally: {
    readonly answers: number
    readonly asked: number
    readonly calls: number
    readonly madeOnce: number
    readonly cutOff: readonly string[]
  }
  readonly report: { readonly file: string; readonly writes: number; readonly exists: boolean }
  readonly ledger: string
  readonly logs: readonly string[]
}

const linesOf = (path = ''): string[][] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t'))

test('killed twice, every call is made once, by the lines that calls leave behind', async () => {
  const folder = testFolder()
  mkdirSync(join(folder, 'deep'))
  writeFileSync(join(folder, 'deep', 'long.ts'), `${'// line\n'.repeat(300)}export const a = 1\n`)
  writeFileSync(join(folder, 'short.ts'), '// TODO: more\nconsole.log("x")\n')
  // As `npm start` does it, so that a clone is seen to work.
  const { code, document } = await everloopJson<Document>(
    ['demo', 'agent', folder, '--time', '1s'],
    { isClone: true },
  )
  const { kills, tally, report, logs, conversation, spent } = document
  expect({ code, ok: document.ok }).toEqual({ code: 0, ok: true })
  expect(document.model).toMatchObject({ name: 'scripted', isScripted: true })
  expect(kills.map(({ during }) => during)).toEqual(['calls', 'approval'])
  expect(kills[0]?.calls.length).toBeGreaterThan(0)

  const [asked, begun, done] = logs.map(linesOf)
  const ids = done?.map(([, id]) => id) ?? []
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids).toHaveLength(tally.calls)
  expect(tally.madeOnce).toBe(tally.calls)
  expect(asked).toHaveLength(tally.answers)
  // What the kill cut off was begun twice: by the process that died, and by its successor.
  expect(begun).toHaveLength(tally.calls + tally.cutOff.length)
  expect(tally.cutOff).toHaveLength(kills[0]?.calls.length ?? 0)
  expect(new Set(begun?.map(([pid]) => pid)).size).toBe(3)

  const results = conversation.filter(({ is }) => is === 'result').map(({ call }) => call)
  expect(new Set(results)).toEqual(new Set(ids))
  expect(results).toHaveLength(ids.length)
  expect(conversation.filter(({ is }) => is === 'approval')).toMatchObject([
    { verdict: 'approved', by: 'demo' },
  ])
  expect(spent).toMatchObject({ microUsd: 0 })
  expect(report).toMatchObject({ writes: 1, exists: true })
  const text = readFileSync(report.file, 'utf8')
  expect(text).toContain('deep/long.ts')
  expect(text).toContain('"TODO" stands in 1 places')

  await using ever = await open({ store: `sqlite:${document.ledger}` })
  expect(await (await ever.get('audit')).status()).toMatchObject({
    status: 'completed',
    crashes: 1, // the second one died while the run was nobody's
  })
  expect((await ever.verify('audit')).ok).toBe(true)
})

test('plain lines on an empty directory tell the same story, and so does the conversation', async () => {
  const { code, stdout } = await everloop(['demo', 'agent', testFolder(), '--time', '0s'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/^process \d+ killed with SIGKILL in the middle of (?:a call|\d calls)$/m)
  expect(stdout).toMatch(/^process \d+ killed with SIGKILL while the run waits$/m)
  expect(stdout).toContain('no key, no network, no cost')
  expect(stdout).toMatch(/^calls made once +5 of 5$/m)
  expect(stdout).toMatch(/^the report was written +once$/m)
  expect(stdout).not.toContain('\u001b')
  const [, args = ''] = /(runs conversation .*)$/m.exec(stdout) ?? []
  const told = await everloop(args.split(' '))
  expect(told.stdout).toMatch(/^user +Audit this directory\.$/m)
  expect(told.stdout).toMatch(/^ {2}write_report \{"title":"Audit"/m)
  expect(told.stdout).toMatch(/^ {4}approved by demo via demo$/m)
  expect(told.stdout).toMatch(/^4 answers of the model, 5 calls, \d+ tokens for \$0\.$/m)
})

describe('a model that does not behave', () => {
  const played = async (
    script: Parameters<typeof scriptedServer>[0]['script'],
  ): Promise<{ code: number | null; document: Document }> => {
    await using server = await scriptedServer({ script })
    const args = ['demo', 'agent', testFolder(), '--time', '0s', '--model', `${server.url}#any`]
    return await everloopJson<Document>(args)
  }

  test('and answers at once is told as it is', async () => {
    const { code, document } = await played(() => ({ text: 'It is fine.' }))
    expect(code).toBe(0)
    expect(document).toMatchObject({ ok: true, output: 'It is fine.', kills: [] })
    expect(document.report).toMatchObject({ writes: 0, exists: false })
    expect(document.spent).not.toHaveProperty('microUsd')
  })

  test('and proposes the report at once is killed while the run waits', async () => {
    const { code, document } = await played(({ turn }) =>
      turn === 0
        ? { toolCalls: [{ id: 'w', name: 'write_report', input: { title: 'T', markdown: 'M' } }] }
        : { text: 'Done.' },
    )
    expect(code).toBe(0)
    expect(document.kills.map(({ during }) => during)).toEqual(['approval'])
    expect(document.report).toMatchObject({ writes: 1 })
  })

  test('and gives a call the id of one that has failed is killed during that call', async () => {
    const { code, document } = await played(({ turn }) =>
      turn === 0
        ? { toolCalls: [{ id: 'call', name: 'read_more', input: { artifact: 'nope' } }] }
        : turn === 1
          ? { toolCalls: [{ id: 'call', name: 'list_files' }] }
          : { text: 'Done.' },
    )
    expect({ code, output: document.output }).toEqual({ code: 0, output: 'Done.' })
    expect(document.kills).toMatchObject([{ during: 'calls', calls: ['list_files'] }])
  })

  test('and makes a call that fails beside another is killed during the other', async () => {
    const { code, document } = await played(({ turn }) =>
      turn === 0
        ? { toolCalls: [{ id: 'first', name: 'list_files' }] }
        : turn === 1
          ? {
              toolCalls: [
                { id: 'fails', name: 'read_file', input: { path: 'nope', from: 1 } },
                { id: 'lists', name: 'list_files' },
              ],
            }
          : { text: 'Done.' },
    )
    expect(code).toBe(0)
    expect(document.kills).toMatchObject([{ during: 'calls', calls: ['list_files'] }])
    expect(document.tally.cutOff).toEqual(['lists'])
  })

  test('and cannot be used ends with an explanation', async () => {
    const { code, document } = await played(() => ({ error: 'no such key', status: 401 }))
    expect(code).toBe(1)
    expect(document).toMatchObject({ ok: false, status: 'failed' })
    expect(document.trouble).toContain('401')
  })

  test('and uses up its budget leaves the run waiting for an answer', async () => {
    const { code, document } = await played(({ turn }) => ({
      toolCalls: [{ id: `again-${turn}`, name: 'list_files' }],
      usage: { input: 250_000, output: 10 },
    }))
    expect(code).toBe(1)
    expect(document).toMatchObject({ ok: false, status: 'waiting' })
    expect(document.trouble).toContain('budget')
    expect(document.tally.madeOnce).toBe(document.tally.calls)
  })
})

test('Ctrl-C leaves no process behind', async () => {
  const demo = start(['demo', 'agent', testFolder(), '--time', '60s'])
  const [, pid] = await demo.prints(/process (\d+) started/)
  demo.child.kill('SIGINT')
  const { code, stderr } = await demo.ended
  expect(code).toBe(130)
  expect(stderr).toMatch(/What was recorded lies in \S+\.$/m)
  expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH')
})

test('a model that nobody knows is refused before anything begins', async () => {
  const { code, stderr } = await everloop(['demo', 'agent', testFolder(), '--model', 'nobody/x'])
  expect(code).toBe(1)
  expect(stderr).toContain('error UNKNOWN_MODEL: ')
})

describe('what the tools can see', () => {
  test('ends at the directory, and at what is hidden in it', () => {
    const outside = testFolder()
    const folder = join(outside, 'inside')
    mkdirSync(folder)
    writeFileSync(join(outside, 'key'), 'secret')
    writeFileSync(join(folder, '.env'), 'secret')
    writeFileSync(join(folder, 'file'), 'one\ntwo\n')
    symlinkSync(join(outside, 'key'), join(folder, 'link'))
    const look = new Look(folder)
    expect(look.read('file', 2)).toContain('2  two')
    for (const path of ['../key', join(outside, 'key'), '.env', 'link', '..', '/etc/passwd']) {
      expect(() => look.read(path, 1)).toThrow(/Only files of the directory|There is no file/)
    }
    expect(() => look.read('', 1)).toThrow('is not a file')
    expect(look.search('secret')).toMatchObject({ matches: 0 })
  })
})

describe('the tally', () => {
  const line = (text: string) =>
    text
      .split(' ')
      .filter((part) => part !== '')
      .map((part) => ({ pid: Number(part.slice(-1)), step: part.slice(0, -1) }))
  const entries = ['=model', '=call:a', '=model', '=call:b'].map((key) => ({
    kind: 'step.completed' as const,
    key,
  }))
  const tally = (begun: string, done: string) =>
    auditTally(entries, { asked: line('m1 m2'), begun: line(begun), done: line(done) })

  test('is clean when each call was made once, however often it was begun', () => {
    expect(tally('a1 b1 b2', 'a1 b2')).toEqual({
      answers: 2,
      asked: 2,
      calls: 2,
      madeOnce: 2,
      cutOff: ['b'],
      repeated: [],
      lost: [],
    })
  })

  test.each([
    ['a call that was made again', 'a1 b1 a2', 'a1 b1 a2', { repeated: ['a'], madeOnce: 1 }],
    ['a call that nobody has made', 'a1', 'a1', { lost: ['b'], madeOnce: 1 }],
  ])('finds %s', (_, begun, done, found) => {
    expect(tally(begun, done)).toMatchObject(found)
  })
})
