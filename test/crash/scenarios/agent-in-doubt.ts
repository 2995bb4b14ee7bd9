/** A call that must not repeat and of which only a person can tell whether it happened. */
import { z } from 'zod'
import { agent, tool } from '../../../src/index.ts'
import { counted, countedModel, dally, hasHappened, soon } from '../counted.ts'
import type { Scenario } from '../scenario.ts'

const run = 'payer-1'
const calls = [
  { id: 'p', name: 'pay', input: { cents: 900 } },
  { id: 'q', name: 'quote', input: {} },
]

export const agentInDoubt: Scenario = {
  name: 'agent: only a person can tell',
  ends: { [run]: 'completed' },
  isLong: true,
  peer: 'client',
  make: (world) => {
    const pay = tool({
      name: 'pay',
      description: 'Pays.',
      input: z.object({ cents: z.number() }),
      effect: 'once',
      ...soon,
      run: ({ cents }, context) => {
        counted(world, context)
        dally(world, 4)
        return `paid ${cents}`
      },
    })
    const quote = tool({
      name: 'quote',
      description: 'Quotes.',
      input: z.object({}),
      effect: 'read',
      run: (_, context) => (counted(world, context), 'quoted'),
    })
    const model = countedModel(world, ({ turn, text }) =>
      turn === 0 ? { toolCalls: calls } : { text: `Done: ${text}` },
    )
    const payer = agent({ name: 'payer', model, tools: [pay, quote] })
    return {
      flows: [payer],
      drive: async (client) => {
        await client.start(payer, { prompt: 'Pay.' }, { id: run })
        await client.end(run)
      },
      // She looks into her bank's books.
      peer: (client) =>
        client.attend(run, () =>
          hasHappened(world, { run, path: 'turns/1/=call:p' })
            ? { verdict: 'done', result: 'paid 900' }
            : { verdict: 'retry' },
        ),
    }
  },
}
