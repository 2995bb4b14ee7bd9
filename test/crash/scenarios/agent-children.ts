/** An agent that hands work to another, twice at once: each is a run of its own. */
import { z } from 'zod'
import { agent, agentTool, done, notDone, tool } from '../../../src/index.ts'
import { counted, countedModel, hasHappened, soon } from '../counted.ts'
import type { Scenario } from '../scenario.ts'

export const agentChildren: Scenario = {
  name: 'agent: two children',
  ends: { 'boss-1': 'completed' },
  isLong: true,
  make: (world) => {
    const print = tool({
      name: 'print',
      description: 'Prints.',
      input: z.object({}),
      effect: 'once',
      ...soon,
      reconcile: () => (hasHappened(world) ? done('printed') : notDone()),
      run: (_, context) => (counted(world, context), 'printed'),
    })
    const helper = agent({
      name: 'helper',
      model: countedModel(world, ({ turn, text }) =>
        turn === 0
          ? { toolCalls: [{ id: 'p', name: 'print', input: {} }] }
          : { text: `It is ${text}.` },
      ),
      tools: [print],
    })
    const help = agentTool(helper, { name: 'help', description: 'Has something done.' })
    const boss = agent({
      name: 'boss',
      model: countedModel(world, ({ turn, text }) =>
        turn === 0
          ? {
              toolCalls: ['x', 'y'].map((id) => ({ id, name: 'help', input: { prompt: id } })),
            }
          : { text: `They say: ${text}` },
      ),
      tools: [help],
      budget: { turns: 9 },
    })
    return {
      flows: [boss, helper],
      drive: async (client) => {
        await client.start(boss, { prompt: 'Have it printed.' }, { id: 'boss-1' })
        await client.end('boss-1')
      },
    }
  },
}
