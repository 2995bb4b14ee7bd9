/** Three children: one completes, one fails, one is cancelled. The parent is told of each once. */
import { flow } from '../../../src/index.ts'
import type { Scenario } from '../scenario.ts'

export const children: Scenario = {
  name: 'children: ok, failing, cancelled',
  ends: { 'parent-1': 'completed' },
  make: (world) => {
    const good = flow('good', (run) =>
      run.step('work', () => (world.executed(run.id, 'work'), 'good')),
    )
    const bad = flow('bad', (run) =>
      run.step('break', () => {
        world.executed(run.id, 'break')
        throw new Error('broken')
      }),
    )
    const stuck = flow('stuck', (run) => run.signal('never'))
    const parent = flow('parent', async (run) => {
      const ends = await Promise.allSettled([
        run.child(good, undefined),
        run.child(bad, undefined),
        run.child(stuck, undefined),
      ])
      return ends.map(({ status }) => status)
    })
    return {
      flows: [good, bad, stuck, parent],
      drive: async (client) => {
        await client.start(parent, undefined, { id: 'parent-1' })
        const child = await client.childOf('parent-1', 'stuck')
        await client.cancel(child)
        await client.end('parent-1')
      },
    }
  },
}
