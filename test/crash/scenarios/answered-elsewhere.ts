/** A question that a person answers in another process. */
import { flow } from '../../../src/index.ts'
import type { Scenario } from '../scenario.ts'

export const answeredElsewhere: Scenario = {
  name: 'ask, answered elsewhere',
  ends: { 'ask-1': 'completed' },
  peer: 'client',
  make: (world) => {
    const review = flow('review', async (run) => {
      const draft = await run.step('draft', () => (world.executed(run.id, 'draft'), 'draft'))
      const verdict = await run.ask<string>('publish?')
      return run.step('publish', () => (world.executed(run.id, 'publish'), `${draft} ${verdict}`))
    })
    return {
      flows: [review],
      drive: async (client) => {
        await client.start(review, undefined, { id: 'ask-1' })
        await client.end('ask-1')
      },
      peer: (client) => client.answer('ask-1', 'yes'),
    }
  },
}
