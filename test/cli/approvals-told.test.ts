/** What lists and `show` say of approvals and questions: where they stand, whose they are, and what to do. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { open } from '../../src/index.ts'
import { sqliteStore } from '../../src/store/sqlite/store.ts'
import { testRuntime } from '../../src/testing/index.ts'
import { agentFile, bin, everloop, everloopJson, Running } from './command-line.ts'
import * as agents from './sample-agents.ts'
import { testFolder } from '../test-folder.ts'

/** A store in which a run of this flow rests, and nobody works. */
async function resting(
  flow: { readonly name: string },
  id: string,
  { by, input = { prompt: 'Pay.' } }: { readonly by?: string; readonly input?: unknown } = {},
) {
  const store = `sqlite:${join(testFolder(), 'ledger.db')}`
  const flows = Object.values(agents).filter((one) => typeof one !== 'string')
  await using ever = await open({ store, flows, work: {} })
  await (await ever.start(flow.name, input, { id, ...(by === undefined ? {} : { by }) })).settled()
  await ever.work({ until: 'idle' })
  const env = { EVERLOOP_STORE: store, NO_COLOR: '1', TERM: 'xterm' }
  return {
    env,
    cli: (...args: string[]) => everloop(args, { env }),
    json: <T>(...args: string[]) => everloopJson<T>(args, { env }),
  }
}

/** A runtime whose clock stands far behind that of the commands. */
const behind = (location: string, flow: typeof agents.patient) =>
  testRuntime({
    flows: [flow],
    store: (ports) => sqliteStore({ location, ports, durability: 'process' }),
    start: Date.now() - 25 * 3_600_000,
  })

test('what is decided and what is answered is said to wait for a worker', async () => {
  const { cli, json } = await resting(agents.slow, 'pay-1')
  expect((await cli('approvals', 'list')).stdout).toMatch(/ open /)
  await cli('approvals', 'approve', 'pay-1')
  expect((await cli('approvals', 'list')).stdout).toMatch(/answered, waits for a worker/)
  const shown = await cli('approvals', 'show', 'pay-1')
  expect(shown.stdout).toMatch(/state +answered, waits for a worker\n/)
  expect(shown.stdout).toMatch(/\nNext: everloop work FILE/)
  const questions = await cli('questions', 'list')
  expect(questions.stdout).toMatch(
    /^No question is open\.\npay-1\/\d+: answered, waits for a worker\n$/,
  )
  expect(await json('questions', 'list')).toMatchObject({
    document: { questions: [], answered: [expect.stringMatching(/^pay-1\/\d+$/)] },
  })
})

test('what is over before anybody has decided is said to wait for a worker, and for nobody else', async () => {
  const location = join(testFolder(), 'ledger.db')
  const cli = (...args: string[]) => everloop([...args, '--store', `sqlite:${location}`])
  await using runtime = await behind(location, agents.hasty)
  await runtime.start(agents.hasty, { prompt: 'Pay.' }, { id: 'late-1' })
  expect((await cli('approvals', 'list')).stdout).toMatch(/ expired, waits for a worker /)
  const approval = await cli('approvals', 'show', 'late-1')
  expect(approval.stdout).toMatch(/state +expired, waits for a worker\n/)
  expect(approval.stdout).toMatch(/\nNext: everloop work FILE/)
  expect((await cli('questions', 'list')).stdout).toMatch(/ expired, waits for a worker /)
  expect((await cli('questions', 'show', 'late-1')).stdout).toMatch(/\nNext: everloop work FILE/)
})

test('whom it goes to next is said, and when, until it has gone there', async () => {
  const { cli, json } = await resting(agents.patient, 'pay-1')
  const { document } = await json<{
    readonly id: string
    readonly since: number
    readonly escalation: { readonly to: string; readonly due: number }
  }>('approvals', 'show', 'pay-1')
  const { id, since, escalation } = document
  expect(escalation.to).toBe(`Eve${agents.evil}`)
  expect((escalation.due - since) / 3_600_000).toBeCloseTo(24)
  expect((await cli('approvals', 'list')).stdout).toMatch(
    /^APPROVAL .* EXPIRES +GOES TO +VOTES .*\n.* (EveBob in (1d|23h[^ ]*.*)) +0 of 2 /,
  )
  const shown = await cli('approvals', 'show', 'pay-1')
  expect(shown.stdout).toMatch(
    /\ngoes to +EveBob, \d{4}-\d\d-\d\d [\d:]{8} \(in (1d|23h.*)\), unless somebody decides before\n/,
  )
  await cli('approvals', 'approve', 'pay-1', '--by', 'ann')
  const conversation = await cli('runs', 'conversation', 'pay-1')
  expect(conversation.stdout).toMatch(
    /\n {4}waits for somebody \(pay-1\/\d+\); goes to EveBob if nobody has decided by \d{4}-\d\d-\d\d [\d:]{8}\n/,
  )
  const told = await json<{ items: readonly object[] }>('runs', 'conversation', 'pay-1')
  expect(told.document.items).toContainEqual(
    expect.objectContaining({ is: 'asked', question: id, escalation }),
  )
  await cli('approvals', 'approve', 'pay-1', '--by', 'bob')
  expect((await cli('approvals', 'list')).stdout).not.toContain('GOES TO')
  expect((await cli('approvals', 'show', 'pay-1')).stdout).not.toContain('goes to')
})

