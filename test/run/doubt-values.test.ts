/** Calls in doubt whose input is more than JSON: people are asked about them all the same. */
import { expect, test } from 'vitest'
import { flow } from 'everloop'
import { testRuntime } from 'everloop/testing'

test('a call in doubt with a bigint in its input is asked about', async () => {
  const paying = flow('paying', (run) =>
    run.step('pay', { effect: 'once', input: { cents: 10n, to: 'Zoë' }, settle: '1s' }, () => {
      throw new Error('lost')
    }),
  )
  await using runtime = await testRuntime({ flows: [paying] })
  const run = await runtime.start(paying, undefined)
  await runtime.advance('10m')
  const [question] = await runtime.ever.questions()
  expect(question?.prompt).toMatch(/10.*Zoë/)
  await runtime.ever.answer(question!.id, { verdict: 'done', result: 1 })
  expect(await runtime.settled(run)).toEqual({ status: 'completed', output: 1 })
})
