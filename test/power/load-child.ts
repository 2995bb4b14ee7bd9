/** The process whose calls are recorded. Arguments: the folder, the world's file, the durability. */
import { systemPorts } from '../../src/base/system.ts'
import { open } from '../../src/index.ts'
import { sqliteStore } from '../../src/store/sqlite/store.ts'
import { Client } from '../crash/client.ts'
import { storeOf } from '../crash/recover.ts'
import { World } from '../crash/world.ts'
import { acknowledging } from './acknowledging.ts'
import { makeLoad } from './load.ts'

const [folder = '', outside = '', durability = ''] = process.argv.slice(2)
const world = new World(outside, 'victim')
const load = makeLoad()
for (const [i, sit] of load.sittings.entries()) {
  const store = await sqliteStore({
    location: storeOf(folder),
    ports: systemPorts,
    durability: durability === 'process' ? 'process' : 'power-cut',
  })
  const ever = await open({
    store: acknowledging(store, world),
    flows: load.flows,
    work: { concurrency: 16 },
    onTrouble: (error) => world.trouble(String(error)),
  })
  await sit(new Client(ever, world))
  if (i + 1 < load.sittings.length) await ever.close()
}
// The last sitting ends without being closed.
process.kill(process.pid, 'SIGKILL')
