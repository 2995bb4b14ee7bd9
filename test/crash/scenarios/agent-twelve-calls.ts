/**
 * An agent that makes twelve calls: five of its model, three of a tool in parallel, and one that a
 * person in another process approves and that must not repeat.
 */
import { z } from 'zod'
import { agent, done, notDone, tool } from '../../../src/index.ts'
import { counted, countedModel, dally, hasHappened, soon } from '../counted.ts'
import type { Cast, Scenario } from '../scenario.ts'
import type { World } from '../world.ts'

const look = (id: string) => ({ id, name: 'look', input: { at: id } })
const mail = { id: 'm', name: 'mail', input: { to: 'ada' } }
const turns = [[look('a'), look('b'), look('c')], [look('d')], [mail, look('e')], [look('f')]]

const cast = (world: World): Cast => {
  const looking = tool({
    name: 'look',
    description: 'Looks.',
    input: z.object({ at: z.string() }),
    effect: 'read',
    run: ({ at }, context) => (counted(world, context), `seen ${at}`),
  })
  const mailing = tool({
    name: 'mail',
    description: 'Sends a mail.',
    input: z.object({ to: z.string() }),
    effect: 'once',
    approval: true,
    ...soon,
    reconcile: () => (hasHappened(world) ? done('sent') : notDone()),
    run: (_, context) => {
      counted(world, context)
      dally(world, 4)
      return 'sent'
    },
  })
  const model = countedModel(world, ({ turn, text }) => {
    const toolCalls = turns[turn]
    return toolCalls ? { toolCalls } : { text: `All seen, the last was ${text}, a mail sent.` }
  })
  const clerk = agent({ name: 'clerk', model, tools: [looking, mailing] })
  return {
    flows: [clerk],
    drive: async (client) => {
      await client.start(clerk, { prompt: 'Look around and tell Ada.' }, { id: 'clerk-1' })
      await client.end('clerk-1')
    },
    peer: (client) => client.approve('clerk-1'),
  }
}

export const agentTwelveCalls: Scenario = {
  name: 'agent: twelve calls',
  ends: { 'clerk-1': 'completed' },
  isLong: true,
  peer: 'client',
  make: cast,
}
