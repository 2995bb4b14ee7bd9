/** A run that fails inside a scope, and is retried from its failure once the outside is mended. */
import { flow } from '../../../src/index.ts'
import type { Scenario } from '../scenario.ts'

export const failedRunRetried: Scenario = {
  name: 'failed run retried',
  ends: { 'again-1': 'completed' },
  make: (world) => {
    const isMended = (): boolean =>
      world.lines().some((line) => line.is === 'noted' && line.what === 'mended')
    const fragile = flow('fragile', async (run) => {
      await run.step('first', () => world.executed(run.id, 'first'))
      return run.scope('second', (scope) =>
        scope.step('call', () => {
          world.executed(run.id, 'second/call')
          if (!isMended()) throw new Error('down')
          return 'up again'
        }),
      )
    })
    return {
      flows: [fragile],
      drive: async (client) => {
        await client.start(fragile, undefined, { id: 'again-1' })
        await client.rest('again-1')
        if (!isMended()) world.noted('mended')
        await client.retry('again-1')
        await client.end('again-1')
      },
    }
  },
}
