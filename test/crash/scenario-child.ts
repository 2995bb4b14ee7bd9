/**
 * A process of a scenario. Arguments: whose life it is, the scenario's name, the folder of the
 * point. The process to be killed has the shim loaded and does not know of it.
 */
import { join } from 'node:path'
import { open } from '../../src/index.ts'
import { findScenario } from './canaries.ts'
import { Client } from './client.ts'
import { hasDoneAll, optionsFor } from './recover.ts'
import { type Life, World } from './world.ts'

const [life = '', name = '', folder = ''] = process.argv.slice(2)
const scenario = findScenario(name)
const world = new World(join(folder, 'world'), life as Life)
const cast = scenario.make(world)
const works = (life === 'victim' ? scenario.victim : scenario.peer) !== 'client'
const ever = await open({
  ...optionsFor(scenario, cast, world, folder),
  ...(works ? {} : { work: false }),
})
const client = new Client(scenario.wrap?.(ever) ?? ever, world)
await (life === 'peer' ? cast.peer?.(client) : cast.drive(client))
if (life === 'peer' || scenario.closes) await ever.close()
// Without a word to the store: the end of a process that closes nothing is a kill as well.
process.exit(hasDoneAll)
