/** A sleep that ends while the process is there, or after it died. */
import { flow } from '../../../src/index.ts'
import type { Scenario } from '../scenario.ts'

export const sleepAcrossRestart: Scenario = {
  name: 'sleep across restart',
  ends: { 'sleep-1': 'completed' },
  make: (world) => {
    const nap = flow('nap', async (run) => {
      await run.step('before', () => world.executed(run.id, 'before'))
      await run.sleep(60)
      return run.step('after', () => (world.executed(run.id, 'after'), 'rested'))
    })
    return {
      flows: [nap],
      drive: async (client) => {
        await client.start(nap, undefined, { id: 'sleep-1' })
        await client.end('sleep-1')
      },
    }
  },
}
