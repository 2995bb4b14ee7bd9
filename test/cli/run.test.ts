/** `everloop run`: a user's TypeScript file, from the command line to its output. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  agentFile,
  bin,
  everloop,
  everloopJson,
  flowFile,
  index,
  Running,
  start,
} from './command-line.ts'
import { testFolder } from '../test-folder.ts'

test('executes a TypeScript file as it is, and prints the output alone', async () => {
  const folder = testFolder()
  writeFileSync(
    join(folder, 'my#flow.ts'),
    `import { flow, type Run } from ${JSON.stringify(index)}
interface Input { readonly city: string }
export default flow('weather', async (run: Run, { city }: Input) => run.step('look', () => city.length))
setInterval(() => {}, 1000) // what keeps a process alive`,
  )
  const { code, stdout, stderr } = await everloop(['run', 'my#flow.ts', '{"city":"Ulm"}'], {
    cwd: folder,
  })
  expect({ code, stdout }).toEqual({ code: 0, stdout: '3\n' })
  expect(stderr).toMatch(/^run [0-9a-f]{24}\n$/)
  expect(existsSync(join(folder, '.everloop', 'ledger.db'))).toBe(true)
})

test('takes the input from an option or stdin, and starts a run of one id once', async () => {
  const cwd = testFolder()
  const base = ['run', `${flowFile}#hello`, '--id', 'greeting']
  const first = await everloop([...base, '-'], { cwd, input: '"Ada"' })
  expect(first).toMatchObject({ code: 0, stdout: 'Hello Ada\n' })
  const again = await everloopJson([...base, '--input', '"Ada"'], { cwd })
  expect(again.document).toEqual({ run: 'greeting', status: 'completed', output: 'Hello Ada' })
  const other = await everloopJson([...base, '"Bob"'], { cwd })
  expect(other).toMatchObject({ code: 1, error: { code: 'RUN_EXISTS' } })
  const both = await everloopJson([...base, '"Ada"', '--input', '"Bob"'], { cwd })
  expect(both).toMatchObject({ code: 2, error: { code: 'BAD_OPTION' } })
})

test('keeps what flows print off stdout with --json, and control characters off the terminal', async () => {
  // Two stores: in one, either process might execute the run of the other.
  const [human, json] = await Promise.all([
    everloop(['run', `${flowFile}#chat`], { cwd: testFolder() }),
    everloop(['run', `${flowFile}#chat`, '--json'], { cwd: testFolder() }),
  ])
  expect(human.stdout).toContain('the flow prints')
  expect(human.stdout).toContain(String.raw`"a\u001b[31mbc"`)
  expect(human.stdout).not.toContain('\u001b')
  expect(human.stdout).not.toContain('\u202e')
  const document = JSON.parse(json.stdout) as { output: unknown }
  expect(document.output).toEqual({
    at: { $: 'date', v: '1970-01-01T00:00:00.000Z' },
    text: 'a\u001b[31mb\u202ec',
  })
  expect(json.stdout).toMatch(/^[\x20-\x7e\n]+$/)
  expect(json.stderr).toContain('the flow prints')
})

test('exits 1 for a run that fails, 5 for one that rests, and waits for short timers', async () => {
  const cwd = testFolder()
  const [fails, asks, parent, naps, sleeps] = await Promise.all([
    everloopJson(['run', `${flowFile}#fails`, '--id', 'f'], { cwd }),
    everloop(['run', `${flowFile}#asks`, '--id', 'a'], { cwd }),
    everloopJson(['run', `${flowFile}#parent`, '--id', 'p'], { cwd }),
    everloop(['run', `${flowFile}#naps`], { cwd }),
    everloopJson(['run', `${flowFile}#sleeps`, '--id', 's'], { cwd }),
  ])
  expect(fails).toMatchObject({ code: 1, document: { run: 'f', status: 'failed' } })
  expect(asks).toMatchObject({ code: 5, stdout: '' })
  expect(asks.stderr).toContain('for an answer to "Which color?"')
  expect(asks.stderr).toContain('Next: everloop questions answer a/2 ANSWER')
  expect(asks.stderr).not.toContain('\u001b')
  expect(parent).toMatchObject({ code: 5, document: { status: 'waiting', reason: 'child' } })
  expect(naps).toMatchObject({ code: 0, stdout: 'awake\n' })
  expect(sleeps).toMatchObject({ code: 5, document: { reason: 'timer' } })
})

test('prints what an agent said last that goes on listening, as a guard has left it', async () => {
  const env = { EVERLOOP_STORE: `sqlite:${join(testFolder(), 'ledger.db')}` }
  const command = ['run', `${agentFile}#talker`, '--id', 't', '--by', 'Ada']
  const first = await everloop([...command, '{"prompt":"LOUD words"}'], { env })
  expect(first).toMatchObject({ code: 5, stdout: 'Heard: softly words\n' })
  expect(first.stderr).toMatch(/^Waiting since .* for the next message of its conversation\.$/m)
  expect(first.stderr).toContain(`Next: everloop signal t message '"…"'\n`)
  await everloop(['signal', 't', 'message', '"And you?"'], { env })
  const again = await everloopJson([...command, '{"prompt":"LOUD words"}'], { env })
  expect(again).toMatchObject({
    code: 5,
    document: { status: 'waiting', reason: 'signal', answer: 'Heard: And you?' },
  })
  const { document } = await everloopJson<{
    readonly items: readonly { readonly is: string; readonly by?: string }[]
  }>(['runs', 'conversation', 't'], { env })
  expect(document.items[0]).toMatchObject({ is: 'user', by: 'Ada' })
})

test('takes bare words for a text, and says which JSON is wanted where they are none', async () => {
  const env = { EVERLOOP_STORE: `sqlite:${join(testFolder(), 'ledger.db')}` }
  const command = ['run', `${agentFile}#curious`, '{"prompt":"Go."}', '--id', 'c']
  expect((await everloop(command, { env })).code).toBe(5)
  const { document } = await everloopJson<{
    readonly questions: readonly { readonly id: string; readonly prompt: string }[]
  }>(['questions', 'list'], { env })
  const idOf = (text: string): string =>
    document.questions.find(({ prompt }) => prompt === text)?.id ?? ''
  const shown = await everloop(['questions', 'show', idOf('What color?')], { env })
  expect(shown.stdout).toMatch(/^answer +a text$/m)
  for (const bad of ['five', '{"count":"five"}']) {
    const { code, error } = await everloopJson(['questions', 'answer', idOf('How many?'), bad], {
      env,
    })
    expect([code, error.code]).toEqual([2, 'BAD_INPUT'])
    expect(error.message).toMatch(/It must fit: [^]*"count": ?\{\s*"type": ?"number"\s*\}/)
  }
  // A text that happens to be JSON is a text all the same.
  expect((await everloop(['questions', 'answer', idOf('What color?'), '42'], { env })).code).toBe(0)
  const data = ['questions', 'answer', idOf('How many?'), '{"count":5}']
  expect((await everloop(data, { env })).code).toBe(0)
  const { code, stdout } = await everloop(command, { env })
  expect(code).toBe(0)
  expect(stdout).toContain('Heard:')
  const talk = await everloop(['runs', 'conversation', 'c'], { env })
  expect(talk.stdout).toContain('= 42\n')
})

test('only starts a run with --start, labelled and queued', async () => {
  const cwd = testFolder()
  const options = [
    '--id',
    'later',
    '--queue',
    'slow',
    '--label',
    'team=blue',
    'urgent=very',
    '--start',
  ]
  const started = await everloop(['run', `${flowFile}#hello`, '"Ada"', ...options], { cwd })
  expect(started).toMatchObject({ code: 0, stdout: 'later\n', stderr: '' })
  const { document } = await everloopJson(['runs', 'get', 'later'], { cwd })
  expect(document).toMatchObject({
    status: 'ready',
    queue: 'slow',
    labels: { team: 'blue', urgent: 'very' },
    input: 'Ada',
  })
})

test('stops in good order at Ctrl-C, and at once at the second', async () => {
  const cwd = testFolder()
  const file = join(cwd, 'lines')
  const running = start(['run', `${flowFile}#steady`, JSON.stringify(file), '--id', 'r'], {
    cwd,
    env: { HANG: '1' },
  })
  await running.prints(/hanging/)
  running.child.kill('SIGINT')
  await running.prints(/Stopping: steps under way end first/)
  running.child.kill('SIGINT')
  expect(await running.ended).toMatchObject({ code: 130, signal: null })
  const { code, stdout } = await everloop(
    ['run', `${flowFile}#steady`, JSON.stringify(file), '--id', 'r'],
    { cwd },
  )
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'steady\n' })
})

/** `script` of util-linux lends a terminal to a command. */
const hasTerminal = process.platform === 'linux' && existsSync('/usr/bin/script')

