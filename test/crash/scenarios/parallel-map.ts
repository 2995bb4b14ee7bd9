/** Branches of a map, two at a time. */
import { flow } from '../../../src/index.ts'
import type { Scenario } from '../scenario.ts'

export const parallelMap: Scenario = {
  name: 'parallel map',
  ends: { 'map-1': 'completed' },
  make: (world) => {
    const sum = flow('sum', async (run, items: number[]) => {
      const squares = await run.map('square', items, { concurrency: 2 }, (branch, item, index) =>
        branch.step('multiply', () => {
          world.executed(branch.id, `square/${index}/multiply`)
          return item * item
        }),
      )
      return squares.reduce((a, b) => a + b, 0)
    })
    return {
      flows: [sum],
      drive: async (client) => {
        await client.start(sum, [1, 2, 3, 4], { id: 'map-1' })
        await client.end('map-1')
      },
    }
  },
}