test('whom it was to go to while no worker ran is said, and to whom it has gone', async () => {
  const location = join(testFolder(), 'ledger.db')
  const cli = async (...args: string[]): Promise<string> =>
    (await everloop([...args, '--store', `sqlite:${location}`])).stdout
  await using runtime = await behind(location, agents.patient)
  await runtime.start(agents.patient, { prompt: 'Pay.' }, { id: 'pay-1' })
  expect(await cli('approvals', 'list')).toMatch(/ EveBob \(waits for a worker\) +0 of 2 /)
  expect(await cli('approvals', 'show', 'pay-1')).toMatch(
    /\ngoes to +EveBob, since [^(]* \(1h.* ago\): waits for a worker\n/,
  )
  await runtime.advance('24h')
  expect(await cli('approvals', 'show', 'pay-1')).toMatch(/\nhanded to +EveBob\n(?!goes to)/)
  // Whose it is now bars nobody.
  expect(await cli('approvals', 'list')).toMatch(
    /^APPROVAL .* STATE +FOR +HANDED TO +TOOL .*\n.* open +anybody +EveBob +pay /,
  )
  expect(await cli('runs', 'conversation', 'pay-1')).toMatch(
    /\n {4}waits for somebody \(pay-1\/\d+\)\n {4}handed on to EveBob: nobody had decided in time\n/,
  )
})

test('lists of one run tell of the runs below it', async () => {
  const { cli, json } = await resting(agents.above, 'top-1')
  await using ever = await open({
    store: (await resting(agents.slow, 'other-1')).env.EVERLOOP_STORE,
  })
  expect(await ever.questions()).toHaveLength(1)
  const approvals = await json<{ approvals: readonly { run: string }[] }>(
    'approvals',
    'list',
    '--run',
    'top',
  )
  const [waiting, ...others] = approvals.document.approvals
  expect(others).toEqual([])
  expect(waiting?.run).toMatch(/^top-1\.[0-9a-f]+\.[0-9a-f]+$/)
  const text = await cli('approvals', 'list', '--run', 'top-1')
  expect(text.stdout).toMatch(/^APPROVAL +RUN /)
  expect(text.stdout).toContain(`  ${waiting?.run ?? ''}  `)
  const questions = await json<{ questions: readonly { run: string; kind: string }[] }>(
    'questions',
    'list',
    '--run',
    'top-1',
  )
  expect(questions.document.questions.map(({ run, kind }) => [run, kind])).toEqual([
    ['top-1', 'question'],
    [waiting?.run, 'approval'],
  ])
  expect((await cli('questions', 'list', '--run', 'top-1')).stdout).toMatch(/^QUESTION +RUN /)
  // Of the run below alone.
  const below = await json<{ questions: readonly unknown[] }>(
    'questions',
    'list',
    '--run',
    waiting?.run ?? '',
  )
  expect(below.document.questions).toHaveLength(1)
})

test('lists of one run leave out runs that are not below it, and say when a prefix fits several', async () => {
  const { env, json } = await resting(agents.slow, 'pay-1')
  {
    await using ever = await open({ store: env.EVERLOOP_STORE, flows: [agents.slow], work: {} })
    // Neither a longer id nor a dot makes a child.
    for (const id of ['pay-2', 'pay-1.1']) {
      await (await ever.start(agents.slow, { prompt: 'Pay.' }, { id })).settled()
    }
  }
  for (const [command, field] of [
    ['approvals', 'approvals'],
    ['questions', 'questions'],
  ] as const) {
    const { document } = await json<Record<string, readonly { run: string }[]>>(
      command,
      'list',
      '--run',
      'pay-1',
    )
    expect(document[field]?.map(({ run }) => run)).toEqual(['pay-1'])
    const several = await json(command, 'list', '--run', 'pay')
    expect([several.code, several.error.code]).toEqual([3, 'AMBIGUOUS_ID'])
  }
})

test('who may decide is said, and the command that they use', async () => {
  const own = await resting(agents.careful, 'own-1', { by: 'bob' })
  const barred = await own.cli('approvals', 'show', 'own-1')
  expect(barred.stdout).toMatch(/may decide +anybody but bob\n/)
  expect(barred.stdout).toMatch(/\nNext: everloop approvals approve \S+ --digest \S+ --by NAME\n$/)
  expect((await own.cli('approvals', 'list')).stdout).toContain('anybody but bob')

  const chosen = await resting(agents.chosen, 'own-2', { by: 'ada' })
  const shown = await chosen.cli('approvals', 'show', 'own-2')
  expect(shown.stdout).toMatch(/may decide +cyd\n/)
  const other = await chosen.cli('approvals', 'approve', 'own-2', '--by', 'dan')
  expect(other.stderr).toContain('dan is not one of those who may decide: cyd.\n')
  // Nor does it make anybody one of them to be handed it.
  expect((await chosen.cli('approvals', 'list')).stdout).not.toContain('HANDED TO')
  await chosen.cli('approvals', 'assign', 'own-2', 'dan')
  expect((await chosen.cli('approvals', 'list')).stdout).toMatch(/ open +cyd +dan +pay /)
  expect((await chosen.cli('approvals', 'show', 'own-2')).stdout).toMatch(
    /may decide +cyd\nhanded to +dan\n/,
  )
  const word = await chosen.cli('questions', 'answer', 'own-2', 'yes', '--by', 'cyd')
  expect(word.code).toBe(2)
  expect(word.stderr).toMatch(
    /decide it with `everloop approvals approve own-2\/\d+` or `deny`\.\n$/,
  )

  const unknown = await resting(agents.careful, 'own-3')
  const denied = await unknown.cli('approvals', 'show', 'own-3')
  expect(denied.stdout).toMatch(
    /may decide +anybody, and only to deny it: .* does not say who did\n/,
  )
  expect(denied.stdout).not.toContain('approvals approve')
  const [, next = ''] =
    /\nNext: everloop (approvals deny \S+ --digest \S+)/.exec(denied.stdout) ?? []
  expect((await unknown.cli('approvals', 'list')).stdout).toContain('can only be denied')
  expect((await unknown.cli(...next.split(' '))).stdout).toMatch(/^Denied: pay/)
})

test('a field that an edit has too many is named, at once or by the run', async () => {
  const edited = '{"to":"Bob","cents":5,"currency":"EUR"}'
  const exact = await resting(agents.exact, 'pay-1')
  const refused = await exact.cli('approvals', 'edit', 'pay-1', edited)
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain('schema: The schema has no field "currency". It must fit: ')
  expect(refused.stderr).not.toContain('False boolean')
  // A schema in many lines can be read.
  expect(refused.stderr).toMatch(/\n {2}"properties": \{\n/)
  const missing = await exact.cli('approvals', 'edit', 'pay-1', '{"to":"Bob"}')
  expect(missing.stderr).toContain('schema: The field "cents" is missing.')

  const { cli, env } = await resting(agents.slow, 'pay-1')
  expect((await cli('approvals', 'edit', 'pay-1', edited)).stdout).toMatch(/^Sent: /)
  await everloop(['work', agentFile, '--until', 'idle'], { env })
  expect((await cli('approvals', 'show', 'pay-1')).stdout).toMatch(
    /refused before +The schema of pay would change these arguments: it has no field "currency"\./,
  )
})

/** `script` of util-linux lends a terminal to a command. */
const hasTerminal = process.platform === 'linux' && existsSync('/usr/bin/script')

const atTerminal = (flow: string, env: Readonly<Record<string, string>>, ...more: string[]) => {
  const words = [
    process.execPath,
    bin,
    'run',
    `'${agentFile}#${flow}'`,
    `'{"prompt":"Pay."}'`,
    ...more,
  ]
  return new Running('script', ['-qec', words.join(' '), '/dev/null'], {
    cwd: testFolder(),
    env: { ...env, NO_COLOR: '1', TERM: 'xterm' },
  })
}

test.skipIf(!hasTerminal)('who may not decide is not asked at the terminal', async () => {
  const { env } = await resting(agents.slow, 'pay-1')
  const running = atTerminal('careful', env, '--id', 'own-1', '--by', 'bob')
  const { code, stdout } = await running.ended
  expect(code).toBe(5)
  expect(stdout).not.toContain('(yes, no')
  expect(stdout).toMatch(
    /Not asked here: bob asked for it and may not decide about it\. May decide: anybody but bob\. They use: everloop approvals approve own-1\/\d+ --digest \S+ --by NAME/,
  )
})

test.skipIf(!hasTerminal)('a yes is not offered where nobody can say it', async () => {
  const { env } = await resting(agents.slow, 'pay-1')
  const running = atTerminal('careful', env, '--id', 'own-1')
  await running.prints(/\(no, no WHY\)/)
  running.child.stdin?.write('yes\r')
  await running.prints(/Approval "own-1.* can only be denied\..*[^]*\(no, no WHY\)/)
  running.child.stdin?.write('no not now\r')
  expect(await running.ended).toMatchObject({ code: 0 })
})
