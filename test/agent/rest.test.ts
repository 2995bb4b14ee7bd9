/** A program that waits for a result is told what the run waits for, instead of hanging in silence. */
import { expect, test } from 'vitest'
import { agent, flow, tool } from '../../src/index.ts'
import { scriptedModel, testRuntime } from '../../src/testing/index.ts'

const pay = tool({
  name: 'pay',
  description: 'Pays.',
  effect: 'idempotent',
  approval: true,
  run: () => 'paid',
})
const payer = agent({
  name: 'payer',
  model: scriptedModel([{ toolCalls: [{ name: 'pay' }] }, { text: 'Done.' }]),
  tools: [pay],
})

test('result tells of an approval that is waited for, and of a pause, each once', async () => {
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.ever.start(payer, { prompt: 'Pay.' })
  const rests: unknown[] = []
  const result = run.result({ onRest: (rest) => rests.push(rest) })
  await runtime.advance('1s')
  expect(rests).toEqual([
    {
      status: 'waiting',
      on: [expect.objectContaining({ kind: 'approval', question: expect.any(String) })],
    },
  ])
  await runtime.ever.pause(run.id, 'Lunch.')
  await runtime.advance('1s')
  expect(rests.slice(1)).toEqual([
    { status: 'paused', code: 'PAUSED', message: expect.stringContaining('Lunch.') },
  ])
  await runtime.ever.resume(run.id)
  const [approval] = await runtime.ever.approvals.list()
  await runtime.ever.approvals.approve(approval?.id ?? '', { by: 'eve' })
  await runtime.advance('1s')
  expect(await result).toBe('Done.')
})

test('what it throws ends the waiting, and no other option is taken', async () => {
  const waits = flow('waits', (run) => run.signal('go'))
  await using runtime = await testRuntime({ flows: [waits] })
  const run = await runtime.ever.start(waits, undefined)
  const result = run.result({
    onRest: ({ status }) => {
      throw new Error(`not done: ${status}`)
    },
  })
  const [told] = await Promise.allSettled([result, runtime.advance('1s')])
  expect(told).toMatchObject({ reason: new Error('not done: waiting') })
  const misspelt = run.result({ onrest: () => {} } as object)
  await expect(misspelt).rejects.toMatchObject({ code: 'BAD_OPTION' })
})
