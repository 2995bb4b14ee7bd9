/** An operator pauses a waiting run and lets it go on. */
import { flow } from '../../../src/index.ts'
import type { Scenario } from '../scenario.ts'

export const pauseAndResume: Scenario = {
  name: 'pause and resume',
  ends: { 'pause-1': 'completed' },
  make: (world) => {
    const patient = flow('patient', async (run) => {
      await run.step('before', () => world.executed(run.id, 'before'))
      const value = await run.signal<string>('go')
      return run.step('after', () => (world.executed(run.id, 'after'), value))
    })
    return {
      flows: [patient],
      drive: async (client) => {
        await client.start(patient, undefined, { id: 'pause-1' })
        await client.pause('pause-1')
        await client.signal('pause-1', 'go', 'went', 'go 1')
        await client.resume('pause-1')
        await client.end('pause-1')
      },
    }
  },
}
