/** `everloop work`: serving, stopping, dying and taking over. Each test has a store of its own. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { open, type OpenOptions } from '../../src/index.ts'
import { everloop, everloopJson, flowFile, start } from './command-line.ts'
import { chat, fails, hello, parent, steady, waits } from './sample-flows.ts'
import { testFolder } from '../test-folder.ts'

const openIn = (folder: string, options: OpenOptions = {}) =>
  open({ ...options, store: `sqlite:${join(folder, '.everloop', 'ledger.db')}` })

/** The names of the steps in the order of their executions. */
const executed = (file: string): string[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')

test('a second worker goes on where a killed one was', async () => {
  const cwd = testFolder()
  const file = join(cwd, 'lines')
  {
    await using ever = await openIn(cwd, { flows: [steady] })
    await ever.start(steady, file, { id: 'steady-1' })
  }
  const first = start(['work', flowFile, '--name', 'doomed'], { cwd, env: { HANG: '1' } })
  await first.prints(/hanging/)
  const held = await everloopJson(['runs', 'explain', 'steady-1'], { cwd })
  expect(held.document).toMatchObject({ status: 'running', reason: 'running' })
  expect(held.document['sentence']).toContain('worker "doomed"')
  first.child.kill('SIGKILL')
  expect(await first.ended).toMatchObject({ signal: 'SIGKILL' })

  const second = await everloop(['work', `${flowFile}#steady`, '--until', 'idle'], { cwd })
  expect(second.code).toBe(0)
  expect(second.stderr).toContain('Executed 1 run: 1 completed.\n')
  expect(executed(file)).toEqual(['one', 'two', 'two', 'three'])
  const { document } = await everloopJson(['runs', 'get', 'steady'], { cwd })
  expect(document).toMatchObject({ status: 'completed', output: 'steady', crashes: 1 })
})

test('until idle it says how many runs it has executed, and what became of them', async () => {
  const cwd = testFolder()
  {
    await using ever = await openIn(cwd, { flows: [hello, fails, parent] })
    for (const id of ['hello-1', 'hello-2']) await ever.start(hello, 'Ada', { id })
    await ever.start(fails, undefined, { id: 'fails-1' })
    await ever.start(parent, undefined, { id: 'parent-1' }) // and its child, which waits as well
  }
  const work = (...more: string[]) =>
    everloop(['work', flowFile, '--until', 'idle', ...more], { cwd })
  const { stderr } = await work()
  expect(stderr).toContain('Executed 5 runs: 2 completed, 1 failed, 2 waiting.\n')
  expect(stderr).not.toContain('Nothing is due')
  expect((await work()).stderr).toContain('Nothing is due or held.\n')
  await everloop(['runs', 'cancel', 'parent-1', '--yes'], { cwd })
  const { stdout } = await work('--json')
  const none = { ready: 0, running: 0, waiting: 0, paused: 0, completed: 0, failed: 0 }
  expect(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')).toEqual({
    event: 'stopped',
    why: 'idle',
    runs: 2,
    statuses: { ...none, cancelled: 2 },
  })
})

test('a worker serves until SIGTERM and stops in good order', async () => {
  const cwd = testFolder()
  const worker = start(['work', flowFile, '--json'], { cwd })
  await worker.prints(/"event":"working"/)
  const started = await everloop(['run', `${flowFile}#waits`, '--id', 'w', '--start'], { cwd })
  expect(started.code).toBe(0)
  const watching = start(['runs', 'watch', 'w', '--json'], { cwd })
  await watching.prints(/signal\.awaited/)
  await everloop(['signal', 'w', 'go', '{"a":1}', '--by', 'Ada'], { cwd })
  expect(await watching.ended).toMatchObject({ code: 0 })
  worker.child.kill('SIGTERM')
  const { code, stdout } = await worker.ended
  expect(code).toBe(0)
  const lines = stdout.trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { event: 'working', flows: expect.arrayContaining(['waits@1', 'steady@1']) },
    { event: 'stopped', why: 'signal' },
  ])
  await using ever = await openIn(cwd)
  expect(await ever.store.sessions()).toEqual([])
})

test('pause, resume and cancel reach a run through its worker', async () => {
  const cwd = testFolder()
  {
    await using ever = await openIn(cwd, { flows: [waits], work: {} })
    await (await ever.start(waits, undefined, { id: 'w' })).settled()
  }
  const work = () => everloop(['work', flowFile, '--until', 'idle'], { cwd })
  const paused = await everloop(['runs', 'pause', 'w', '--reason', 'lunch'], { cwd })
  expect(paused.stdout).toBe('Run w will be paused.\n')
  expect(paused.stderr).toContain('No worker is connected')
  await work()
  const { document } = await everloopJson(['runs', 'explain', 'w'], { cwd })
  expect(document).toMatchObject({ status: 'paused', fix: 'everloop runs resume w' })
  await everloop(['runs', 'resume', 'w'], { cwd })
  await everloop(['runs', 'cancel', 'w', '--reason', 'enough'], { cwd })
  await work()
  const watched = await everloop(['runs', 'watch', 'w'], { cwd })
  expect(watched.code).toBe(1)
  expect(watched.stderr).toMatch(/^Cancelled .*: enough\.$/m)
})

