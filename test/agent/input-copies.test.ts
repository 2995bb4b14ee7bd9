/** What a tool or a person hands back changes nothing that is recorded of a call. */
import { expect, test } from 'vitest'
import { agent, repeatGuard, tool } from 'everloop'
import { scriptedModel, testRuntime } from 'everloop/testing'
import { z } from 'zod'

test('a tool that changes its input is still seen to repeat itself', async () => {
  let made = 0
  const look = tool({
    name: 'look',
    description: 'Looks.',
    inputSchema: { type: 'object' },
    effect: 'read',
    run: (input) => {
      Object.assign(input as object, { time: ++made })
      return 'ok'
    },
  })
  const model = scriptedModel(({ turn }) =>
    turn < 10 ? { toolCalls: [{ name: 'look', input: { a: 1 } }] } : { text: 'Done.' },
  )
  const looker = agent({ name: 'looker', model, tools: [look], guards: [repeatGuard({ max: 3 })] })
  await using runtime = await testRuntime({ flows: [looker], development: false })
  await runtime.settled(await runtime.start(looker, { prompt: 'Look.' }))
  expect(made).toBe(3)
})

test('an approval with undefined arguments leaves them as they are', async () => {
  const made: unknown[] = []
  const pay = tool({
    name: 'pay',
    description: 'Pays.',
    input: z.object({ cents: z.number() }),
    effect: 'once',
    approval: true,
    run: (input) => void made.push(input),
  })
  const model = scriptedModel([
    { toolCalls: [{ name: 'pay', input: { cents: 5 } }] },
    { text: 'Done.' },
  ])
  const payer = agent({ name: 'payer', model, tools: [pay] })
  await using runtime = await testRuntime({ flows: [payer] })
  const run = await runtime.start(payer, { prompt: 'Pay.' })
  const [open] = await runtime.ever.approvals.list()
  await runtime.ever.approvals.approve(open!.id, { args: undefined })
  expect(await runtime.settled(run)).toMatchObject({ status: 'completed' })
  expect(made).toEqual([{ cents: 5 }])
})
