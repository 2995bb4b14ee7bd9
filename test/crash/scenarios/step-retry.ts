/** A step that fails twice and is tried again, each attempt after a wait that is recorded. */
import { flow } from '../../../src/index.ts'
import type { Scenario } from '../scenario.ts'

export const stepRetry: Scenario = {
  name: 'step retry with back-off',
  ends: { 'retry-1': 'completed' },
  make: (world) => {
    const stubborn = flow('stubborn', (run) =>
      run.step('try', { retry: { attempts: 4, delay: 15 } }, ({ attempt }) => {
        world.executed(run.id, 'try', attempt)
        if (attempt < 3) throw new Error(`attempt ${attempt}`)
        return `worked at attempt ${attempt}`
      }),
    )
    return {
      flows: [stubborn],
      drive: async (client) => {
        await client.start(stubborn, undefined, { id: 'retry-1' })
        await client.end('retry-1')
      },
    }
  },
}
