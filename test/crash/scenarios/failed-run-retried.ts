/**
 * A run that fails inside a scope while a step beside it goes on and ends, and is retried from its
 * failure once the outside is mended.
 */
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
      let called = (): void => {}
      const call = new Promise<void>((resolve) => (called = resolve))
      const second = run.scope('second', (scope) =>
        scope.step('call', () => {
          setImmediate(called)
          world.executed(run.id, 'second/call')
          if (!isMended()) throw new Error('down')
          return 'up again'
        }),
      )
      void second.then(called, called)
      const beside = run.step('beside', async () => {
        await call
        world.executed(run.id, 'beside')
      })
      const [end] = await Promise.allSettled([second, beside])
      if (end.status === 'rejected') throw end.reason
      return end.value
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
