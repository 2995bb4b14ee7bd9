/** A loop whose state grows by one element each turn. */
import { flow } from '../../../src/index.ts'
import type { Scenario } from '../scenario.ts'

const turns = 5

export const growingLoop: Scenario = {
  name: 'growing loop',
  ends: { 'loop-1': 'completed' },
  make: (world) => {
    const grow = flow('grow', (run) =>
      run.loop('grow', { state: [] as readonly string[] }, async (turn, state) => {
        const word = await turn.step('word', () => {
          world.executed(turn.id, `grow/${turn.turn}/word`)
          return `word ${turn.turn}`
        })
        const next = [...state, word]
        return next.length < turns ? turn.next(next) : turn.done(next)
      }),
    )
    return {
      flows: [grow],
      drive: async (client) => {
        await client.start(grow, undefined, { id: 'loop-1' })
        await client.end('loop-1')
      },
    }
  },
}
