/** Signals that come faster than the run takes them, each with an id. */
import { flow } from '../../../src/index.ts'
import type { Scenario } from '../scenario.ts'

const count = 4

export const signalBurst: Scenario = {
  name: 'signal burst with ids',
  ends: { 'signal-1': 'completed' },
  make: (world) => {
    const collect = flow('collect', async (run) => {
      const values: number[] = []
      for (let i = 0; i < count; i++) values.push(await run.signal<number>('number'))
      return run.step('report', () => (world.executed(run.id, 'report'), values))
    })
    return {
      flows: [collect],
      drive: async (client) => {
        await client.start(collect, undefined, { id: 'signal-1' })
        for (let i = 1; i <= count; i++) await client.signal('signal-1', 'number', i, `number ${i}`)
        await client.end('signal-1')
      },
    }
  },
}
