/** What was asked of a run from outside is told while it lies in the inbox, and who started the run. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { everloop, everloopJson, flowFile, index, start } from './command-line.ts'
import { testFolder } from '../test-folder.ts'

function bench() {
  const cwd = testFolder()
  const env = { EVERLOOP_STORE: `sqlite:${join(cwd, 'ledger.db')}` }
  return {
    cwd,
    cli: (...args: string[]) => everloop(args, { cwd, env }),
    json: (...args: string[]) => everloopJson(args, { cwd, env }),
  }
}

test('a pause, a resume and a cancel are told until a worker has taken them', async () => {
  const { cli, json } = bench()
  const begun = ['run', `${flowFile}#waits`, '--id', 'waits-1', '--by', 'ada']
  expect((await cli(...begun)).code).toBe(5)
  expect((await json('runs', 'get', 'waits-1')).document).toMatchObject({ by: 'ada', asked: [] })
  expect((await cli('runs', 'get', 'waits-1')).stdout).toMatch(/started by +ada\n/)

  await cli('runs', 'pause', 'waits-1')
  const paused = / A pause was asked for at \d{4}-\d\d-\d\d [\d:]+ and waits for a worker\.\n/
  expect((await cli('runs', 'explain', 'waits-1')).stdout).toMatch(paused)
  expect((await cli('runs', 'get', 'waits-1')).stdout).toMatch(paused)
  await cli('work', flowFile, '--until', 'idle')
  expect((await cli('runs', 'explain', 'waits-1')).stdout).toMatch(/^Paused (?!.*asked for)/)

  await cli('runs', 'resume', 'waits-1', '--by', 'cyd')
  expect((await cli('runs', 'explain', 'waits-1')).stdout).toMatch(
    / A resume was asked for at .* by cyd and waits for a worker\.\n/,
  )
  // It is paused no more, and nobody has taken it.
  expect((await cli('runs', 'list')).stdout).toMatch(/^waits-1 +ready +waits@1 /m)
  await cli('work', flowFile, '--until', 'idle')

  await cli('runs', 'cancel', 'waits-1', '--yes', '--by', 'bob', '--reason', 'not wanted')
  expect((await cli('runs', 'get', 'waits-1')).stdout).toMatch(
    /asked for +A cancel was asked for at .* by bob and waits for a worker\.\n/,
  )
  expect((await json('runs', 'get', 'waits-1')).document).toMatchObject({
    asked: [{ what: 'cancel', by: 'bob', reason: 'not wanted', time: expect.any(Number) }],
  })
  await cli('work', flowFile, '--until', 'idle')
  expect((await json('runs', 'get', 'waits-1')).document).toMatchObject({
    status: 'cancelled',
    asked: [],
  })
})

test('what was asked for before is said to be, by whom and when, until a worker has taken it', async () => {
  const { cwd, cli, json } = bench()
  const file = join(cwd, 'fails.ts')
  writeFileSync(
    file,
    `import { flow } from ${JSON.stringify(index)}
export default flow('fails', () => { throw new Error('too hot') })`,
  )
  expect((await cli('run', file, '--id', 'fails-1')).code).toBe(1)
  const retry = ['runs', 'retry', 'fails-1']
  const { document } = await json(...retry, '--by', 'bob\u001b[2J')
  expect(document).toEqual({ run: 'fails-1', retry: true })
  const again = await cli(...retry)
  expect(again.stdout).toMatch(
    /^Run fails-1 will try again what failed: that was asked for at \d{4}-\d\d-\d\d [\d:]+ by bob already and waits for a worker\.\n$/,
  )
  expect(again.stderr).toContain('No worker is connected')
  // The newest is the one that is told.
  expect((await cli(...retry)).stdout).toMatch(/asked for at [-\d]+ [\d:]+ already and waits/)
  expect((await json(...retry, '--by', 'cyd')).document).toEqual({
    run: 'fails-1',
    retry: true,
    already: { what: 'retry', time: expect.any(Number) as number },
  })
  // Behind a cancel it is none that was asked for already: it overrules that.
  await cli('runs', 'cancel', 'fails-1', '--yes', '--reason', 'no', '--by', 'ada')
  expect((await json('runs', 'cancel', 'fails-1', '--yes')).document).toMatchObject({
    cancel: true,
    already: { what: 'cancel', by: 'ada', reason: 'no' },
  })
  expect((await cli(...retry)).stdout).toBe('Run fails-1 will try again what failed.\n')
  // Nor is one that agrees to more.
  expect((await json(...retry, '--anew')).document).toEqual({ run: 'fails-1', retry: true })
  expect((await cli('runs', 'explain', 'fails-1')).stdout).toContain(
    ' A retry with --anew was asked for at ',
  )
  await cli('work', file, '--until', 'idle')
  expect((await json('runs', 'get', 'fails-1')).document).toMatchObject({ status: 'failed' })
  expect((await cli(...retry)).stdout).toBe('Run fails-1 will try again what failed.\n')
})

test('what the worker that holds a run has not taken is not said to wait for one', async () => {
  const { cwd, cli } = bench()
  const file = join(cwd, 'busy.ts')
  writeFileSync(
    file,
    `import { flow } from ${JSON.stringify(index)}
export default flow('busy', (run) => run.step('long', () => {
  console.error('begun')
  return new Promise(() => {})
}))`,
  )
  const env = { EVERLOOP_STORE: `sqlite:${join(cwd, 'ledger.db')}` }
  const working = start(['run', file, '--id', 'busy-1'], { cwd, env })
  await working.prints(/begun/)
  expect((await cli('runs', 'pause', 'busy-1', '--by', 'ada')).stdout).toBe(
    'Run busy-1 will be paused.\n',
  )
  const asked =
    / A pause was asked for at [-\d]+ [\d:]+ by ada and its worker has not taken it yet\.\n/
  expect((await cli('runs', 'explain', 'busy-1')).stdout).toMatch(asked)
  expect((await cli('runs', 'get', 'busy-1')).stdout).toMatch(asked)
  expect((await cli('runs', 'pause', 'busy-1')).stdout).toMatch(
    /^Run busy-1 will be paused: that was asked for at .* by ada already and its worker has not taken it yet\.\n$/,
  )
})

test('a run that somebody else has started is said to be theirs', async () => {
  const { cli, json } = bench()
  const hello = ['run', `${flowFile}#hello`, '"Ada"', '--id', 'greeting']
  expect((await cli(...hello, '--by', 'ada')).stderr).not.toContain('started before')
  expect((await cli(...hello, '--by', 'ada')).stderr).not.toContain('started before')
  expect((await cli(...hello)).stderr).not.toContain('started before')
  const other = await cli(...hello, '--by', 'bob')
  expect(other).toMatchObject({ code: 0, stdout: 'Hello Ada\n' })
  expect(other.stderr).toContain(
    'Run greeting was started before, by ada. This goes on with it: bob is not recorded as who started it.\n',
  )
  expect((await json('runs', 'get', 'greeting')).document).toMatchObject({ by: 'ada' })
  const nobody = ['run', `${flowFile}#hello`, '"Ada"', '--id', 'unsigned']
  await cli(...nobody)
  expect((await cli(...nobody, '--by', 'bob')).stderr).toContain('by somebody who gave no name.')
})

test('a cancel that was taken is told while a call in doubt holds the run open', async () => {
  const { cwd, cli, json } = bench()
  const file = join(cwd, 'doubt.ts')
  writeFileSync(
    file,
    `import { flow } from ${JSON.stringify(index)}
export default flow('doubt', (run) =>
  run.step('pay', { effect: 'once', timeout: '1s', settle: '0s' }, () => {
    throw new Error('the line broke')
  }))`,
  )
  expect((await cli('run', file, '--id', 'doubt')).code).toBe(5)
  for (const told of await Promise.all([
    json('runs', 'get', 'doubt'),
    json('questions', 'show', 'doubt'),
  ])) {
    expect(told.document).not.toHaveProperty('cancelling')
  }
  await cli('runs', 'cancel', 'doubt', '--yes', '--reason', 'not\u001b[2J wanted')
  await cli('work', file, '--until', 'idle')

  expect((await cli('runs', 'explain', 'doubt')).stdout).toMatch(
    /^Waiting for somebody to say what came of a call: .* It is being cancelled \(not wanted\): nothing new begins, and it ends when this is over\.\n/,
  )
  expect((await cli('runs', 'get', 'doubt')).stdout).toMatch(/^cancelling +not wanted$/m)
  expect((await cli('questions', 'show', 'doubt')).stdout).toMatch(/^cancelling +not wanted$/m)
  expect((await cli('questions', 'show', 'doubt')).stdout).toMatch(
    /^Next: .*"result":JSON}' \(what the call returned; a bare done returns nothing\)/m,
  )
  const cancelling = 'not\u001b[2J wanted'
  expect((await json('runs', 'get', 'doubt')).document).toMatchObject({ cancelling, asked: [] })
  expect((await json('questions', 'show', 'doubt')).document).toMatchObject({ cancelling })

  await cli('questions', 'answer', 'doubt', 'fail')
  await cli('work', file, '--until', 'idle')
  const { document } = await json('runs', 'get', 'doubt')
  expect(document).toMatchObject({ status: 'cancelled', reason: cancelling })
  expect(document).not.toHaveProperty('cancelling')
  expect((await cli('runs', 'explain', 'doubt')).stdout).not.toContain('being cancelled')
}, 60_000)
