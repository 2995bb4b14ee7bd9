/** Who names a run or a question by its whole id decides about that one, and about no other that begins so. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { flow, open } from '../../src/index.ts'
import { everloopJson } from './command-line.ts'
import { payer } from './sample-agents.ts'
import { testFolder } from '../test-folder.ts'

const asks = flow('asks', async (run, count: number) =>
  Promise.all(Array.from({ length: count }, (_, i) => run.ask(`Question ${i}?`))),
)

const bench = () => {
  const store = `sqlite:${join(testFolder(), 'ledger.db')}`
  return {
    opened: () => open({ store, flows: [asks, payer] }),
    cli: (...args: string[]) => everloopJson([...args, '--store', store]),
  }
}

const missing = { code: 3, error: { code: 'UNKNOWN_QUESTION' } }

test('the id of a run means no other run, whether or not it asks anything', async () => {
  const { opened, cli } = bench()
  await using ever = await opened()
  for (const id of ['order-1', 'order-10']) await ever.start(asks, 1, { id })
  await ever.work({ until: 'idle' })
  expect(await cli('questions', 'answer', 'order-1', 'true')).toMatchObject({
    document: { question: 'order-1/2' },
  })
  await ever.work({ until: 'idle' })
  expect(await cli('questions', 'answer', 'order-1', 'true')).toMatchObject(missing)
  expect(await ever.questions()).toMatchObject([{ id: 'order-10/2' }])
  expect(await cli('questions', 'show', 'order')).toMatchObject({ document: { id: 'order-10/2' } })
})

test('the number of a question means no longer number', async () => {
  const { opened, cli } = bench()
  await using ever = await opened()
  await ever.start(asks, 19, { id: 'many' }) // many/2 to many/20
  await ever.work({ until: 'idle' })
  await ever.answer('many/2', true)
  await ever.work({ until: 'idle' })
  expect(await cli('questions', 'answer', 'many/2', 'true')).toMatchObject({
    error: { code: 'QUESTION_CLOSED' },
  })
  expect(await cli('questions', 'answer', 'man/2', 'true')).toMatchObject({
    error: { code: 'QUESTION_CLOSED' },
  })
  expect(await ever.questions()).toHaveLength(18)
})

test('an approval of one run is not given to a run whose id goes on', async () => {
  const { opened, cli } = bench()
  await using ever = await opened()
  for (const id of ['pay-1', 'pay-10']) await ever.start(payer, { prompt: 'Pay.' }, { id })
  await ever.work({ until: 'idle' })
  expect((await cli('approvals', 'deny', 'pay-1')).code).toBe(0)
  await ever.work({ until: 'idle' })
  expect(await cli('approvals', 'approve', 'pay-1')).toMatchObject(missing)
  expect(await ever.approvals.list()).toMatchObject([{ run: 'pay-10', isAnswered: false }])
})

test('an empty text is the id of nothing, not the beginning of the one id that there is', async () => {
  const { opened, cli } = bench()
  await using ever = await opened()
  await ever.start(payer, { prompt: 'Pay.' }, { id: 'pay-1' })
  await ever.work({ until: 'idle' })
  for (const args of [
    ['approvals', 'approve', ''],
    ['approvals', 'deny', ''],
    ['approvals', 'show', ''],
    ['questions', 'show', ''],
    ['questions', 'answer', '', '{"verdict":"approve"}'],
    ['runs', 'get', ''],
  ]) {
    expect(await cli(...args)).toMatchObject({
      code: 2,
      error: { code: 'BAD_NAME', message: expect.stringMatching(/ is missing\. /) },
    })
  }
  expect(await ever.approvals.list()).toMatchObject([{ isAnswered: false }])
})
