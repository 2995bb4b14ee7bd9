/** What the CLI says to command lines, files and stores that it cannot use, and how it exits. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { open } from '../../src/index.ts'
import { applicationId, migrations } from '../../src/store/sqlite/migrations.ts'
import { agentFile, everloop, everloopJson, flowFile, index } from './command-line.ts'
import { hello } from './sample-flows.ts'
import { testFolder } from '../test-folder.ts'

async function makeStore(folder: string): Promise<string> {
  const file = join(folder, 'ledger.db')
  await using ever = await open({ store: `sqlite:${file}`, flows: [hello] })
  await ever.start(hello, 'World', { id: 'hello-1' })
  return file
}

describe('the command line', () => {
  test('no command at all shows the help and is a misuse', async () => {
    const { code, stderr, stdout } = await everloop([])
    expect(code).toBe(2)
    expect(stdout + stderr).toContain('Usage: everloop')
  })

  test('--help and --version are none', async () => {
    const [help, version] = await Promise.all([everloop(['--help']), everloop(['-V'])])
    expect(help.code).toBe(0)
    expect(help.stdout).toContain('Exit codes:')
    expect(help.stdout).toContain('everloop demo agent ')
    expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })

  test.each([
    ['an unknown command', ['rns', 'list'], 'Did you mean run'],
    ['an unknown verb', ['runs', 'lst'], 'Did you mean one of list'],
    ['an unknown option', ['runs', 'list', '--sinc', '2h'], 'Did you mean --since'],
    ['a status that is none', ['runs', 'list', '--status', 'done'], 'Allowed choices are'],
  ])('%s is refused with a suggestion', async (_, args, text) => {
    const { code, stdout, stderr } = await everloop(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('error BAD_OPTION: ')
    expect(stderr).toContain(text)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  test.each([
    ['runs verify', ['--store', 'x', 'runs', 'verify']],
    ['runs explain', ['runs', 'why']],
    ['runs', ['runs', 'lst']],
    ['', ['rns', 'list']],
  ])('the help of "%s" is named that says how it is used', async (command, args) => {
    const { stderr } = await everloop(args)
    expect(stderr).toContain(`See \`everloop ${`${command} --help`.trim()}\`.`)
  })

  test.each([[['runs', 'lst']], [['runs']], [[]]])(
    'with --json the error of %j is a document on stderr',
    async (args) => {
      const { code, error } = await everloopJson(args)
      expect(code).toBe(2)
      expect(error).toMatchObject({ code: 'BAD_OPTION', exit: 2 })
    },
  )

  test('a time that is none is told which there are', async () => {
    const { code, stderr } = await everloop(['runs', 'list', '--since', 'yesterday'], {
      cwd: testFolder(),
    })
    expect(code).toBe(2)
    expect(stderr).toContain('BAD_DURATION')
    expect(stderr).toContain('2026-11-21T08:00:00Z')
  })

  test('a worker of no run at all is refused before it says that it works', async () => {
    const args = ['work', flowFile, '--concurrency', '0']
    const { document, error } = await everloopJson(args, { cwd: testFolder() })
    expect(document).toBeUndefined()
    expect(error).toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringContaining('--concurrency takes') as string,
    })
  })
})

describe('a flow file', () => {
  test.each([
    ['does not exist', undefined, '', 'does not exist'],
    ['does not compile', 'export const x: = 1', '', 'SyntaxError'],
    ['needs more than type stripping', 'export enum Color { Red }', '', 'strips types only'],
    ['misses a package', "import 'no-such-package'", '', 'Install what is missing'],
    ['never loads', 'await new Promise(() => {})', '', 'at its top level that never comes'],
    ['throws', "throw new TypeError('not today')", '', 'TypeError: not today'],
    ['throws what is no text', 'throw Object.create(null)', '', 'It threw [object Object].'],
    ['has no possible name', undefined, `${'x'.repeat(300)}.ts`, 'cannot be read: ENAMETOOLONG'],
    ['exports no flow', 'export const x = 1', '', 'exports no flow'],
    ['exports several', undefined, flowFile, 'sample-flows.js#hello'],
    [
      'does not export the named one',
      undefined,
      `${flowFile}#nothing`,
      'exports no flow "nothing"',
    ],
  ])('that %s is refused', async (_, content, given, text) => {
    const folder = testFolder()
    const file = join(folder, 'flow.ts')
    if (content !== undefined) writeFileSync(file, content)
    const { code, stderr } = await everloop(['run', given || file], { cwd: folder })
    expect(stderr).toMatch(/^error FLOW_FILE: /)
    expect(stderr).toContain(text)
    expect(code).toBe(2)
    expect(existsSync(join(folder, '.everloop'))).toBe(false)
  })

  test('that nobody can come to is refused, and so is a directory for a demo', async () => {
    const folder = testFolder()
    const loop = join(folder, 'loop')
    symlinkSync('loop', loop)
    const [run, demo] = await Promise.all([
      everloop(['run', join(loop, 'flow.ts')]),
      everloop(['demo', 'crash', loop]),
    ])
    expect(run.stderr).toMatch(/^error FLOW_FILE: .* cannot be read: ELOOP.*\n$/)
    expect(demo.stderr).toMatch(/^error BAD_OPTION: .* cannot be read: ELOOP.*\n$/)
    expect([run.code, demo.code]).toEqual([2, 2])
  })

  test('syntax that Node 22 does not know is named there', async () => {
    const folder = testFolder()
    writeFileSync(join(folder, 'flow.mjs'), 'something somewhere')
    const disguise = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '22.18.0' } })`
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(disguise)}`
    const [older, newer] = await Promise.all([
      everloop(['run', 'flow.mjs'], { cwd: folder, env: { NODE_OPTIONS } }),
      everloop(['run', 'flow.mjs'], { cwd: folder }),
    ])
    expect(older.stderr).toContain('`await using` need Node 24, and this is Node 22.18.0')
    expect(newer.stderr).toContain('SyntaxError: Unexpected identifier')
    expect(newer.stderr).not.toContain('using')
  })

  test('in a project of CommonJS is told how it becomes a module', async () => {
    const folder = testFolder()
    writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }') // as `npm init` has it
    for (const code of ["import 'node:fs'", 'export const x = 1']) {
      writeFileSync(join(folder, 'flow.ts'), code)
      const { error } = await everloopJson(['run', 'flow.ts'], {
        cwd: folder,
        env: { NODE_NO_WARNINGS: '1' },
      })
      expect(error.message).toContain('"type": "module"')
    }
  })

  test('input that is no JSON is refused with the likely remedy', async () => {
    const { code, stderr } = await everloop(['run', `${flowFile}#hello`, 'World'], {
      cwd: testFolder(),
    })
    expect(code).toBe(2)
    expect(stderr).toContain(`error BAD_INPUT: The input is not JSON`)
    expect(stderr).toContain(`'"World"'`)
  })

  test('input on stdin that is no JSON is not blamed on a shell, and none is said to be none', async () => {
    const run = (input: string) =>
      everloop(['run', `${flowFile}#hello`, '-'], { cwd: testFolder(), input })
    const [none, bad] = await Promise.all([run(' \n'), run('{"a":')])
    expect([none.code, none.stderr]).toEqual([
      2,
      'error BAD_INPUT: The input is missing: stdin is empty.\n',
    ])
    expect(bad.stderr).toMatch(/^error BAD_INPUT: The input on stdin is not JSON: [^\n]*\.\n$/)
    expect(bad.stderr).not.toContain('quotes')
  })

  test('in which everloop is called wrongly is told the line that calls it', async () => {
    const folder = testFolder()
    const file = join(folder, 'flow.ts')
    writeFileSync(file, `import { tool } from ${JSON.stringify(index)}\ntool({ nmae: 'x' })`)
    const { code, stderr } = await everloop(['run', file], { cwd: folder })
    expect(code).toBe(2)
    expect(stderr).toContain('has no option "nmae"')
    expect(stderr).toMatch(/\(at .*flow\.ts:2:1\)/)
  })
})

test('what was left out by mistake is not taken for something', async () => {
  const cwd = testFolder()
  await everloop(['run', `${agentFile}#slow`, '{"prompt":"Pay."}', '--id', 'pay-1'], { cwd })
  const assigned = await everloop(['approvals', 'assign', 'pay-1', ' '], { cwd })
  expect([assigned.code, assigned.stderr]).toEqual([
    2,
    'error BAD_OPTION: The name is empty: say to whom it is handed.\n',
  ])
  const undone = await everloop(['runs', 'undo', 'pay-1', '--cancel', '--reason', 'x'], { cwd })
  expect([undone.code, undone.stderr]).toEqual([2, expect.stringContaining('it needs --skip N')])
  expect(await everloop(['runs', 'undo', 'pay-1', '--cancel'], { cwd })).toEqual({
    code: 0,
    signal: null,
    stdout: 'Run pay-1 has nothing to undo.\n',
    stderr: 'Run pay-1 is cancelled.\n',
  })
  const again = await everloop(['runs', 'undo', 'pay-1', '--cancel'], { cwd })
  expect(again.stderr).toBe('')
})

describe('a store', () => {
  test.each([
    [['runs', 'list']],
    [['runs', 'watch', 'x']],
    [['questions', 'answer', 'x', '1']],
    [['doctor']],
  ])('that is missing is not made by %j', async (args) => {
    const folder = testFolder()
    const { code, stdout, stderr } = await everloop(args, { cwd: folder })
    expect(code).toBe(4)
    expect(stdout + stderr).toContain('There is no store at')
    expect(existsSync(join(folder, '.everloop'))).toBe(false)
  })

  test('that is an empty file is none, and stays empty', async () => {
    const folder = testFolder()
    writeFileSync(join(folder, 'empty.db'), '')
    const args = ['runs', 'list', '--store', 'sqlite:empty.db']
    const { code, stderr } = await everloop(args, { cwd: folder })
    expect({ code, stderr }).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('no store at') as string,
    })
    expect(readdirSync(folder)).toEqual(['empty.db'])
    expect(statSync(join(folder, 'empty.db')).size).toBe(0)
  })

  test('is taken from --store before EVERLOOP_STORE before the default', async () => {
    const folder = testFolder()
    const env = { EVERLOOP_STORE: 'sqlite:by-environment.db' }
    const messages = await Promise.all([
      everloop(['runs', 'list', '--store', 'sqlite:by-option.db'], { cwd: folder, env }),
      everloop(['runs', 'list'], { cwd: folder, env }),
      everloop(['runs', 'list'], { cwd: folder }),
    ])
    expect(
      messages.map(({ stderr }) => /no store at (?:\S*\/)?([\w.-]+)\./.exec(stderr)?.[1]),
    ).toEqual(['by-option.db', 'by-environment.db', 'ledger.db'])
  })

  test('whose place is no place is a misuse', async () => {
    const answers = await Promise.all([
      everloopJson(['runs', 'list', '--store', './ledger.db']),
      everloopJson(['runs', 'list', '--store', 'memory:']),
    ])
    expect(answers.map(({ code, error }) => [code, error.code])).toEqual([
      [2, 'BAD_OPTION'],
      [2, 'BAD_OPTION'],
    ])
  })

  test('that is foreign, cut off or newer is refused with its code', async () => {
    const folder = testFolder()
    const file = await makeStore(folder)
    const place = (name: string): string => join(folder, name)
    writeFileSync(place('foreign.db'), 'no database at all, but long enough to be looked at')
    copyFileSync(file, place('cut.db'))
    truncateSync(place('cut.db'), 6000)
    copyFileSync(file, place('newer.db'))
    const database = new DatabaseSync(place('newer.db'))
    database.exec('PRAGMA user_version = 999')
    database.close()
    const answers = await Promise.all(
      ['foreign.db', 'cut.db', 'newer.db'].map((name) =>
        everloopJson(['runs', 'list', '--store', `sqlite:${place(name)}`]),
      ),
    )
    expect(answers.map(({ code, error }) => [code, error.code])).toEqual([
      [4, 'STORE_FOREIGN'],
      [4, 'STORE_FOREIGN'],
      [4, 'STORE_NEWER'],
    ])
  })

  test('of an older version is brought up to date when somebody says so, and not by looking at it', async () => {
    const folder = testFolder()
    const file = join(folder, 'older.db')
    const database = new DatabaseSync(file)
    onTestFinished(() => database.close())
    const version = (): unknown => database.prepare('PRAGMA user_version').get()?.['user_version']
    database.exec('PRAGMA journal_mode = WAL')
    for (const step of migrations.slice(0, 3)) database.exec(step)
    database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = 3`)
    const place = ['--store', `sqlite:${file}`]
    const answers = await Promise.all(
      [
        ['runs', 'list'],
        ['approvals', 'list'],
        ['signal', 'a', 'b'],
        ['runs', 'events', 'a'],
      ].map((args) => everloopJson([...args, ...place])),
    )
    expect(answers.map(({ code, error }) => [code, error.code])).toEqual(
      answers.map(() => [4, 'STORE_OLDER']),
    )
    expect(answers[0]?.error.message).toMatch(/version 3\b.*everloop doctor --migrate/s)
    const looked = await everloop(['doctor', ...place])
    expect(looked).toMatchObject({ code: 4, stdout: expect.stringContaining('doctor --migrate') })
    expect(version()).toBe(3)

    expect(await everloop(['doctor', '--migrate', ...place])).toMatchObject({ code: 0 })
    expect(version()).toBe(migrations.length)
    expect(await everloop(['runs', 'list', ...place])).toMatchObject({ code: 0 })
  })

  test.skipIf(process.getuid?.() === 0)('that cannot be written is refused', async () => {
    const folder = testFolder()
    const file = await makeStore(folder)
    chmodSync(file, 0o400)
    const { code, error } = await everloopJson(['runs', 'list', '--store', `sqlite:${file}`])
    expect({ code, error: error.code }).toEqual({ code: 4, error: 'STORE_READ_ONLY' })
  })
})
