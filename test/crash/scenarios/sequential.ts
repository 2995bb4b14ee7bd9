/** Steps one after another, on a file that does not exist yet, closed at the end. */
import { flow } from '../../../src/index.ts'
import type { Scenario } from '../scenario.ts'

export const sequential: Scenario = {
  name: 'sequential steps, new file',
  ends: { 'seq-1': 'completed' },
  onNewFile: true,
  closes: true,
  make: (world) => {
    const chain = flow('chain', async (run, word: string) => {
      const a = await run.step('a', () => (world.executed(run.id, 'a'), `${word}a`))
      const b = await run.step('b', () => (world.executed(run.id, 'b'), `${a}b`))
      return run.step('c', () => (world.executed(run.id, 'c'), `${b}c`))
    })
    return {
      flows: [chain],
      drive: async (client) => {
        await client.start(chain, 'x', { id: 'seq-1' })
        await client.end('seq-1')
      },
    }
  },
}