test.skipIf(!hasTerminal)('asks the person at the terminal until the answer fits', async () => {
  const cwd = testFolder()
  const command = [process.execPath, bin, 'run', `'${flowFile}#asks'`].join(' ')
  const running = new Running('script', ['-qec', command, '/dev/null'], {
    cwd,
    env: { NO_COLOR: '1', TERM: 'xterm' },
  })
  await running.prints(/Which color\? \(red, green\)/)
  running.child.stdin?.write('blue\r')
  await running.prints(/does not fit[^]*Which color\?/)
  running.child.stdin?.write('green\r')
  const { code, stdout } = await running.ended
  expect(code).toBe(0)
  expect(stdout.trimEnd().endsWith('green')).toBe(true)
  // Readline moves the cursor, but nothing is painted.
  // oxlint-disable-next-line no-control-regex -- colors are escape sequences
  expect(stdout).not.toMatch(/\u001b\[\d*m/)
})

test('a run that is paused by trouble is told of once, with what to do', async () => {
  const cwd = testFolder()
  writeFileSync(
    join(cwd, 'impure.ts'),
    `import { flow } from ${JSON.stringify(index)}
export default flow('impure', async (run) => {
  let turns = 0
  await run.loop('counts', { state: 0 }, (turn) => turn.next(++turns))
})`,
  )
  const { code, stderr } = await everloop(['run', 'impure.ts'], { cwd })
  expect(code).toBe(5)
  expect(stderr.match(/depends on something outside/g)).toHaveLength(1)
  expect(stderr).toMatch(/^Next: Move what the loop keeps outside into its state/m)
})

test('other trouble of the run is told although its code is one that pauses have', async () => {
  const cwd = testFolder()
  writeFileSync(
    join(cwd, 'pool.ts'),
    `import { EverloopError, flow } from ${JSON.stringify(index)}
const close = () => {
  throw new EverloopError('STALLED', 'the pool is stuck')
}
export default flow('pool', async (run) => void (await run.resource('pool', () => 1, close)))`,
  )
  const { code, stderr } = await everloop(['run', 'pool.ts'], { cwd })
  expect(code).toBe(0)
  expect(stderr).toContain('warning: the pool is stuck')
})

test('a rejection that the code of a step leaves unhandled is told as its own, with its place', async () => {
  const cwd = testFolder()
  writeFileSync(
    join(cwd, 'unhandled.ts'),
    `import { setTimeout as sleep } from 'node:timers/promises'
import { flow } from ${JSON.stringify(index)}
export default flow('unhandled', (run) => run.step('x', () => {
  void Promise.reject(new TypeError('nobody\\u001b[2J looks'))
  return sleep(100, 'done')
}))`,
  )
  const args = ['run', 'unhandled.ts', '--id']
  const human = await everloop([...args, 'one'], { cwd })
  expect(human).toMatchObject({ code: 0, stdout: 'done\n' })
  expect(human.stderr).toMatch(
    /^warning: run one: TypeError: nobody looks\n +at .*unhandled\.ts:4:\d+/m,
  )
  expect(human.stderr).not.toContain('bug')
  const json = await everloop([...args, 'two', '--json'], { cwd })
  expect(JSON.parse(json.stderr)).toEqual({
    warning: {
      name: 'TypeError',
      message: 'nobody\u001b[2J looks',
      stack: expect.stringContaining('unhandled.ts:4:'),
      run: 'two',
    },
  })
})

test("a run of a version that the file does not have is said to be nobody's here", async () => {
  const cwd = testFolder()
  const write = (name: string, version: string) =>
    writeFileSync(
      join(cwd, name),
      `import { flow } from ${JSON.stringify(index)}
export default flow({ name: 'd', version: ${JSON.stringify(version)}, run: async (run) => {
  await run.sleep('500ms')
  return ${JSON.stringify(version)}
} })`,
    )
  write('old.ts', '1')
  write('new.ts', '2')
  const start = (id: string) => everloop(['run', 'old.ts', '--id', id, '--start'], { cwd })
  await start('d-1')
  const ready = await everloop(['run', 'new.ts', '--id', 'd-1'], { cwd })
  expect(ready).toMatchObject({ code: 5, stdout: '' })
  expect(ready.stderr).toContain(
    'Run d-1 is of flow "d" in version "1", which is not served here: this process has version "2".\nNext: everloop work FILE (a file that exports flow "d" in version "1")\n',
  )
  // One whose timer has begun is waited for, and nobody goes on with it then.
  await everloop(['run', 'old.ts', '--id', 'd-1', '--wait', '0ms'], { cwd })
  const json = await everloopJson(['run', 'new.ts', '--id', 'd-1'], { cwd })
  expect(json).toMatchObject({
    code: 5,
    document: { run: 'd-1', status: 'ready', reason: 'not-served' },
  })
  expect(await everloop(['run', 'old.ts', '--id', 'd-1'], { cwd })).toMatchObject({
    code: 0,
    stdout: '1\n',
  })
}, 30_000)

test('a run that waits is said to be of another version too', async () => {
  const cwd = testFolder()
  for (const version of ['1', '2']) {
    writeFileSync(
      join(cwd, `v${version}.ts`),
      `import { flow } from ${JSON.stringify(index)}
export default flow({ name: 'd', version: '${version}', run: (run) => run.signal('go') })`,
    )
  }
  const own = await everloop(['run', 'v1.ts', '--id', 'd-1'], { cwd })
  expect(own.stderr).not.toContain('not served here')
  const other = await everloop(['run', 'v2.ts', '--id', 'd-1'], { cwd })
  expect(other).toMatchObject({ code: 5, stdout: '' })
  expect(other.stderr).toContain(
    'Run d-1 is of flow "d" in version "1", which is not served here: this process has version "2".\n',
  )
}, 30_000)

test('a file that waits at its top level is said to', async () => {
  const cwd = testFolder()
  writeFileSync(
    join(cwd, 'slow.ts'),
    'setInterval(() => {}, 1000)\nawait new Promise(() => {})\nexport default 1',
  )
  const running = start(['run', 'slow.ts'], { cwd })
  const [line] = await running.prints(/Still loading .*/)
  expect(line).toContain(`slow.ts: it awaits something at its top level.`)
})
