/** What the frozen worker and its test share. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type Flow, flow } from '../../src/index.ts'
import type { World } from './world.ts'

export const lease = '1s'
export const steps = 4

/** Steps of which the second lasts until there is a file, so that a freeze falls into it. */
export const slowFlow = (world: World): Flow<void, number> =>
  flow('slow', async (run) => {
    let sum = 0
    for (let i = 1; i <= steps; i++) {
      sum += await run.step(`step ${i}`, async () => {
        world.executed(run.id, `step ${i}`)
        if (i === 2) while (!existsSync(join(world.folder, 'go'))) await setTimeout(20)
        return i
      })
    }
    return sum
  })
