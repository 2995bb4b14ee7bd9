/** A worker that the test freezes and thaws. Arguments: the folder. */
import { join } from 'node:path'
import { open } from '../../src/index.ts'
import { lease, slowFlow } from './frozen.ts'
import { storeOf } from './recover.ts'
import { World } from './world.ts'

const [folder = ''] = process.argv.slice(2)
const world = new World(join(folder, 'world'), 'victim')
const ever = await open({
  store: `sqlite:${storeOf(folder)}`,
  flows: [slowFlow(world)],
  lease,
  onTrouble: (error, run) => world.trouble(`${run ?? 'store'}: ${String(error)}`),
})
await ever.work({ concurrency: 4 })
