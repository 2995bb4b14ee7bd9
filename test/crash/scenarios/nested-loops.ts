/** A loop in a loop, with a map in the inner one. */
import { flow } from '../../../src/index.ts'
import type { Scenario } from '../scenario.ts'

export const nestedLoops: Scenario = {
  name: 'nested loops with map',
  ends: { 'nest-1': 'completed' },
  make: (world) => {
    const nest = flow('nest', (run) =>
      run.loop('outer', { state: 0 }, async (outer, total) => {
        const part = await outer.loop('inner', { state: 0 }, async (inner, sum) => {
          const parts = await inner.map('both', [1, 2], (branch, item, index) =>
            branch.step('add', () => {
              world.executed(run.id, `outer/${outer.turn}/inner/${inner.turn}/both/${index}/add`)
              return item * outer.turn
            }),
          )
          const next = parts.reduce((a, b) => a + b, sum)
          return inner.turn < 2 ? inner.next(next) : inner.done(next)
        })
        return outer.turn < 2 ? outer.next(total + part) : outer.done(total + part)
      }),
    )
    return {
      flows: [nest],
      drive: async (client) => {
        await client.start(nest, undefined, { id: 'nest-1' })
        await client.end('nest-1')
      },
    }
  },
}
