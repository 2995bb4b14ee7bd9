/** Answers that are refused: by the schema that lies beside the question, by the run's own code, and late ones. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { agent, open, tool } from '../../src/index.ts'
import { scriptedModel } from '../../src/testing/index.ts'
import { everloop, everloopJson, flowFile, index } from './command-line.ts'
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
