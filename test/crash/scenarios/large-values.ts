/** An artifact and a step's value that fill many pages. */
import { flow } from '../../../src/index.ts'
import type { Scenario } from '../scenario.ts'

export const largeValues: Scenario = {
  name: 'artifacts and large values',
  ends: { 'large-1': 'completed' },
  closes: true,
  make: (world) => {
    const store = flow('store', async (run) => {
      const artifact = await run.artifacts.put('report', 'page '.repeat(4000))
      const text = await run.step('write', () => {
        world.executed(run.id, 'write')
        return 'line\n'.repeat(4000)
      })
      const bytes = await run.artifacts.get(artifact)
      return [bytes.length, text.length, artifact.artifact]
    })
    return {
      flows: [store],
      drive: async (client) => {
        await client.start(store, undefined, { id: 'large-1' })
        await client.end('large-1')
      },
    }
  },
}
