/** What the frozen worker and its test share. */
import { setTimeout } from 'node:timers/promises'
import { type Flow, flow } from '../../src/index.ts'
import type { World } from './world.ts'

export const lease = '1s'
export const steps = 4

/** Steps that take a moment, so that a freeze falls into one. */
export const slowFlow = (world: World): Flow<void, number> =>
  flow('slow', async (run) => {
    let sum = 0
    for (let i = 1; i <= steps; i++) {
      sum += await run.step(`step ${i}`, async () => {
        world.executed(run.id, `step ${i}`)
        await setTimeout(150)
        return i
      })
    }
    return sum
  })
