/** The process that is killed only asks: another one, which lives on, executes. */
import { flow } from '../../../src/index.ts'
import type { Scenario } from '../scenario.ts'

export const clientKilled: Scenario = {
  name: 'client killed, worker elsewhere',
  ends: { 'asked-1': 'completed', 'asked-2': 'cancelled' },
  victim: 'client',
  peer: 'worker',
  make: (world) => {
    const serve = flow('serve', async (run) => {
      const verdict = await run.ask<string>('go on?')
      const order = await run.signal<number>('order')
      return run.step('cook', () => (world.executed(run.id, 'cook'), `${verdict} ${order}`))
    })
    return {
      flows: [serve],
      drive: async (client) => {
        await client.start(serve, undefined, { id: 'asked-1' })
        await client.start(serve, undefined, { id: 'asked-2' })
        await client.signal('asked-1', 'order', 7, 'order 7')
        await client.answer('asked-1', 'yes')
        await client.cancel('asked-2')
        await client.end('asked-1')
        await client.end('asked-2', 'cancelled')
      },
      peer: async (client) => {
        await client.end('asked-1')
        await client.end('asked-2', 'cancelled')
      },
    }
  },
}