test('explain and doctor tell of runs that nobody serves and of workers that died', async () => {
  const cwd = testFolder()
  const file = join(cwd, 'lines')
  {
    await using ever = await openIn(cwd, { flows: [hello, steady] })
    await ever.start(hello, 'Ada', { id: 'hello-1' })
    await ever.start(steady, file, { id: 'steady-1' })
  }
  const alone = await everloopJson(['runs', 'explain', 'hello-1'], { cwd })
  expect(alone.document).toMatchObject({ reason: 'no-worker' })
  expect(alone.document['fix']).toContain('flow "hello" in version "1"')

  const worker = start(['work', `${flowFile}#steady`, '--lease', '3s'], {
    cwd,
    env: { HANG: '1' },
  })
  await worker.prints(/hanging/)
  await using ever = await openIn(cwd)
  const { clock } = ever.store
  const run = await ever.get('hello-1')
  const { due = 0 } = await run.status()
  await expect.poll(() => clock.now() - due).toBeGreaterThan(2000)
  const unserved = await everloopJson(['runs', 'explain', 'hello-1'], { cwd })
  expect(unserved.document).toMatchObject({ reason: 'not-served' })
  expect(unserved.document['sentence']).toContain('"work steady@1"')

  // Frozen, so that its lease runs out, and then dead.
  worker.child.kill('SIGSTOP')
  const expiry = async () => (await ever.store.sessions())[0]?.expires ?? Infinity
  await expect.poll(async () => clock.now() - (await expiry())).toBeGreaterThan(0)
  const frozen = await everloopJson(['runs', 'explain', 'steady-1'], { cwd })
  expect(frozen.document).toMatchObject({ status: 'running', reason: 'lease-expired' })
  const stands = await leasesOf(cwd)
  expect(stands).toMatchObject({
    level: 'bad',
    finding: expect.stringMatching(/^1 worker died or stood still without letting go/),
    fix: expect.stringContaining('takes them over within 1.5s (everloop work'),
  })
  worker.child.kill('SIGKILL')
  await worker.ended
  const [lost, doctor, leases] = await Promise.all([
    everloopJson(['runs', 'explain', 'steady-1'], { cwd }),
    everloopJson<{ ok: boolean }>(['doctor'], { cwd }),
    leasesOf(cwd),
  ])
  expect(lost.document).toMatchObject({ status: 'running', reason: 'worker-died' })
  expect(doctor).toMatchObject({ code: 1, document: { ok: false } })
  expect(leases).toMatchObject({
    level: 'bad',
    finding: expect.stringMatching(/^1 worker died without letting go/),
    fix: expect.stringContaining('takes them over at once (everloop work'),
  })
})

interface Leases {
  readonly name: string
  readonly level: string
  readonly finding: string
  readonly fix?: string
}

/** What doctor says of leases. */
async function leasesOf(cwd: string): Promise<Leases | undefined> {
  const { document } = await everloopJson<{ checks: readonly Leases[] }>(['doctor'], { cwd })
  return document.checks.find(({ name }) => name === 'leases')
}

test('doctor takes a worker that died with nothing in hand for a note, until one is at work for long enough', async () => {
  const cwd = testFolder()
  const worker = start(['work', `${flowFile}#waits`, '--lease', '3s'], { cwd })
  await worker.prints(/Serving/)
  await using ever = await openIn(cwd)
  const expiry = async () => (await ever.store.sessions())[0]?.expires ?? Infinity
  await expect.poll(expiry).toBeLessThan(Infinity)
  worker.child.kill('SIGKILL')
  await worker.ended
  await expect.poll(async () => ever.store.clock.now() - (await expiry())).toBeGreaterThan(0)
  // It looks once.
  expect((await everloop(['work', `${flowFile}#waits`, '--until', 'idle'], { cwd })).code).toBe(0)
  const doctor = await everloopJson(['doctor'], { cwd })
  expect(doctor.code).toBe(0)
  expect(await leasesOf(cwd)).toMatchObject({
    level: 'note',
    finding: expect.stringMatching(/^1 worker died without letting go/),
    fix: 'Nothing is held up; a worker clears it away that is at work for 1.5s after the lease has run out.',
  })
  start(['work', `${flowFile}#waits`], { cwd })
  await expect.poll(() => leasesOf(cwd)).toMatchObject({ level: 'good' })
})

test.each(['work', 'run'])(
  '%s goes on when nobody reads what it prints any more',
  async (command) => {
    const cwd = testFolder()
    const args =
      command === 'work' ? ['work', flowFile] : ['run', `${flowFile}#sleeps`, '--wait', '3h']
    const worker = start(args, { cwd })
    await worker.prints(command === 'work' ? /Serving/ : /^run /m)
    await using ever = await openIn(cwd, { flows: [chat, hello] })
    worker.child.stdout?.destroy()
    worker.child.stderr?.destroy()
    // It prints, the other one is executed after that.
    await (await ever.start(chat, undefined, { id: 'chat-1' })).result()
    await (await ever.start(hello, 'Ada', { id: 'hello-1' })).result()
    expect((await ever.list()).filter(({ crashes }) => crashes > 0)).toEqual([])
    worker.child.kill('SIGTERM')
    expect(await worker.ended).toMatchObject({ code: command === 'work' ? 0 : 143 })
    expect(await ever.store.sessions()).toEqual([])
  },
)
