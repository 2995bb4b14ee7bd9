/** `everloop work`: serving, stopping, dying and taking over. Each test has a store of its own. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { open, type OpenOptions } from '../../src/index.ts'
import { everloop, everloopJson, flowFile, start } from './command-line.ts'
import { chat, hello, steady, waits } from './sample-flows.ts'
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
  expect(second.stderr).toContain('Nothing is due or held.')
  expect(executed(file)).toEqual(['one', 'two', 'two', 'three'])
  const { document } = await everloopJson(['runs', 'get', 'steady'], { cwd })
  expect(document).toMatchObject({ status: 'completed', output: 'steady', crashes: 1 })
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
  await expect.poll(() => clock.now() - due, { timeout: 10_000 }).toBeGreaterThan(2000)
  const unserved = await everloopJson(['runs', 'explain', 'hello-1'], { cwd })
  expect(unserved.document).toMatchObject({ reason: 'not-served' })
  expect(unserved.document['sentence']).toContain('"work steady@1"')

  // Frozen, so that its lease runs out, and then dead.
  worker.child.kill('SIGSTOP')
  const expiry = async () => (await ever.store.sessions())[0]?.expires ?? Infinity
  await expect
    .poll(async () => clock.now() - (await expiry()), { timeout: 10_000 })
    .toBeGreaterThan(0)
  const frozen = await everloopJson(['runs', 'explain', 'steady-1'], { cwd })
  expect(frozen.document).toMatchObject({ status: 'running', reason: 'lease-expired' })
  worker.child.kill('SIGKILL')
  await worker.ended
  const [lost, doctor] = await Promise.all([
    everloopJson(['runs', 'explain', 'steady-1'], { cwd }),
    everloopJson<{ ok: boolean; checks: { name: string; level: string; fix?: string }[] }>(
      ['doctor'],
      { cwd },
    ),
  ])
  expect(lost.document).toMatchObject({ status: 'running', reason: 'worker-died' })
  expect(doctor).toMatchObject({ code: 1, document: { ok: false } })
  expect(doctor.document.checks.find(({ name }) => name === 'leases')).toMatchObject({
    level: 'bad',
    fix: expect.stringContaining('everloop work'),
  })
})

test('doctor takes a worker that died with nothing in hand for a note', async () => {
  const cwd = testFolder()
  const worker = start(['work', `${flowFile}#waits`, '--lease', '1h'], { cwd })
  await worker.prints(/Serving/)
  await using ever = await openIn(cwd)
  const expiry = async () => (await ever.store.sessions())[0]?.expires ?? Infinity
  await expect.poll(expiry, { timeout: 10_000 }).toBeLessThan(Infinity)
  worker.child.kill('SIGKILL')
  await worker.ended
  const doctor = await everloopJson<{ checks: { name: string; level: string }[] }>(['doctor'], {
    cwd,
  })
  expect(doctor.code).toBe(0)
  expect(doctor.document.checks.find(({ name }) => name === 'leases')).toMatchObject({
    level: 'note',
  })
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
