/**
 * A process of a scenario. Arguments: whose life it is, the scenario's name, the folder of the
 * point, where to find what is outside. The process to be killed has the shim loaded and does not know of it.
 */
import { join } from 'node:path'
import { systemPorts } from '../../src/base/system.ts'
import { open } from '../../src/index.ts'
import { sqliteStore } from '../../src/store/sqlite/store.ts'
import { findScenario } from './canaries.ts'
import { Client } from './client.ts'
import { hasDoneAll, optionsFor, storeOf } from './recover.ts'
import { type Life, World } from './world.ts'

const [life = '', name = '', folder = '', outside = ''] = process.argv.slice(2)
const scenario = findScenario(name)
const world = new World(join(folder, 'world'), life as Life)
const cast = scenario.make(world, outside)
const works = (life === 'victim' ? scenario.victim : scenario.peer) !== 'client'
const { distort } = scenario
const store = distort && (await sqliteStore({ location: storeOf(folder), ports: systemPorts }))
const ever = await open({
  ...optionsFor(scenario, cast, world, folder),
  ...(store && life === 'victim' ? { store: distort(store) } : {}),
  ...(works ? {} : { work: false }),
})
const client = new Client(scenario.wrap?.(ever) ?? ever, world)
await (life === 'peer' ? cast.peer?.(client) : cast.drive(client))
if (life === 'peer' || scenario.closes) await ever.close()
// Without a word to the store: the end of a process that closes nothing is a kill as well.
process.exit(hasDoneAll)
