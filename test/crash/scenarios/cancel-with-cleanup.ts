/** A cancelled run that gives back what it holds before it ends. */
import { flow } from '../../../src/index.ts'
import type { Scenario } from '../scenario.ts'

export const cancelWithCleanup: Scenario = {
  name: 'cancel with cleanup',
  ends: { 'cancel-1': 'cancelled' },
  make: (world) => {
    const hold = flow('hold', async (run) => {
      await run.step('reserve', () => world.executed(run.id, 'reserve'))
      try {
        await run.signal('never')
      } finally {
        await run.cleanup('give back', (inner) =>
          inner.step('free', () => world.executed(run.id, 'give back/free')),
        )
      }
    })
    return {
      flows: [hold],
      drive: async (client) => {
        await client.start(hold, undefined, { id: 'cancel-1' })
        await client.cancel('cancel-1')
        await client.end('cancel-1', 'cancelled')
      },
    }
  },
}
