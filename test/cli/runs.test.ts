/** `everloop runs`, `signal` and `questions` on one store with a run in each situation. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { flow, open } from 'everloop'
import { type Ended, everloop, everloopJson, start } from './command-line.ts'
import { makeSampleStore } from './sample-store.ts'
import { makeFolder } from '../test-folder.ts'

const folder = makeFolder()
const store = `sqlite:${join(folder.path, 'ledger.db')}`
const env = { EVERLOOP_STORE: store }
const run = (...args: string[]): Promise<Ended> => everloop(args, { env })
const runJson = <T = Record<string, unknown>>(...args: string[]) => everloopJson<T>(args, { env })

beforeAll(() => makeSampleStore(store))

afterAll(() => folder.remove())

describe('runs list', () => {
  interface List {
    readonly runs: readonly { readonly id: string; readonly status: string }[]
    readonly more: boolean
  }

  test('shows a table, the newest first, without colors in a pipe', async () => {
    const { code, stdout } = await run('runs', 'ls', '--limit', '3')
    expect(code).toBe(0)
    const lines = stdout.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^RUN +STATUS +FLOW +CREATED +CHANGED +ENTRIES$/)
    expect(lines[1]).toMatch(/^queued-1 +ready +hello@1 /)
    expect(lines[2]).toMatch(/^delayed-1 +waiting +hello@1 /)
    expect(lines).toHaveLength(5)
    expect(lines[4]).toBe('More than 3: raise --limit, or narrow the list.')
    expect(stdout).not.toContain('\u001b')
  })

  test('paints where colors are wanted, and never with --json', async () => {
    const color = { ...env, FORCE_COLOR: '1' }
    const [human, json] = await Promise.all([
      everloop(['runs', 'list'], { env: color }),
      everloop(['runs', 'list', '--json'], { env: color }),
    ])
    expect(human.stdout).toContain('\u001b[32mcompleted')
    expect(json.stdout).not.toContain('\u001b')
  })

  test('filters by status, flow, label, parent and age', async () => {
    const ids = async (...args: string[]): Promise<string[]> => {
      const { document } = await runJson<List>('runs', 'list', ...args)
      return document.runs.map(({ id }) => id)
    }
    const [ready, active, paused, ended, children, old, recent] = await Promise.all([
      ids('--status', 'ready'),
      ids('--status', 'active', '--flow', 'hello'),
      ids('--status', 'paused', 'failed'),
      ids('--status', 'completed', '--flow', 'hello'),
      ids('--parent', 'parent-1'),
      ids('--since', '2999-01-01'),
      ids('--since', '2h', '--status', 'waiting', '--flow', 'sleeps'),
    ])
    expect(ready).toEqual(['queued-1'])
    expect(active).toEqual(['queued-1', 'delayed-1'])
    expect(paused).toEqual(['waits-2', 'failed-1'])
    expect(ended).toEqual(['done-2', 'done-1'])
    expect(children).toEqual([expect.stringMatching(/^parent-1\./)])
    expect(old).toEqual([])
    expect(recent).toEqual(['sleeps-1'])
  })

  test.each(['yesterday', '2026-02-31', '2026-13-01', '2026-11-21T25:00:00Z'])(
    'refuses a time that is none: %s',
    async (since) => {
      const { code, error } = await runJson('runs', 'list', '--since', since)
      expect({ code, error: error.code }).toEqual({ code: 2, error: 'BAD_DURATION' })
    },
  )
})

describe('an id', () => {
  test('may be shortened while it fits one run', async () => {
    const [get, unknown, ambiguous] = await Promise.all([
      runJson('runs', 'get', 'fai'),
      runJson('runs', 'get', 'nobody'),
      runJson('runs', 'explain', 'done'),
    ])
    expect(get).toMatchObject({ code: 0, document: { id: 'failed-1', status: 'failed' } })
    expect(unknown).toMatchObject({ code: 3, error: { code: 'UNKNOWN_RUN' } })
    expect(ambiguous).toMatchObject({ code: 3, error: { code: 'AMBIGUOUS_ID' } })
    expect(ambiguous.error.message).toMatch(/done-2, done-1|done-1, done-2/)
  })
})

test('runs get shows input and output', async () => {
  const [human, json] = await Promise.all([
    run('runs', 'get', 'done-1'),
    runJson('runs', 'get', 'chat'),
  ])
  expect(human.stdout).toMatch(/^status +completed$/m)
  expect(human.stdout).toMatch(/^input +"Ada"$/m)
  expect(human.stdout).toMatch(/^output +"Hello Ada"$/m)
  expect(json.document).toMatchObject({
    status: 'completed',
    output: { at: { $: 'date' }, text: 'a\u001b[31mb\u202ec' },
  })
})

test('runs get says who cancelled a run, and why', async () => {
  const [human, json] = await Promise.all([
    run('runs', 'get', 'gone-1'),
    runJson('runs', 'get', 'gone-1'),
  ])
  expect(human.stdout).toMatch(/^reason +not wanted\ncancelled by +Ada$/m)
  expect(json.document).toMatchObject({ reason: 'not wanted', cancelledBy: 'Ada' })
})

test('runs get names the child that a run has failed with', async () => {
  const store = `sqlite:${join(folder.path, 'below.db')}`
  const bad = flow('bad', () => Promise.reject(new Error('no key')))
  const parent = flow('parent', (inner) => inner.child(bad, undefined))
  await using ever = await open({ store, flows: [bad, parent], work: {} })
  await (await ever.start(parent, undefined, { id: 'above-1' })).settled()
  const [child] = await ever.list({ parent: 'above-1' })
  const { document } = await runJson('runs', 'get', 'above-1', '--store', store)
  expect(document).toMatchObject({ status: 'failed', failedChild: child?.id })
  const human = await run('runs', 'get', 'above-1', '--store', store)
  expect(human.stdout).toContain(
    `\nfailed child  ${child?.id} (everloop runs explain ${child?.id})\n`,
  )
  const below = await runJson('runs', 'get', child?.id ?? '', '--store', store)
  expect(below.document).not.toHaveProperty('failedChild')
})

test('runs get says who cancelled a run that had not begun', async () => {
  const store = `sqlite:${join(folder.path, 'early.db')}`
  {
    const later = flow('later', async () => undefined)
    await using ever = await open({ store, flows: [later] })
    await ever.start(later, undefined, { id: 'early-1', delay: '1h' })
    await ever.cancel('early-1', 'not wanted', { by: 'Ada' })
    await ever.work({ until: 'idle' })
  }
  expect((await runJson('runs', 'get', 'early-1', '--store', store)).document).toMatchObject({
    status: 'cancelled',
    cancelledBy: 'Ada',
  })
})

test('runs get and explain say what they can of a cancelled run whose ledger is broken', async () => {
  const broken = join(folder.path, 'broken.db')
  {
    const database = new DatabaseSync(join(folder.path, 'ledger.db'))
    database.exec(`VACUUM INTO '${broken}'`)
    database.close()
    const copy = new DatabaseSync(broken)
    copy.exec(`UPDATE entries SET payload = '{' WHERE kind = 'run.cancelling'`)
    copy.close()
  }
  const place = ['gone-1', '--store', `sqlite:${broken}`]
  const [got, explained] = await Promise.all([
    runJson('runs', 'get', ...place),
    run('runs', 'explain', ...place),
  ])
  expect(got.document).toMatchObject({ status: 'cancelled', reason: 'not wanted' })
  expect(got.document).not.toHaveProperty('cancelledBy')
  expect(explained.stdout).toMatch(/Cancelled .*: not wanted/)
})

describe('runs events', () => {
  test('prints a line for each entry, and JSON lines from a cursor', async () => {
    const [human, json] = await Promise.all([
      run('runs', 'events', 'asks-1'),
      run('runs', 'events', 'done-1', '--from', '1', '--json'),
    ])
    expect(human.stdout.trimEnd().split('\n')).toHaveLength(2)
    expect(human.stdout).toMatch(/^ +2 +[\d:.]+ +question\.asked +\S.* \{"prompt":"Which /m)
    expect(human.stdout).not.toContain('\u001b')
    const events = json.stdout.trimEnd().split('\n')
    expect(events.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { seq: 2, kind: 'step.completed', path: 'greet', data: { value: 'Hello Ada' } },
      { seq: 3, kind: 'run.completed', data: { output: 'Hello Ada' } },
    ])
  })

  test('end quietly when the reader has seen enough', async () => {
    const running = start(['runs', 'events', 'chat-1', '--json'], { env })
    running.child.stdout?.destroy()
    expect((await running.ended).stderr).toBe('')
  })

  test.skipIf(!existsSync('/dev/full'))('say that the disk they print to is full', async () => {
    const full = { env, limit: 'exec > /dev/full' }
    expect(await everloop(['runs', 'list'], full)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^error BAD_OPTION: .* cannot be written: ENOSPC.*\n$/),
    })
    const json = await everloopJson(['runs', 'export', 'chat-1'], full)
    expect(json).toMatchObject({ code: 2, error: { code: 'BAD_OPTION' } })
  })
})

test('runs verify finds a ledger intact, and one that was edited broken', async () => {
  const edited = join(folder.path, 'edited.db')
  {
    const database = new DatabaseSync(join(folder.path, 'ledger.db'))
    database.exec(`VACUUM INTO '${edited}'`)
    database.close()
    const copy = new DatabaseSync(edited)
    copy.exec(`UPDATE entries SET payload = replace(payload, 'Ada', 'Eve') WHERE seq = 2`)
    copy.close()
  }
  const place = ['--store', `sqlite:${edited}`]
  const [whole, human, json] = await Promise.all([
    run('runs', 'verify', 'done-1'),
    run('runs', 'verify', 'done-1', ...place),
    runJson('runs', 'verify', 'done-1', ...place),
  ])
  expect(whole).toMatchObject({
    code: 0,
    stdout: 'Intact: 3 entries, every hash and rule checked.\n',
  })
  expect(human.code).toBe(1)
  expect(human.stdout).toMatch(/^Broken: run done-1 .*\n {2}entry 2 /)
  expect(json).toMatchObject({ code: 1, document: { ok: false, violations: [{ seq: 2 }] } })
})

describe('what comes from outside', () => {
  test('a refused operation exits 1 with the reason', async () => {
    const answers = await Promise.all([
      runJson('runs', 'resume', 'waits-1'),
      runJson('runs', 'retry', 'done-1'),
      runJson('runs', 'cancel', 'done-1'),
      runJson('signal', 'gone-1', 'go'),
    ])
    expect(answers.map(({ code, error }) => [code, error.code])).toEqual([
      [1, 'RUN_STATE'],
      [1, 'RUN_STATE'],
      [1, 'RUN_ENDED'],
      [1, 'RUN_ENDED'],
    ])
  })

  test('a signal of one id is sent once, and what was not sent is not said to be', async () => {
    const send = ['signal', 'waits-1', 'other', '1', '--id', 'once']
    const [first, again] = [await run(...send), await run(...send)]
    expect([first.code, first.stdout]).toEqual([
      0,
      'Sent signal "other" to run waits-1. Nothing awaits it so far: at present the run waits for the signal "go".\n',
    ])
    expect(again.code).toBe(0)
    expect(again.stdout).toBe(
      'Nothing was sent: run waits-1 has got something under the id "once" before.\n',
    )
    expect((await runJson(...send)).document).toEqual({
      run: 'waits-1',
      signal: 'other',
      sent: false,
    })
  })

  test('questions are listed and answered as their schema wants, once', async () => {
    const [human, json] = await Promise.all([
      run('questions', 'list'),
      runJson('questions', 'ls', '--run', 'asks-2'),
    ])
    expect(human.stdout).toMatch(/^asks-1\/2 +\S.* +never +red, green +Which color\?$/m)
    expect(human.stdout).not.toContain('\u001b')
    expect(json.document['questions']).toMatchObject([
      { id: 'asks-2/2', schema: { enum: ['red', 'green'] } },
    ])
    const shown = await run('questions', 'show', 'asks-1')
    expect(shown.code).toBe(0)
    expect(shown.stdout).toMatch(/^asks +Which color\?$/m)
    expect(shown.stdout).toMatch(/^answer +red, green$/m)
    expect(shown.stdout).toContain('"enum": [')
    expect(shown.stdout).toContain('Next: everloop questions answer asks-1/2 …')
    const whole = await runJson('questions', 'show', 'asks-1/2')
    expect(whole.document).toMatchObject({ id: 'asks-1/2', schema: { enum: ['red', 'green'] } })
    const gone = await runJson('questions', 'show', 'asks-1/99')
    expect(gone).toMatchObject({ code: 3, error: { code: 'UNKNOWN_QUESTION' } })
    const [misfit, word, ambiguous, none] = await Promise.all([
      runJson('questions', 'answer', 'asks-1', '"blue"'),
      runJson('questions', 'answer', 'asks-1', 'blue'),
      runJson('questions', 'answer', 'asks', '"red"'),
      runJson('questions', 'answer', 'asks-1/99', '"red"'),
    ])
    expect(misfit).toMatchObject({ code: 2, error: { code: 'BAD_INPUT' } })
    expect(word).toMatchObject({ code: 2, error: { code: 'BAD_INPUT' } })
    expect(word.error.message).toContain('It must fit: {"type":"string","enum":["red","green"]}')
    expect(ambiguous).toMatchObject({ code: 3, error: { code: 'AMBIGUOUS_ID' } })
    expect(none).toMatchObject({ code: 3, error: { code: 'UNKNOWN_QUESTION' } })

    const answered = await run('questions', 'answer', 'asks-1', 'green', '--by', 'Ada')
    expect(answered).toMatchObject({
      code: 0,
      stdout:
        'Answered question asks-1/2: a worker hands it to the run, whose code has the last word.\n',
    })
    const late = await runJson('questions', 'answer', 'asks-1/2', '"red"')
    expect(late).toMatchObject({ code: 1, error: { code: 'QUESTION_CLOSED' } })
    const closed = await runJson('questions', 'show', 'asks-1/2')
    expect(closed).toMatchObject({ code: 1, error: { code: 'QUESTION_CLOSED' } })
    expect(closed.error.message).toContain('everloop runs events asks-1')
    // Named by a run that asks nothing.
    const ended = await runJson('questions', 'show', 'gone')
    expect(ended).toMatchObject({ code: 3, error: { code: 'UNKNOWN_QUESTION' } })
    expect(ended.error.message).toContain('everloop runs explain gone-1')
  })
})
