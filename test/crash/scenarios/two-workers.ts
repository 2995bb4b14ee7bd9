/** Two processes that execute runs of one file; one of them is killed. */
import { flow } from '../../../src/index.ts'
import type { Scenario } from '../scenario.ts'

const ids = ['two-1', 'two-2', 'two-3']

export const twoWorkers: Scenario = {
  name: 'two workers',
  ends: Object.fromEntries(ids.map((id) => [id, 'completed'])),
  peer: 'worker',
  make: (world) => {
    const pair = flow('pair', async (run) => {
      const a = await run.step('a', () => (world.executed(run.id, 'a'), 'a'))
      return run.step('b', () => (world.executed(run.id, 'b'), `${a}b`))
    })
    return {
      flows: [pair],
      drive: async (client) => {
        for (const id of ids) await client.start(pair, undefined, { id })
        for (const id of ids) await client.end(id)
      },
      peer: async (client) => {
        for (const id of ids) await client.end(id)
      },
    }
  },
}
