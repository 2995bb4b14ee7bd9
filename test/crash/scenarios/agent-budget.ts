/** An agent whose budget is used up, and a person in another process who raises it. */
import { z } from 'zod'
import { agent, tool } from '../../../src/index.ts'
import { counted, countedModel } from '../counted.ts'
import type { Scenario } from '../scenario.ts'

export const agentBudget: Scenario = {
  name: 'agent: a budget is raised',
  ends: { 'saver-1': 'completed' },
  isLong: true,
  peer: 'client',
  make: (world) => {
    const look = tool({
      name: 'look',
      description: 'Looks.',
      input: z.object({ at: z.number() }),
      effect: 'read',
      run: ({ at }, context) => (counted(world, context), at * at),
    })
    const model = countedModel(world, ({ turn, text }) =>
      turn < 3
        ? { toolCalls: [{ id: `l${turn}`, name: 'look', input: { at: turn } }] }
        : { text: `The last was ${text}.` },
    )
    const saver = agent({ name: 'saver', model, tools: [look], budget: { turns: 2 } })
    return {
      flows: [saver],
      drive: async (client) => {
        await client.start(saver, { prompt: 'Look.' }, { id: 'saver-1' })
        await client.end('saver-1')
      },
      peer: (client) => client.answer('saver-1', { verdict: 'raise', limits: { turns: 9 } }),
    }
  },
}
