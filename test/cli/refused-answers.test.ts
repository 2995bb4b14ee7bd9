/** Answers that are refused: by the schema that lies beside the question, by the run's own code, and late ones. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { agent, open, tool } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/index.ts'
import { agentFile, everloop, everloopJson, flowFile, index } from './command-line.ts'
import { testFolder } from '../test-folder.ts'

const zod = import.meta.resolve('zod')

test('the question stays open, and says why', async () => {
  const cwd = testFolder()
  writeFileSync(
    join(cwd, 'even.ts'),
    `import { flow } from ${JSON.stringify(index)}
import { z } from ${JSON.stringify(zod)}
const even = z.number().refine((n) => n % 2 === 0, { error: '\\u001b[2Jit is odd' })
export default flow('even', (run) => run.ask('Which number?', { schema: even }))`,
  )
  const json = (...args: string[]) => everloopJson<{ readonly refused?: string }>(args, { cwd })
  expect(await everloop(['run', 'even.ts', '--id', 'even'], { cwd })).toMatchObject({ code: 5 })
  expect((await json('questions', 'show', 'even')).document).not.toHaveProperty('refused')

  expect(await everloop(['questions', 'answer', 'even', '3'], { cwd })).toMatchObject({ code: 0 })
  const again = await everloop(['run', 'even.ts', '--id', 'even'], { cwd })
  expect(again).toMatchObject({ code: 5 })
  expect(again.stderr).toContain('the last one was refused: ')
  expect((await json('questions', 'show', 'even')).document.refused).toContain('it is odd')
  const shown = await everloop(['questions', 'show', 'even'], { cwd })
  expect(shown.stdout).toMatch(/^refused before +.*it is odd/m)
  expect(shown.stdout).not.toContain('\u001b')

  expect(await everloop(['questions', 'answer', 'even', '4'], { cwd })).toMatchObject({ code: 0 })
  const ended = await everloop(['run', 'even.ts', '--id', 'even'], { cwd })
  expect(ended).toMatchObject({ code: 0, stdout: '4\n' })
})

test('a late answer is told that the question is closed, whatever it says', async () => {
  const cwd = testFolder()
  await everloop(['run', `${flowFile}#asks`, '--id', 'asks'], { cwd })
  const { document } = await everloopJson<{ questions: readonly { id: string }[] }>(
    ['questions', 'list'],
    { cwd },
  )
  const id = document.questions[0]?.id ?? ''
  expect(await everloop(['questions', 'answer', id, 'red'], { cwd })).toMatchObject({ code: 0 })
  for (const answer of [['red'], ['"red"'], ['42'], ['{"no":1}'], ['--text', 'blue'], []]) {
    const late = await everloopJson(['questions', 'answer', id, ...answer], { cwd })
    expect([answer, late.error.code]).toEqual([answer, 'QUESTION_CLOSED'])
  }
}, 30_000)

test('a number that must be more than another one is told so', async () => {
  const cwd = testFolder()
  writeFileSync(
    join(cwd, 'more.ts'),
    `import { flow } from ${JSON.stringify(index)}
import { z } from ${JSON.stringify(zod)}
const schema = z.object({ cents: z.number().positive().max(9), rate: z.number().lt(1) })
export default flow('more', (run) => run.ask('How much?', { schema }))`,
  )
  await everloop(['run', 'more.ts', '--id', 'more'], { cwd })
  const answer = (text: string) => everloop(['questions', 'answer', 'more', text], { cwd })
  const zero = await answer('{"cents":0,"rate":1}')
  expect(zero.stderr).toContain('cents: 0 is not more than 0.')
  expect(zero.stderr).toMatch(/rate: 1 is greater than or equal to +1\./)
  expect((await answer('{"cents":10,"rate":0}')).stderr).toContain('cents: 10 is greater than 9.')
})

test('what a call in doubt came to and its schema do not fit: whoever looks is told', async () => {
  const cwd = testFolder()
  const store = `sqlite:${join(cwd, 'ledger.db')}`
  const wire = tool({
    name: 'wire',
    description: 'Wires money.',
    output: z.object({ receipt: z.number() }),
    effect: 'once',
    settle: '1ms',
    run: () => {
      throw new Error('connection lost')
    },
  })
  const model = scriptedModel([{ toolCalls: [{ name: 'wire', input: {} }] }, { text: 'Wired.' }])
  const clerk = agent({ name: 'clerk', model, tools: [wire] })
  await using ever = await open({ store, flows: [clerk], work: {} })
  const run = await ever.start(clerk, { prompt: 'Go.' }, { id: 'clerk-1' })
  await run.settled()
  const cli = (...args: string[]) => everloop([...args, '--store', store])
  expect(await cli('questions', 'answer', 'clerk-1', 'done')).toMatchObject({ code: 0 })
  await run.settled()
  const refusal = /The result does not fit its schema/
  expect((await cli('questions', 'show', 'clerk-1')).stdout).toMatch(refusal)
  const why = await cli('runs', 'explain', 'clerk-1')
  expect(why.stdout).toMatch(/say what came of a call \(the last answer was refused: "The result /)
})

test('what fits is told in words, with the command that answers so, where a call is asked about', async () => {
  const env = { EVERLOOP_STORE: `sqlite:${join(testFolder(), 'ledger.db')}` }
  for (const name of ['slow', 'careful', 'doubtful', 'wary']) {
    const command = ['run', `${agentFile}#${name}`, '{"prompt":"Go."}', '--id', name]
    expect((await everloop(command, { env })).code).toBe(5)
  }
  const answer = async (run: string, ...given: string[]): Promise<string> => {
    const { code, error } = await everloopJson(['questions', 'answer', run, ...given], { env })
    expect([code, error.code]).toEqual([2, 'BAD_INPUT'])
    return error.message
  }
  const none = 'The answer does not fit the question\\.'
  const nothing = [['7'], ['{"verdict":"sure"}'], ['"blue"'], ['--text', 'blue']]
  const approval =
    'It is an approval: decide it with `everloop approvals approve slow/\\d+` or `deny`\\.$'
  for (const given of [...nothing, ['yes']]) {
    expect(await answer('slow', ...given)).toMatch(new RegExp(`^${none} ${approval}`))
  }
  expect(await answer('slow', '{"verdict":"snooze"}')).toMatch(
    new RegExp(`question: The field "until" is missing\\. ${approval}`),
  )
  expect(await answer('careful', 'yes')).toMatch(
    new RegExp(
      `^${none} It is an approval that can only be denied: \`everloop approvals deny careful/\\d+ --reason TEXT\`\\.$`,
    ),
  )
  const doubt =
    'It takes done, retry, fail, or JSON: `everloop questions answer doubtful/\\d+ ANSWER`\\. done: it happened, with `result`\\. retry: .* fail: the step fails\\. `everloop questions show doubtful/\\d+` says what JSON must fit\\.$'
  for (const given of [...nothing, ['yes'], ['no']]) {
    expect(await answer('doubtful', ...given)).toMatch(new RegExp(`^${none} ${doubt}`))
  }
  expect(await answer('doubtful', '{"verdict":"fail","result":1}')).toMatch(
    new RegExp(`question: result: It must not be there\\. ${doubt}`),
  )
  for (const given of nothing) {
    expect(await answer('wary', ...given)).toMatch(
      new RegExp(
        `^${none} It takes allow, deny, or JSON: \`everloop questions answer wary/\\d+ ANSWER\``,
      ),
    )
  }
}, 30_000)

test('a verdict that a flow wants more with is no bare word', async () => {
  const cwd = testFolder()
  writeFileSync(
    join(cwd, 'rated.ts'),
    `import { flow } from ${JSON.stringify(index)}
import { z } from ${JSON.stringify(zod)}
const schema = z.object({ verdict: z.enum(['good', 'bad']), stars: z.number() })
export default flow('rated', (run) => run.ask('How was it?', { schema }))`,
  )
  await everloop(['run', 'rated.ts', '--id', 'rated'], { cwd })
  const { stdout } = await everloop(['questions', 'show', 'rated'], { cwd })
  expect(stdout).toMatch(/^answer +JSON$/m)
  const { stderr } = await everloop(['questions', 'answer', 'rated', '{"verdict":"good"}'], { cwd })
  expect(stderr).toMatch(/schema: The field "stars" is missing\. It must fit: /)
})
